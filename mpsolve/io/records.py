"""What stands in the files: the one description that decoding and schemas share."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, Struct

__all__ = [
    "BudgetRecord",
    "CouplingRecord",
    "GroupRecord",
    "GroupsRecord",
    "InventoryRecord",
    "LayoutRecord",
    "OptionRecord",
    "ProblemRecord",
    "TableRecord",
]

LARGEST_INT64 = 2**63 - 1

Name = Annotated[str, Meta(min_length=1)]
Integer = Annotated[int, Meta(ge=-LARGEST_INT64, le=LARGEST_INT64)]
Number = Integer | float
Row = list[float]
UsageRow = list[Number]


class _Record(Struct, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """An object of a file, whose keys are all known."""


class OptionRecord(_Record, kw_only=True):
    """One choice of a group: a precision of a layer."""

    precision: Annotated[Name, Meta(description="Name, unique in its group.")]
    loss: Annotated[float, Meta(description="What choosing it adds to the loss.")]
    usage: Annotated[
        dict[Name, Number],
        Meta(description="How much of each resource it takes; 0 where not named."),
    ] = {}


class GroupRecord(_Record, kw_only=True):
    """One decision: a layer, an expert, a sub-graph."""

    name: Annotated[Name, Meta(description="Name, unique in the problem.")]
    options: Annotated[list[OptionRecord], Meta(min_length=1)]


class BudgetRecord(_Record, kw_only=True):
    """Bounds on the total usage of a resource, in the resource's unit."""

    lower: Number | None = None
    upper: Number | None = None


class InventoryRecord(_Record, kw_only=True):
    """How many layers get each precision."""

    counts: dict[Name, Annotated[int, Meta(ge=0)]]
    exact: Annotated[
        bool, Meta(description="False: at most that many, instead of exactly.")
    ] = True


class CouplingRecord(_Record, kw_only=True):
    """A loss on a pair of groups."""

    first: Name
    second: Name
    table: Annotated[
        list[list[float | None]],
        Meta(
            description="Loss by option of the first (rows) and of the second "
            "(columns); null forbids the pair."
        ),
    ]


class ProblemRecord(_Record, kw_only=True):
    """One option for each group, at the least loss within the budgets."""

    format: Literal["mpsolve/problem"]
    version: Literal[1]
    name: str = ""
    source: Annotated[str, Meta(description="Where the numbers come from.")] = ""
    licence: Annotated[str, Meta(description="Licence of the numbers.")] = ""
    maximize: Annotated[
        bool, Meta(description="True where loss holds gains, to be maximised.")
    ] = False
    units: Annotated[
        dict[Name, str], Meta(description="Unit of each resource's numbers.")
    ] = {}
    budgets: Annotated[
        dict[Name, BudgetRecord], Meta(description="Bounds, by resource.")
    ] = {}
    ties: Annotated[
        list[list[Name]],
        Meta(description="Sets of groups that must get the same precision."),
    ] = []
    fixed: Annotated[
        dict[Name, Name], Meta(description="Precision already decided, by group.")
    ] = {}
    inventory: InventoryRecord | None = None
    couplings: list[CouplingRecord] = []
    objective: Annotated[
        Literal["sum", "max"],
        Meta(description="What is to be small: the sum of losses, or the largest."),
    ] = "sum"
    max_distinct: Annotated[
        Annotated[int, Meta(ge=1)] | None,
        Meta(description="How many different precisions a layout may use."),
    ] = None


class GroupsRecord(ProblemRecord, kw_only=True):
    """A problem whose groups may have different options."""

    groups: Annotated[list[GroupRecord], Meta(min_length=1)]


class TableRecord(ProblemRecord, kw_only=True):
    """A problem whose groups all have the same options: a row of numbers each."""

    precisions: Annotated[
        list[Name], Meta(min_length=1, description="Names of the columns.")
    ]
    layers: Annotated[
        list[Name] | None,
        Meta(description="Names of the rows; layer0, layer1, … where not given."),
    ] = None
    loss: Annotated[
        list[Row], Meta(min_length=1, description="One row a layer, finite.")
    ]
    usage: Annotated[
        dict[Name, list[UsageRow]],
        Meta(description="By resource; one row a layer, integers where possible."),
    ] = {}


class LayoutRecord(_Record, kw_only=True):
    """One precision for each layer of a problem, and what was proven about it."""

    format: Literal["mpsolve/layout"]
    version: Literal[1]
    problem: Annotated[str, Meta(description="Name of the problem.")] = ""
    loss: float | None = None
    bound: Annotated[
        float | None, Meta(description="Proven dual bound; null where there is none.")
    ] = None
    usage: dict[Name, Number] = {}
    reason: Annotated[str, Meta(description="OPTIMAL or FEASIBLE.")] = ""
    limit: Annotated[str, Meta(description="What stopped the search early.")] = ""
    method: str = ""
    rel_gap: float | None = None
    abs_gap: float | None = None
    choices: Annotated[dict[Name, Name], Meta(description="Precision by layer.")]
