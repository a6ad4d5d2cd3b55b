"""Options, groups, inventories, couplings and budgets as values."""

import numpy as np
import pytest

from mpsolve import Budget, Coupling, Group, Inventory, Option, at_most


def test_groups_hold_their_options_as_a_tuple():
    options = [Option("int4", 0.3), Option("int8", 0.1)]
    group = Group("a", options)
    options.clear()
    assert [o.precision for o in group.options] == ["int4", "int8"]
    assert group == Group("a", group.options)
    with pytest.raises(AttributeError):
        group.name = "b"


def test_inventories():
    counts = {"fp64": 1, "fp16": 2}
    inventory = Inventory(counts)
    counts["fp64"] = 9
    assert dict(inventory.counts) == {"fp64": 1, "fp16": 2}
    assert inventory == Inventory({"fp16": 2, "fp64": 1})
    assert hash(inventory) == hash(Inventory({"fp16": 2, "fp64": 1}))
    assert inventory != at_most(inventory.counts)
    assert at_most({"fp64": 1}) == Inventory({"fp64": 1}, exact=False)
    assert inventory != 3
    assert repr(inventory) == "Inventory(fp64×1, fp16×2)"
    with pytest.raises(TypeError):
        inventory.counts["fp64"] = 2


def test_couplings():
    coupling = Coupling("a", "b", [[0, 1], [2, 3]])
    assert coupling == Coupling("a", "b", np.array([[0.0, 1.0], [2.0, 3.0]]))
    assert coupling != Coupling("a", "c", coupling.table)
    assert coupling != Coupling("a", "b", coupling.table + 1)
    assert coupling != "a"
    assert hash(coupling) == hash(Coupling("a", "b", coupling.table))
    with pytest.raises(ValueError, match="read-only"):
        coupling.table[0, 0] = 1.0


def test_budgets_as_text():
    texts = [str(Budget(a, b)) for a, b in [(None, 1), (1, None), (1, 1), (1, 2)]]
    assert texts == ["<= 1", ">= 1", "== 1", "in [1, 2]"]
    assert str(Budget()) == "unbounded"
