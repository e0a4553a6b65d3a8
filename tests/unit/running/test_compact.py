from itertools import count

import pytest

from pytest_orchestra.model.usage import UNKNOWN, Usage
from pytest_orchestra.running.compact import fold, unfold

LOCATION = ("test_a.py", 3, "TestA.test_one")
NODEID = "test_a.py::TestA::test_one"


def make_reports(
    keywords: tuple[str, ...] = ("test_one", "", "test_a.py"),
) -> list[pytest.TestReport]:
    """Return what a test that passed leaves, with times that differ."""
    clock = count(1000.25, 0.5)
    return [
        pytest.TestReport(
            NODEID,
            LOCATION,
            dict.fromkeys(keywords, 1),
            "passed",
            None,
            when,
            start=next(clock),
            stop=next(clock),
            duration=next(clock),
        )
        for when in ("setup", "call", "teardown")
    ]


@pytest.mark.parametrize("keywords", [("",), ("test_one", "a b", "ü€\ud800")])
def test_what_was_folded_unfolds_to_the_same(keywords: tuple[str, ...]) -> None:
    """Also several, one after the other, and whatever the keywords are."""
    reports = make_reports(keywords)
    records = [
        fold(index, index + 0.125, (index / 4, index << 40, index), reports) for index in (7, 0)
    ]
    found = list(unfold(b"".join(record for record in records if record)))
    assert [(passed.index, passed.seconds) for passed in found] == [(7, 7.125), (0, 0.125)]
    assert [passed.usage for passed in found] == [(1.75, 7 << 40, 7), (0.0, 0, 0)]
    for passed in found:
        again = passed.reports(NODEID, LOCATION, worker_id="gw1")
        assert [vars(report) for report in again] == [
            {**vars(report), "worker_id": "gw1"} for report in reports
        ]


@pytest.mark.parametrize("usage", [UNKNOWN, (0.5, None, None), (0.5, 1 << 30, None)])
def test_what_is_not_known_stays_unknown(usage: Usage) -> None:
    """A figure that was not measured is None at the other end too, and no number."""
    record = fold(0, 1.0, usage, make_reports())
    assert record is not None
    assert [passed.usage for passed in unfold(record)] == [usage]


def test_nothing_unfolds_to_nothing() -> None:
    """A journal may be empty."""
    assert list(unfold(b"")) == []


def test_what_is_more_than_three_phases_is_not_folded() -> None:
    """Attempts that another plugin made, for one."""
    reports = make_reports()
    assert fold(0, 1.0, UNKNOWN, reports[:2]) is None
    assert fold(0, 1.0, UNKNOWN, [*reports, *reports]) is None
    assert fold(0, 1.0, UNKNOWN, reports[::-1]) is None


@pytest.mark.parametrize("keywords", [(), ("a\0b", "c")])
def test_keywords_that_cannot_be_joined_are_not_folded(keywords: tuple[str, ...]) -> None:
    """No test is without any, and NUL stands between them."""
    assert fold(0, 1.0, UNKNOWN, make_reports(keywords)) is None


def test_keywords_that_come_while_it_runs_are_not_folded() -> None:
    """All three reports of a record have the same."""
    reports = make_reports()
    reports[2].keywords = {**reports[2].keywords, "late": 1}
    assert fold(0, 1.0, UNKNOWN, reports) is None


def test_what_other_plugins_put_there_is_not_folded() -> None:
    """Keywords that are no text, and times that are no numbers."""
    reports = make_reports()
    for report in reports:
        report.keywords = {**report.keywords, 3: 1}  # type: ignore[dict-item]
    assert fold(0, 1.0, UNKNOWN, reports) is None
    reports = make_reports()
    reports[1].start = None  # type: ignore[assignment]
    assert fold(0, 1.0, UNKNOWN, reports) is None
