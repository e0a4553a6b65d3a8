"""Runs for the tests of the history, made in one line."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from pytest_orchestra.history.recent import FAILURES, OUTCOMES
from pytest_orchestra.history.renames import Trace
from pytest_orchestra.model.attempt import Attempt
from pytest_orchestra.model.evidence import CaseEvidence, FixtureEvidence, RunEvidence
from pytest_orchestra.model.verdict import Verdict

#: When the first run begins, in seconds since the epoch, and how much later each next one does.
EPOCH: Final = 1_700_000_000.0
HOUR: Final = 3600.0

PYTHON: Final = "cpython-311"
HERE: Final = "cpython-3.11.7 linux"


def attempt(verdict: Verdict = Verdict.PASSED, seconds: float = 0.5, **more: str) -> Attempt:
    """Return an attempt that spent all of its ``seconds`` in the test itself."""
    failed = OUTCOMES.index(verdict) in FAILURES
    signature = more.get("signature", "ValueError | N" if failed else "")
    return Attempt(verdict, EPOCH, 0.0, seconds, 0.0, more.get("worker", "gw0"), signature)


def case(nodeid: str, *attempts: Attempt, body: str = "", line: int = 0) -> CaseEvidence:
    """Return a test with these attempts, by default one that passed."""
    digest = f"{PYTHON}-{body}" if body else ""
    return CaseEvidence(nodeid, attempts or (attempt(),), line, digest)


def run(
    number: int,
    *cases: CaseEvidence,
    fixtures: Mapping[tuple[str, str], float] | None = None,
    environment: str = HERE,
) -> RunEvidence:
    """Return the run of that number: each begins an hour after the one before."""
    return RunEvidence(
        uuid=f"run-{number}",
        started=EPOCH + number * HOUR,
        seconds=1.0,
        cases=cases,
        fixtures=tuple(
            FixtureEvidence(name, scope, seconds)
            for (name, scope), seconds in (fixtures or {}).items()
        ),
        commit="c0ffee",
        is_clean=True,
        environment=environment,
        workers=2,
        hosts=("one", "two"),
    )


def traces(*nodeids: str, body: str = "") -> Sequence[Trace]:
    """Return tests as they were collected."""
    return [Trace(nodeid, 0, f"{PYTHON}-{body}" if body else "") for nodeid in nodeids]
