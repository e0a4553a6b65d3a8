from __future__ import annotations

from pytest_orchestra.history.renames import Trace, find_renames


def test_a_test_that_has_moved_is_recognised() -> None:
    """By its name and code, with its parameters, in another file or class."""
    new = [Trace("b.py::TestB::test_x[1]", 9, "d"), Trace("b.py::TestB::test_x[2]", 9, "d")]
    gone = [Trace("a.py::test_x[1]", 3, "d"), Trace("a.py::test_x[2]", 3, "d")]
    assert find_renames(new, gone) == {
        "b.py::TestB::test_x[1]": "a.py::test_x[1]",
        "b.py::TestB::test_x[2]": "a.py::test_x[2]",
    }


def test_a_test_that_has_another_name_is_recognised() -> None:
    """By its place and code."""
    new, gone = [Trace("a.py::test_new", 3, "d")], [Trace("a.py::test_old", 3, "d")]
    assert find_renames(new, gone) == {"a.py::test_new": "a.py::test_old"}


def test_other_code_is_another_test() -> None:
    """Neither name nor place is enough."""
    assert not find_renames([Trace("b.py::test_x", 3, "e")], [Trace("a.py::test_x", 3, "d")])
    assert not find_renames([Trace("a.py::test_y", 3, "e")], [Trace("a.py::test_x", 3, "d")])


def test_code_alone_is_not_enough() -> None:
    """Many tests do the same: another name at another place may be another test."""
    assert not find_renames([Trace("a.py::test_y", 8, "d")], [Trace("a.py::test_x", 3, "d")])
    assert not find_renames([Trace("b.py::test_y", 3, "d")], [Trace("a.py::test_x", 3, "d")])
    assert not find_renames([Trace("a.py::test_y", 0, "d")], [Trace("a.py::test_x", 0, "d")])


def test_nothing_is_recognised_by_no_code() -> None:
    """Items that are no functions have no digest."""
    assert not find_renames([Trace("b.py::test_x", 3, "")], [Trace("a.py::test_x", 3, "")])


def test_of_several_candidates_none_is_taken() -> None:
    """Whether two tests have become one, or one two: it is not certain which."""
    one = [Trace("c.py::test_x", 3, "d")]
    two = [Trace("a.py::test_x", 3, "d"), Trace("b.py::test_x", 3, "d")]
    assert not find_renames(one, two)
    assert not find_renames(two, one)


def test_nobody_is_taken_twice() -> None:
    """What has moved cannot have been renamed in place too."""
    gone = [Trace("a.py::test_x", 3, "d")]
    new = [Trace("b.py::test_x", 3, "d"), Trace("a.py::test_y", 3, "d")]
    assert find_renames(new, gone) == {"b.py::test_x": "a.py::test_x"}
