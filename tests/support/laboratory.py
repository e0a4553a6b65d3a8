"""Made-up targets to experiment with, whose cause of failure is known."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from pytest_orchestra.diagnosis.conclusion import Conclusion
from pytest_orchestra.diagnosis.experiment import Condition, Experiment, Result, Scene
from pytest_orchestra.diagnosis.investigation import Investigation

#: Returns whether the target fails in one run of an experiment.
Failing = Callable[[Experiment], bool]

#: As many runs as one experiment with copies is.
COPIES = 3


@dataclass
class Bench:
    """Carries out experiments with a target; ``done`` are those, in order.

    A process takes ``seconds``, and each other test in it ``seconds_each`` more. What ``is_lost``
    says of an experiment is whether the target does not get to run in it.
    """

    fails: Failing
    seconds: float = 0.5
    seconds_each: float = 0.01
    is_lost: Failing = lambda _: False
    done: list[Experiment] = field(default_factory=list)

    def diagnose(self, scene: Scene, budget: float = 120) -> Conclusion:
        """Return what the target turns out to depend on, within so many seconds."""
        course = Investigation(scene, budget).run()
        try:
            experiment = next(course)
            while True:
                experiment = course.send(self._perform(experiment))
        except StopIteration as stop:
            conclusion: Conclusion = stop.value
            return conclusion

    @property
    def spent(self) -> float:
        """The seconds that all experiments took."""
        return sum(map(self._seconds, self.done))

    def _seconds(self, experiment: Experiment) -> float:
        return self.seconds + self.seconds_each * len(experiment.tests)

    def _perform(self, experiment: Experiment) -> Result:
        self.done.append(experiment)
        if self.is_lost(experiment):
            return Result(0, 0, self._seconds(experiment))
        runs = COPIES if experiment.condition is Condition.COPIES else 1
        failed = sum(self.fails(experiment) for _ in range(runs))
        return Result(runs - failed, failed, self._seconds(experiment))


def before(experiment: Experiment) -> set[int]:
    """Return the tests that ran before the target, in its process."""
    return set(experiment.tests) if experiment.condition is Condition.AFTER else set()
