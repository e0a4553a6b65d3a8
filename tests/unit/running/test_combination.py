from __future__ import annotations

from typing import Any

import pytest

from pytest_orchestra.running.combination import Combination, column_of, label_of, stage_of


def test_it_is_read_like_a_mapping_or_by_its_axes() -> None:
    """In the order of the configuration, with the types that the file has."""
    matrix = Combination({"db": "sqlite", "tls": True, "size": 2}, stage=3)
    assert (matrix["db"], matrix.tls, matrix.size) == ("sqlite", True, 2)
    assert list(matrix) == ["db", "tls", "size"]
    assert dict(matrix) == {"db": "sqlite", "tls": True, "size": 2}
    assert len(matrix) == 3
    assert stage_of(matrix) == 3
    assert repr(matrix) == "matrix(db='sqlite', tls=True, size=2)"


def test_an_axis_that_is_not_there_is_named_with_those_that_are() -> None:
    """Whichever way it is asked for; what pickle and copy ask for is no axis."""
    matrix = Combination({"db": "sqlite", "tls": True})
    with pytest.raises(KeyError, match=r"no axis 'bd': its axes are db, tls"):
        matrix["bd"]
    with pytest.raises(AttributeError, match=r"no axis 'bd': its axes are db, tls"):
        _ = matrix.bd
    with pytest.raises(AttributeError):
        _ = matrix.__deepcopy__


def test_it_cannot_be_changed() -> None:
    """All tests of its column share it."""
    matrix: Any = Combination({"db": "sqlite"})
    with pytest.raises(TypeError):
        matrix["db"] = "postgres"
    with pytest.raises(AttributeError):
        matrix.db = "postgres"


def test_an_axis_may_be_called_as_it_likes() -> None:
    """What all mappings have keeps its meaning, and the value is there in brackets."""
    matrix = Combination({"keys": "a", "stage": "b", "_db": "c"})
    assert (matrix["keys"], matrix.stage, matrix["_db"]) == ("a", "b", "c")
    assert sorted(matrix.keys()) == ["_db", "keys", "stage"]


def test_values_of_other_types_are_other_values() -> None:
    """A fixture that was set up for 1 does not serve true, though Python takes them for equal."""
    one, true = Combination({"n": 1}), Combination({"n": True})
    assert one == Combination({"n": 1}, stage=2)
    assert hash(one) == hash(Combination({"n": 1}, stage=2))
    assert one != true
    assert one == {"n": 1}
    assert one != "n"


def test_it_has_a_text_for_node_ids_and_one_for_each_axis() -> None:
    """Both say which axis has which value."""
    matrix = Combination({"db": "sqlite", "tls": True})
    assert label_of(matrix) == "db=sqlite,tls=True"
    assert column_of(matrix) == (("db", "sqlite"), ("tls", "True"))
