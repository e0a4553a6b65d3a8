"""Tests of a matrix depend on, and get data from, what stands in their own column."""

from __future__ import annotations

from typing import Any

from pytest_orchestra.model.case import CaseSpec, Cell, Need
from pytest_orchestra.scheduling.data import pair
from pytest_orchestra.scheduling.names import Names

LITE, PG = (("db", "lite"),), (("db", "pg"),)


def cell(name: str, column: tuple[tuple[str, str], ...], own: str = "", **rest: Any) -> CaseSpec:
    """Return a test in a column of a matrix, with parameters of its ``own`` before the values of axes."""
    values = ",".join(f"{axis}={value}" for axis, value in column)
    params = "-".join(filter(None, [own, values]))
    row = f"t.py::{name}" + f"[{own}]" * bool(own)
    return CaseSpec(f"t.py::{name}[{params}]", cell=Cell(row, column), **rest)


def meant(need: Need | str, dependant: CaseSpec, *others: CaseSpec) -> list[str]:
    """Return the parameters of what ``need`` means to ``dependant`` among ``others``."""
    cases = [dependant, *others]
    found = Names(cases).resolve(Need(need) if isinstance(need, str) else need, 0)
    return [cases[case].nodeid.removeprefix("t.py::") for case in found]


def test_a_dependency_stays_in_its_column() -> None:
    """What fails on one database blocks nothing on another; a custom name and a glob are no different."""
    create = [cell("test_create", column, names=("made",)) for column in (LITE, PG)]
    for target in ("test_create", "made", "test_cr*"):
        assert meant(target, cell("test_use", PG), *create) == ["test_create[db=pg]"]
    assert meant("test_create", cell("test_use", PG, "7"), *create) == ["test_create[db=pg]"]


def test_only_axes_that_both_have_count() -> None:
    """Another stage may have more of them, or fewer."""
    wide = (("db", "pg"), ("os", "win"))
    assert meant("test_a", cell("test_b", wide), cell("test_a", LITE), cell("test_a", PG)) == [
        "test_a[db=pg]"
    ]
    others = [cell("test_a", (*column, ("os", "win"))) for column in (LITE, PG)]
    assert meant("test_a", cell("test_b", PG), *others) == ["test_a[db=pg,os=win]"]


def test_where_nothing_is_in_the_column_all_is_meant() -> None:
    """A node id in full is what it says, and what has no column is for all."""
    create = [cell("test_create", LITE), CaseSpec("t.py::test_plain")]
    dependant = cell("test_use", PG)
    assert meant("t.py::test_create[db=lite]", dependant, *create) == ["test_create[db=lite]"]
    assert meant("test_create", dependant, *create) == ["test_create[db=lite]"]
    assert meant("test_plain", dependant, *create) == ["test_plain"]


def test_who_is_in_no_column_depends_on_all() -> None:
    """As on all parameter sets of any test."""
    create = [cell("test_create", column) for column in (LITE, PG)]
    found = meant("test_create", CaseSpec("t.py::test_use"), *create)
    assert found == ["test_create[db=lite]", "test_create[db=pg]"]


def test_own_parameters_are_matched_without_those_of_the_matrix() -> None:
    """``match_params`` pairs what the user has parametrized, within the column."""
    need = Need("test_create", match_params=True)
    create = [cell("test_create", column, own) for column in (LITE, PG) for own in ("7", "8")]
    assert meant(need, cell("test_use", PG, "7"), *create) == ["test_create[7-db=pg]"]
    assert meant(need, cell("test_use", PG, "7"), cell("test_create", PG)) == ["test_create[db=pg]"]
    assert meant(need, cell("test_use", PG, "9"), *create) == []


def test_data_stays_in_its_column() -> None:
    """Also where only the user of it has parameters besides."""
    make = [cell("test_create", column, provides=("user",)) for column in (LITE, PG)]
    use = [cell("test_use", PG, "7", uses=("user",)), cell("test_use", LITE, "7", uses=("user",))]
    pairing = pair([*make, *use])
    assert pairing.sources == {2: {"user": 1}, 3: {"user": 0}}
    assert pairing.problems == ()


def test_data_of_several_in_one_column_is_in_dispute() -> None:
    """It cannot be told which of them is meant, nor who serves those in no column."""
    make = [cell("test_create", PG, own, provides=("user",)) for own in ("7", "8")]
    make.append(CaseSpec("t.py::test_create[other]", provides=("user",)))
    for user in (cell("test_use", PG, uses=("user",)), CaseSpec("t.py::test_x", uses=("user",))):
        (problem,) = pair([*make, user]).problems
        assert "which 3 parameter sets provide" in problem.what


def test_all_tests_of_a_column_mean_the_same() -> None:
    """By the same name, whichever of them asks first."""
    cases = [cell("test_a", PG), cell("test_b", PG), cell("test_c", LITE), cell("test_c", PG)]
    names = Names(cases)
    assert [names.resolve(Need("test_c"), case) for case in (0, 1, 0)] == [(3,)] * 3
