"""What a problem is: groups, options, budgets, inventory, couplings, ties."""

from mpsolve.model.budget import Budget
from mpsolve.model.coupling import Coupling
from mpsolve.model.group import Group, Option
from mpsolve.model.inventory import Inventory, at_most
from mpsolve.model.layout import Layout
from mpsolve.model.problem import Problem
from mpsolve.model.resource import Resource

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
]
