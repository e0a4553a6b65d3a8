from __future__ import annotations

from dataclasses import replace

from reported import run
from staged import FAILED, PASSED, SKIPPED, in_cell, staged_run

from pytest_orchestra.model.case import CaseSpec
from pytest_orchestra.model.run import RunRecord
from pytest_orchestra.running.matrix_words import matrix_lines, once_notes

LITE, PG, MY = (("db", "lite"),), (("db", "pg"),), (("db", "my"),)


def lines(record: RunRecord, most: int | None = 20) -> list[str]:
    """Return what is said of a run."""
    return list(matrix_lines(record, most=most))


def test_tests_that_could_not_be_multiplied_are_told_of() -> None:
    """Those of matrix stages, counted and with the first by name."""
    stages = [each.spec for each in staged_run().stages]
    cell = in_cell("test_a", PASSED, *LITE).spec
    others = [CaseSpec("a.py::test_smoke", stage=0), CaseSpec("a.py::test_none")]
    assert list(once_notes(stages, [cell, *others])) == []
    lone, other = CaseSpec("a.py::U::test_x", stage=1), CaseSpec("a.py::U::test_y", stage=1)
    (line,) = once_notes(stages, [cell, *others, lone])
    assert line.startswith(
        "a.py::U::test_x of stage databases runs once, with no value of its axes: "
    )
    (line,) = once_notes(stages, [lone, cell, other])
    assert line.startswith("2 tests of stage databases, a.py::U::test_x among them, run once, ")


def test_a_run_without_a_matrix_says_nothing() -> None:
    """As most have none."""
    assert lines(run()) == []


def test_a_matrix_that_passed_is_one_line() -> None:
    """Columns that came to the same are told together."""
    cells = [in_cell(f"test_{n}", PASSED, *column) for n in range(3) for column in (LITE, PG)]
    assert lines(run(*cells)) == ["matrix by db: lite, pg: 3 passed each"]


def test_rows_that_failed_or_differ_are_shown() -> None:
    """With a column for each value in the order of the configuration; what was left out is a dash."""
    head, *rows = lines(staged_run())
    assert head == (
        "matrix of stage 'databases' by db and tls: sqlite/True: 2 passed, 1 skipped; sqlite/False, "
        "postgres/False: 2 passed each; postgres/True: 1 passed, 1 failed"
    )
    assert rows == [
        "  sqlite/True  sqlite/False  postgres/True  postgres/False",
        "  passed       passed        failed         passed          a.py::test_order",
    ]
    everywhere = [in_cell("test_bad", FAILED, *column) for column in (LITE, PG)]
    odd = [in_cell("test_odd", SKIPPED, *LITE), in_cell("test_odd", PASSED, *MY)]
    assert lines(run(*everywhere, *odd))[1:] == [
        "  lite     pg      my",
        "  failed   failed  -       a.py::test_bad",
        "  skipped  -       passed  a.py::test_odd",
    ]


def test_many_rows_are_counted_and_all_are_shown_on_demand() -> None:
    """Those that are alike only then."""
    cells = [in_cell(f"test_{n}", FAILED, *LITE) for n in range(5)]
    cells += [in_cell("test_fine", PASSED, *LITE)]
    short = lines(run(*cells), most=3)
    assert short[-1] == "  and 2 more that failed or differ (-v shows all)"
    assert len(short) == 6
    assert [line.split()[-1] for line in lines(run(*cells), most=None)[2:]] == [
        *(f"a.py::test_{n}" for n in range(5)),
        "a.py::test_fine",
    ]


def test_names_cannot_break_out_of_their_line() -> None:
    """Neither those of stages nor values, whatever a terminal would make of them."""
    text = "\n".join(lines(staged_run("\x1b[31m\n\a")))
    assert text.isprintable() or not {"\x1b", "\a"} & set(text)
    assert len(text.splitlines()) == 3


def test_a_stage_that_is_not_known_is_not_named() -> None:
    """A record may have lost it."""
    record = replace(staged_run(), stages=())
    assert lines(record)[0].startswith("matrix by db and tls: sqlite/True: ")
