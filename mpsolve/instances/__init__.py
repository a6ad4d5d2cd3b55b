"""Real problems: published ones and quantizers' own, each with a proven optimum.

>>> from mpsolve import instances
>>> problem = instances.load("resnet50-memory-25")
>>> problem
Problem(52 groups, 104 options, memory <= 14653440, 4 ties)
"""

from mpsolve.instances.files import read
from mpsolve.instances.library import Instance, describe, load, names, published

__all__ = ["Instance", "describe", "load", "names", "published", "read"]
