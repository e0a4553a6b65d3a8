"""What came of the real zoo, beside what its tests are: pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from benchmarks.results import ratio
from benchmarks.zoo_plan import Label, Visit
from pytest_orchestra.history.judgement.judge import Judgement
from pytest_orchestra.model.flakes import Standing


@dataclass(frozen=True, slots=True)
class Share:
    """So many ``of`` so many."""

    held: int
    of: int

    @property
    def missing(self) -> float | None:
        """The share of the others; None of nothing."""
        return ratio(self.of - self.held, self.of)

    def __str__(self) -> str:
        return f"{self.held} of {self.of}"


@dataclass(frozen=True, slots=True)
class Ran:
    """What came of one run; tests are node ids.

    ``status`` is pytest's exit status. In ``failed_first`` are tests whose first attempt failed,
    in ``failed`` those that failed in the end. Of the tests ``quarantined`` some failed in an attempt:
    ``excused`` are those that did not fail the run, and ``gating`` those that did all the same.
    """

    visit: Visit
    status: int
    seconds: float
    failed_first: frozenset[str]
    failed: frozenset[str]
    quarantined: frozenset[str] = frozenset()
    excused: frozenset[str] = frozenset()
    gating: frozenset[str] = frozenset()

    @property
    def is_green(self) -> bool:
        """Whether nothing fails the run."""
        return not self.status

    @property
    def let_through(self) -> frozenset[str]:
        """The tests in quarantine that the commit breaks, and that do not fail the run."""
        hidden = self.excused | (self.quarantined - self.failed)
        return self.visit.broken & self.quarantined & hidden


@dataclass(frozen=True, slots=True)
class Judged:
    """One test: what it is, and what is concluded about it."""

    label: Label
    judgement: Judgement

    @property
    def kinds(self) -> frozenset[str]:
        """What its failures are associated with."""
        return frozenset(str(each.kind) for each in self.judgement.associations)

    @property
    def is_covered(self) -> bool:
        """Whether the interval holds the rate, which must be known."""
        rate = self.label.rate
        assert rate is not None
        return self.judgement.posterior.low <= rate <= self.judgement.posterior.high


@dataclass(frozen=True)
class Found:
    """All ``runs`` with so many ``retries``, and what was concluded in the end, by node id."""

    retries: int
    runs: tuple[Ran, ...]
    tests: dict[str, Judged]

    def precision(self, standing: str) -> Share:
        """Return how many of those of this class belong there."""
        told = [e for e in self.tests.values() if e.judgement.standing == standing]
        return Share(sum(each.label.standing == standing for each in told), len(told))

    def recall(self, standing: str) -> Share:
        """Return how many of those that belong to this class are in it."""
        true = [each for each in self.tests.values() if each.label.standing == standing]
        return Share(sum(e.judgement.standing == standing for e in true), len(true))

    def association(self, kind: str) -> tuple[Share, Share]:
        """Return how often an association is right, and how often it is found, among the flaky."""
        flaky = [e for e in self.tests.values() if e.judgement.standing is Standing.FLAKY]
        told = [each for each in flaky if kind in each.kinds]
        true = [each for each in flaky if each.label.associated == kind]
        right = sum(each.label.associated == kind for each in told)
        return Share(right, len(told)), Share(right, len(true))

    def coverage(self, rate: float | None = None) -> Share:
        """Return how many intervals hold a rate that is known, or just this ``rate``."""
        known = [
            each
            for each in self.tests.values()
            if each.label.rate is not None and rate in {None, each.label.rate}
        ]
        return Share(sum(each.is_covered for each in known), len(known))

    @cached_property
    def rates(self) -> tuple[float, ...]:
        """The rates that are known."""
        rates = {each.label.rate for each in self.tests.values()}
        return tuple(sorted(rate for rate in rates if rate is not None))

    def of_kind(self, kind: str) -> dict[str, Judged]:
        """Return the tests of this kind."""
        return {nodeid: e for nodeid, e in self.tests.items() if e.label.kind == kind}

    def failed(self, nodeids: Sequence[str]) -> tuple[int, int, int]:
        """Return how often these ran, failed at first, and passed after that.

        Outages do not count, and neither do commits that break the test.
        """
        counts: Counter[str] = Counter()
        for ran in self.runs:
            if ran.visit.is_outage:
                continue
            for nodeid in nodeids:
                if nodeid not in ran.visit.broken:
                    counts["all"] += 1
                    counts["first"] += nodeid in ran.failed_first
                    counts["recovered"] += nodeid in ran.failed_first - ran.failed
        return counts["all"], counts["first"], counts["recovered"]

    @cached_property
    def counts(self) -> dict[str, int]:
        """How many runs and failures of each sort there were."""
        regressed = [ran for ran in self.runs if ran.visit.broken]
        others = [ran for ran in self.runs if not ran.visit.broken and not ran.visit.is_outage]
        red_first = [ran for ran in others if ran.failed_first]
        kept = [ran.visit.broken & ran.quarantined for ran in self.runs]
        flaked = [ran.failed_first & ran.quarantined for ran in others]
        return {
            "runs": len(self.runs),
            "outages": sum(ran.visit.is_outage for ran in self.runs),
            "runs with a regression": len(regressed),
            "runs with a regression that ended green": sum(ran.is_green for ran in regressed),
            "regressions of tests in quarantine": sum(map(len, kept)),
            "regressions of tests in quarantine, let through": sum(
                len(ran.let_through) for ran in self.runs
            ),
            "runs in which tests failed by chance alone": len(red_first),
            "runs in which tests failed by chance alone that ended green": sum(
                ran.is_green for ran in red_first
            ),
            "failures by chance in quarantine": sum(map(len, flaked)),
            "failures by chance in quarantine, let through": sum(
                len(ran.excused & each) for ran, each in zip(others, flaked, strict=True)
            ),
            "failures by chance in quarantine, gated though passed in the end": sum(
                len(ran.gating - ran.failed) for ran in others
            ),
        }
