"""What is said of stages before a run and while it goes on."""

from __future__ import annotations

from pytest_orchestra.model.stage import Check, Gate, OnFail, StageFigures, StageSpec
from pytest_orchestra.running.stage_words import gate_notice, stage_lines
from pytest_orchestra.scheduling.stages import GateNews, GateState
from pytest_orchestra.scheduling.staging import Staging

STRICT = Gate(max_failures=0)


def test_a_failed_gate_is_said_to_do_what_it_does() -> None:
    """If no stage needs it, none is skipped and none goes on: the run has failed, and that is all."""
    staging = Staging(
        (
            StageSpec("one", gate=STRICT),
            StageSpec("two", needs=("one",), gate=STRICT),
            StageSpec("three", gate=STRICT, on_fail=OnFail.CONTINUE),
            StageSpec("four", gate=STRICT, on_fail=OnFail.HALT),
        ),
        (0, 1, 2, 3),
    )
    ends = [line.partition("max_failures 0, else ")[2] for line in stage_lines(staging)]
    assert ends == [
        "the stages that need it are skipped",
        "the run has failed",
        "the run has failed",
        "nothing else begins",
    ]
    checks = (Check("max_failures", is_met=False, detail="1 failed"),)
    news = GateNews(1, GateState.FAILED, 1.0, StageFigures("two"), checks)
    assert gate_notice(news, staging).text == (
        "stage two: gate failed after 1.0 s: 1 failed; the run has failed"
    )
