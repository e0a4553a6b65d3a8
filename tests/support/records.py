"""Records of runs that never were: as large, and as hostile, as one likes."""

from __future__ import annotations

import heapq
import random
from dataclasses import dataclass, replace
from typing import Final

from pytest_orchestra.model.attempt import Attempt, Failure
from pytest_orchestra.model.case import CaseSpec, Claim
from pytest_orchestra.model.lease import Lease
from pytest_orchestra.model.requirement import Kind, Requirement
from pytest_orchestra.model.run import (
    CaseRecord,
    ResourceRecord,
    RunRecord,
    WarningRecord,
    WorkerRecord,
)
from pytest_orchestra.model.verdict import Cause, Verdict

#: When all of them began: the 14th of November 2023.
EPOCH: Final = 1_700_000_000.0

#: What would do harm in some form of report, or make it invalid.
HOSTILE: Final = (
    "</script><script>document.title='owned'</script>",
    "<img src=x onerror=\"document.title='owned'\">",
    "]]>",
    "<!--",
    "&amp;&#x41;",
    "'\" onfocus=document.title='owned' autofocus x='",
    "nul\0 esc\x1b[31m bell\a c1\x9b",
    "lone \ud800 and \udfff",
    "sep \u2028 and \u2029",
    "bidi \u202egnp.exe\u202c",
    "nonchar \ufffe \uffff \U0001ffff",
    "| a | `b` ``` ~~~",
    "javascript:document.title='owned'",
    "line\nfeed\r\ttab",
)

_FILE_SIZE: Final = 40
_TEXT: Final = """    def test_total(cart):
        cart.add("book", 2)
>       assert cart.total() == 39.8
E       AssertionError: assert 41.8 == 39.8
E        +  where 41.8 = total()

{file}:{line}: AssertionError"""


@dataclass(frozen=True)
class Shares:
    """Which share of the tests ends how, 0.0 to 1.0; the others pass."""

    failed: float = 0.002
    error: float = 0.001
    skipped: float = 0.02
    xfailed: float = 0.004
    constrained: float = 0.2
    dependent: float = 0.1


def made_up_run(  # noqa: PLR0913
    tests: int,
    *,
    workers: int = 4,
    seed: int = 1,
    shares: Shares | None = None,
    is_hostile: bool = False,
    output: int = 200,
) -> RunRecord:
    """Return the record of a run of ``tests`` on ``workers``, the same each time for one ``seed``.

    There are two tokens of ``db`` and they are never exceeded. Who depends on a test that did not pass is blocked.
    ``is_hostile`` puts HOSTILE in names, messages and output. What failed has printed ``output`` characters.
    """
    return _Maker(tests, workers, random.Random(seed), shares or Shares(), is_hostile, output).run()  # noqa: S311


class _Maker:
    def __init__(  # noqa: PLR0913, PLR0917
        self,
        tests: int,
        workers: int,
        rng: random.Random,
        shares: Shares,
        is_hostile: bool,  # noqa: FBT001
        output: int,
    ) -> None:
        self._tests = tests
        self._workers = workers
        self._rng = rng
        self._shares = shares
        self._is_hostile = is_hostile
        self._output = output
        self._free = [(0.0, number) for number in range(workers)]
        self._tokens = [0.0, 0.0]
        self._busy = [0.0] * workers
        self._ran = [0] * workers
        self._cases: list[CaseRecord] = []

    def run(self) -> RunRecord:
        for number in range(self._tests):
            self._cases.append(self._case(number))
        seconds = max(at for at, _ in self._free)
        return RunRecord(
            cases=tuple(self._cases),
            resources=(
                ResourceRecord("db", 2, 2, sum(case.held_up for case in self._cases)),
                ResourceRecord("memory", 8_000_000_000, 1_500_000_000, 0.0, is_quantity=True),
            ),
            workers=tuple(
                WorkerRecord(f"gw{number}", self._ran[number], self._busy[number], seconds)
                for number in range(self._workers)
            ),
            edges=sum(len(case.spec.needs) for case in self._cases),
            seconds=seconds,
            started=EPOCH,
            warnings=tuple(
                WarningRecord(
                    self._cases[0].spec.nodeid, "DeprecationWarning", self._hurt(text), "a.py", 3
                )
                for text in ("old", "older")
                if self._cases
            ),
        )

    def _hurt(self, text: str) -> str:
        return f"{text} {self._rng.choice(HOSTILE)}" if self._is_hostile else text

    def _spec(self, number: int) -> CaseSpec:
        file = f"tests/area_{number // _FILE_SIZE % 25}/test_part_{number // _FILE_SIZE}.py"
        name = f"test_{self._rng.choice(('price', 'stock', 'login', 'search', 'total'))}"
        nodeid = f"{file}::{name}[{self._hurt(str(number))}]"
        is_constrained = self._rng.random() < self._shares.constrained
        claims = frozenset({Claim("db")}) if is_constrained else frozenset()
        return CaseSpec(nodeid, file=file, line=10 + number % _FILE_SIZE * 7, claims=claims)

    def _case(self, number: int) -> CaseRecord:
        spec = self._spec(number)
        needs: tuple[Requirement, ...] = ()
        if number % _FILE_SIZE and self._rng.random() < self._shares.dependent:
            needs = (Requirement(Kind.DEPENDENCY, "first", (number - number % _FILE_SIZE,)),)
        if spec.claims:
            needs = (*needs, Requirement(Kind.RESOURCE, "db", amount="1"))
        for need in needs:
            for other in need.cases:
                if (cause := self._cause(other)) is not None:
                    return CaseRecord(spec, Verdict.BLOCKED, cause=cause, requirements=needs)
        return self._ran_case(spec, needs)

    def _cause(self, case: int) -> Cause | None:
        record = self._cases[case]
        if record.verdict in {Verdict.PASSED, Verdict.XPASSED}:
            return None
        return Cause(record.verdict.value, case, record.worker)

    def _ran_case(self, spec: CaseSpec, needs: tuple[Requirement, ...]) -> CaseRecord:
        free, worker = heapq.heappop(self._free)
        at = free
        if spec.claims:
            at = max(free, heapq.heappop(self._tokens))
        attempt = self._attempt(spec, f"gw{worker}", at)
        seconds = attempt.seconds
        heapq.heappush(self._free, (at + seconds, worker))
        if spec.claims:
            heapq.heappush(self._tokens, at + seconds)
        self._busy[worker] += seconds
        self._ran[worker] += 1
        return CaseRecord(
            spec,
            attempt.verdict,
            worker=f"gw{worker}",
            ready_at=max(0.0, free - 0.01),
            refused_at=free if at > free else None,
            assigned_at=at,
            seconds=seconds,
            waited_for="db" if at > free else None,
            cpu_seconds=seconds / 2,
            memory_peak=60_000_000,
            memory_used=1_000_000,
            requirements=needs,
            leases=(Lease("db", 1, ("0",)),) if spec.claims else (),
            attempts=(attempt,),
        )

    def _attempt(self, spec: CaseSpec, worker: str, at: float) -> Attempt:
        call = self._rng.lognormvariate(-4, 1.2)
        plain = Attempt(Verdict.PASSED, EPOCH + at, 0.0002, call, 0.0001, worker)
        chance = self._rng.random()
        for verdict, share in (
            (Verdict.FAILED, self._shares.failed),
            (Verdict.ERROR, self._shares.error),
            (Verdict.SKIPPED, self._shares.skipped),
            (Verdict.XFAILED, self._shares.xfailed),
        ):
            if chance < share:
                return self._ended(plain, spec, verdict)
            chance -= share
        return plain

    def _ended(self, plain: Attempt, spec: CaseSpec, verdict: Verdict) -> Attempt:
        if verdict in {Verdict.SKIPPED, Verdict.XFAILED}:
            return replace(plain, verdict=verdict, reason=self._hurt("not on this platform"))
        phase = "setup" if verdict is Verdict.ERROR else "call"
        message = self._hurt("assert 41.8 == 39.8")
        text = self._hurt(_TEXT.format(file=spec.file, line=spec.line))
        output = (self._hurt("GET /cart 200\n") * (self._output // 14 + 1))[: self._output]
        return replace(
            plain,
            verdict=verdict,
            signature=f"AssertionError | {message} | {spec.file}",
            failures=(Failure(phase, "AssertionError", message, text),),
            sections=((f"Captured stdout {phase}", output),),
            properties=(("seed", self._hurt("7")),),
        )
