from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest

from pytest_orchestra.model.case import CaseSpec
from pytest_orchestra.model.flakes import (
    FlakeRecord,
    QuarantineRecord,
    Rate,
    Standing,
    SuiteFlakes,
    Trend,
)
from pytest_orchestra.model.run import CaseRecord, RunRecord
from pytest_orchestra.model.verdict import Verdict
from pytest_orchestra.running.flakes import flake_lines

FLAKY = FlakeRecord(
    0, Standing.FLAKY, "flaky: so often", 9, Rate(0.2, 0.1, 0.3), 0.3, 0.99, 2, (), 1.0, 1
)
SUITE = SuiteFlakes(Rate(0.05, 0.01, 0.2), Rate(0.02, 0.01, 0.03), 12, None, Trend.UNCLEAR)


def lines(most: int | None = None, **more: object) -> list[str]:
    """Return the lines about a run of three tests with these conclusions."""
    cases = tuple(CaseRecord(CaseSpec(f"a.py::test_{n}"), Verdict.FAILED) for n in range(3))
    record = replace(RunRecord(cases, (), (), 0, 1.0), **more)  # type: ignore[arg-type]
    return list(flake_lines(record, most))


@pytest.mark.parametrize(
    ("flake", "expected"),
    [
        (FLAKY, True),
        (replace(FLAKY, standing=Standing.BROKEN), True),
        (replace(FLAKY, standing=Standing.HEALTHY), False),
        (replace(FLAKY, standing=Standing.NEW), False),
        (replace(FLAKY, standing=Standing.SUSPECT), True),
        (replace(FLAKY, standing=Standing.SUSPECT, probability=0.2), True),
        (replace(FLAKY, standing=Standing.SUSPECT, probability=0.6, disagreements=0), True),
        (replace(FLAKY, standing=Standing.SUSPECT, probability=0.2, disagreements=0), False),
    ],
)
def test_only_what_is_news_is_told(flake: FlakeRecord, *, expected: bool) -> None:
    """New and healthy tests say nothing, nor do faint suspicions."""
    told = ["what failed, by the history:", "  a.py::test_0  flaky: so often"]
    assert lines(flakes=(flake,)) == (told if expected else [])


def test_quarantine_is_told_apart() -> None:
    """Each test that failed in it, with what becomes of it; not too many of either kind."""
    entry = QuarantineRecord(0, "ana", "r", date(2027, 1, 1), gates=False, sentence="in quarantine")
    entries = tuple(replace(entry, case=case) for case in range(3))
    assert lines(2, quarantine=entries) == [
        "quarantine:",
        "  a.py::test_0  in quarantine",
        "  a.py::test_1  in quarantine",
        "  and 1 more (-v shows all)",
    ]


def test_who_gates_and_who_is_excused() -> None:
    """The record tells both apart for those who decide by it."""
    entry = QuarantineRecord(0, "ana", "r", date(2027, 1, 1), gates=False, sentence="")
    gating = replace(entry, case=1, gates=True)
    record = RunRecord((), (), (), 0, 1.0, quarantine=(entry, gating))
    assert record.gating == (gating,)
    assert record.excused == {0}


@pytest.mark.parametrize(
    ("suite", "expected"),
    [
        (SUITE, "5 % of the tests in this run, 2 % (1 % to 3 %) in the last 12 runs"),
        (
            replace(SUITE, latest=Rate(0.0, 0.0, 0.1), trend=Trend.FALLING),
            "no test in this run, 2 % (1 % to 3 %) in the last 12 runs, falling",
        ),
        (replace(SUITE, runs=1), "5 % of the tests in this run"),
        (replace(SUITE, overall=Rate(0.0, 0.0, 0.01)), None),
        (None, None),
    ],
)
def test_the_suite_has_a_line(suite: SuiteFlakes | None, expected: str | None) -> None:
    """Once anything has flaked."""
    assert lines(suite_flakes=suite) == ([f"flaky: {expected}"] if expected else [])
