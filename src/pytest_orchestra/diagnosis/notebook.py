"""What the experiments have shown so far, and what they cost."""

from __future__ import annotations

from collections.abc import Iterator

from pytest_orchestra.diagnosis.experiment import ALONE, Condition, Count, Experiment, Result
from pytest_orchestra.history.judgement.chance import fisher


class Notebook:
    """Counts of failures by experiment, and a ``budget`` of seconds for all of them."""

    def __init__(self, budget: float) -> None:
        self.spent = 0.0
        #: Whether something was left undone for lack of time.
        self.ran_out = False
        self._budget = budget
        self._counts: dict[Experiment, Count] = {}
        self._times: dict[Experiment, int] = {}
        #: The most that the target alone took, and that one more test before or beside it did.
        self._base = 0.0
        self._each = 0.0

    def add(self, experiment: Experiment, result: Result) -> None:
        """Note what came of ``experiment``."""
        self.spent += result.seconds
        old = self.count(experiment)
        new = Count(old.failed + result.failed, old.total + result.failed + result.passed)
        self._counts[experiment] = new
        self._times[experiment] = self.times(experiment) + 1
        if experiment.tests:
            more = max(0.0, result.seconds - self._base) / len(experiment.tests)
            self._each = max(self._each, more)
        elif experiment.condition is Condition.ALONE:
            self._base = max(self._base, result.seconds)

    def count(self, experiment: Experiment) -> Count:
        """Return how often the target failed in this experiment."""
        return self._counts.get(experiment, Count())

    def times(self, experiment: Experiment) -> int:
        """Return how often this was tried; a try may be several runs of the target, or none."""
        return self._times.get(experiment, 0)

    @property
    def alone(self) -> Count:
        """How often the target failed alone."""
        return self.count(ALONE)

    @property
    def counts(self) -> Iterator[tuple[Experiment, Count]]:
        """All experiments in which the target ran, in the order in which they were first tried."""
        return ((each, count) for each, count in self._counts.items() if count.total)

    @property
    def overall(self) -> Count:
        """How often the target failed in all experiments together."""
        counts = self._counts.values()
        return Count(sum(each.failed for each in counts), sum(each.total for each in counts))

    def chance(self, more: Experiment, less: Experiment) -> float:
        """Return the chance that failures are so much more frequent in ``more`` by accident."""
        one, other = self.count(more), self.count(less)
        return fisher(one.failed, one.total, other.failed, other.total)

    def expected(self, experiment: Experiment) -> float:
        """Return how many seconds one try is likely to take at the most."""
        return self._base + self._each * len(experiment.tests)

    def affords(self, experiment: Experiment, share: float = 1.0) -> bool:
        """Whether one more try is likely to be over before this ``share`` of the budget is spent."""
        has_time = self.spent + self.expected(experiment) <= self._budget * share
        self.ran_out |= not has_time
        return has_time
