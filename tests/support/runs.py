"""Records of runs and shards for the tests of merging, made in one line."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from pytest_orchestra.model.attempt import Attempt, Failure
from pytest_orchestra.model.case import CaseSpec
from pytest_orchestra.model.requirement import Kind, Requirement
from pytest_orchestra.model.run import CaseRecord, RunRecord, WorkerRecord
from pytest_orchestra.model.shard import ShardRecord
from pytest_orchestra.model.verdict import Verdict

#: When the first run began.
EPOCH: Final = 1_700_000_000.0

_BAD: Final = {Verdict.FAILED, Verdict.ERROR}
_NEVER_RAN: Final = {Verdict.BLOCKED, Verdict.NOT_RUN}


def tried(verdict: Verdict, started: float, worker: str = "gw0") -> Attempt:
    """Return an attempt that took half a second."""
    failures = (Failure("call", "ValueError", "no", "text"),) if verdict in _BAD else ()
    return Attempt(verdict, started, 0.0, 0.5, 0.0, worker, failures=failures)


def became(name: str, verdict: Verdict = Verdict.PASSED, at: float = EPOCH) -> CaseRecord:
    """Return a test of ``a.py`` that ended with ``verdict``; it began at ``at``."""
    spec = CaseSpec(f"a.py::{name}", "a.py", 1)
    if verdict in _NEVER_RAN:
        return CaseRecord(spec, verdict)
    return CaseRecord(
        spec,
        verdict,
        worker="gw0",
        ready_at=0.0,
        assigned_at=1.0,
        seconds=0.5,
        attempts=(tried(verdict, at),),
    )


def run_of(
    *cases: CaseRecord,
    uuid: str = "first",
    started: float = EPOCH,
    shard: ShardRecord | None = None,
) -> RunRecord:
    """Return a run of 10 seconds on one worker."""
    worker = WorkerRecord("gw0", len(cases), 5.0, 10.0)
    return RunRecord(cases, (), (worker,), 0, 10.0, started=started, uuid=uuid, shard=shard)


def shards_of(*sizes: int, digest: str = "d1") -> list[RunRecord]:
    """Return shards of a suite whose tests are numbered; each but the first depends on the one before."""
    runs = []
    first = 0
    for index, size in enumerate(sizes, 1):
        record = ShardRecord(index, len(sizes), digest, sizes, tuple(map(float, sizes)))
        started = EPOCH + index
        cases = [became(f"test_{first + n}", at=started + n) for n in range(size)]
        tied = [
            case
            if not n
            else replace(case, requirements=(Requirement(Kind.DEPENDENCY, "x", (n - 1,)),))
            for n, case in enumerate(cases)
        ]
        runs.append(run_of(*tied, uuid=f"shard{index}", started=started, shard=record))
        first += size
    return runs


def verdicts(run: RunRecord) -> dict[str, str]:
    """Return how each test ended, by its name."""
    return {case.spec.nodeid.partition("::")[2]: str(case.verdict) for case in run.cases}


def names(run: RunRecord, cases: Sequence[int]) -> list[str]:
    """Return the names of the tests with these numbers."""
    return [run.cases[case].spec.nodeid.partition("::")[2] for case in cases]
