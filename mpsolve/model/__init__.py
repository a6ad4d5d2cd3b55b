"""What a problem is: groups, options, budgets, inventory, couplings, ties."""

from mpsolve.model.budget import Budget
from mpsolve.model.conversion import boundary_loss, conversion_loss, monotone
from mpsolve.model.coupling import Coupling
from mpsolve.model.datatypes import lossless_matrix, rounding_errors
from mpsolve.model.group import Group, Option
from mpsolve.model.inventory import Inventory, at_most
from mpsolve.model.joint import joint_options, layer_precisions
from mpsolve.model.layout import Layout
from mpsolve.model.problem import Problem
from mpsolve.model.resource import Resource
from mpsolve.model.subgraphs import sequential_subgraphs

__all__ = [
    "Budget",
    "Coupling",
    "Group",
    "Inventory",
    "Layout",
    "Option",
    "Problem",
    "Resource",
    "at_most",
    "boundary_loss",
    "conversion_loss",
    "joint_options",
    "layer_precisions",
    "lossless_matrix",
    "monotone",
    "rounding_errors",
    "sequential_subgraphs",
]
