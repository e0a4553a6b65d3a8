from __future__ import annotations

import pytest
from observations import history

from pytest_orchestra.history.judgement.observation import is_outage


@pytest.mark.parametrize(
    ("failed", "tests", "expected"),
    [(31, 100, True), (30, 100, False), (4, 4, False), (5, 5, True), (0, 0, False)],
)
def test_an_outage_is_many_failures_and_a_large_share(
    failed: int, tests: int, *, expected: bool
) -> None:
    """Over 30 % of the tests, and enough of them that it is not about one."""
    assert is_outage(failed, tests) is expected


def test_a_run_passed_if_any_attempt_did() -> None:
    """Retries decide how a run ends, but the first attempt stays what it was."""
    recovered, failed = history("ra")
    assert recovered.passed
    assert not recovered.first.passed
    assert not failed.passed
