"""What a run came to, as the command tells it."""

from __future__ import annotations

from dataclasses import replace

from reported import attempt, case, run

from pytest_orchestra.cli.outcome import has_failed, lines
from pytest_orchestra.model.verdict import Cause, Verdict


def test_flaky_tests_fail_a_run_that_was_to_fail_on_them() -> None:
    """A run under --orchestrate-fail-on-flaky failed, so its record does, and the lines say why."""
    flaky = case(Verdict.FLAKY, attempt(Verdict.FAILED), attempt(Verdict.PASSED))
    record = run(flaky)
    assert not has_failed(record)
    strict = replace(record, fails_on_flaky=True)
    assert has_failed(strict)
    assert "  --orchestrate-fail-on-flaky: 1 test is flaky" in lines(strict)


def test_tests_that_could_not_be_given_what_they_claim_fail_a_run() -> None:
    """As they do in the run itself."""
    denied = case(Verdict.NOT_RUN, cause=Cause(reason="no 'gpu' anywhere", is_denied=True))
    assert has_failed(run(denied))
