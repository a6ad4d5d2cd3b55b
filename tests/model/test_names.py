"""Names of groups."""

import pytest

from mpsolve.model.names import Names


@pytest.mark.parametrize(
    "names", [Names(["a", "b", "c"]), Names(None, 3)], ids=["given", "numbered"]
)
def test_a_sequence_with_an_index(names):
    members = list(names)
    assert len(names) == len(members) == 3
    assert [names[i] for i in range(-3, 3)] == members * 2
    assert names[1:] == tuple(members[1:])
    assert [names.index(name) for name in members] == [0, 1, 2]
    assert all(name in names for name in members)
    with pytest.raises(IndexError):
        names[3]


@pytest.mark.parametrize(
    "unknown",
    ["layer3", "layer", "layer-1", "layer01", "layer 1", "layer²", "2", "", 1, None],
)
def test_unknown_names(unknown):
    for names in (Names(None, 3), Names(["a", "b"])):
        assert unknown not in names
        assert names.find(unknown) is None
        with pytest.raises(ValueError, match="no group is named"):
            names.index(unknown)


def test_index_honours_its_range():
    names = Names(["a", "b", "c"])
    assert names.index("b", 1, 2) == 1
    with pytest.raises(ValueError, match="'a'"):
        names.index("a", 1)


def test_equality_does_not_ask_who_named_them():
    assert Names(None, 2) == Names(None, 2) != Names(None, 3)
    assert Names(["layer0", "layer1"]) == Names(None, 2)
    assert Names(["a"]) != Names(["b"])
    assert Names(["a"]) != ["a"]


def test_equal_names_have_equal_hashes():
    assert hash(Names(["layer0", "layer1"])) == hash(Names(None, 2))


def test_a_million_names_are_numbers_until_asked():
    names = Names(None, 10**12)
    assert names[10**12 - 1] == "layer999999999999"
    assert names.index("layer999999999999") == 10**12 - 1
    assert repr(names) == "Names(None, 1000000000000)"
    assert repr(Names(["a"])) == "Names(('a',))"
