"""Observations put together by the code that they were made with."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass

from pytest_orchestra.history.judgement.observation import Observation


@dataclass(frozen=True, slots=True)
class Step:
    """What was seen of one state of the code, in one environment.

    ``failed`` of ``total`` first attempts failed. Of the attempts after a failed one,
    ``repeated`` failed too and ``recovered`` passed. ``place`` is that of the first observation
    among all that count.
    """

    place: int

    failed: int
    total: int
    repeated: int
    recovered: int
    observations: tuple[Observation, ...]

    @property
    def disagrees(self) -> bool:
        """Whether the same code both passed and failed."""
        return bool(self.failed) and (self.recovered > 0 or self.failed < self.total)


@dataclass(frozen=True, slots=True)
class Steps:
    """The history of a test without outages.

    ``chains`` has, for each environment, the steps in the order in which their commits came up.
    ``detached`` are runs with uncommitted changes: each ran code that no other did. ``outages``
    is how many runs were left out, and ``recent`` are the chains that ran lately.
    """

    chains: tuple[tuple[Step, ...], ...]
    detached: tuple[Step, ...]
    outages: int
    recent: tuple[int, ...]

    @property
    def all(self) -> tuple[Step, ...]:
        """Every step, by chain, and then those that are in none."""
        return (*(step for chain in self.chains for step in chain), *self.detached)

    @property
    def runs(self) -> int:
        """How many runs are left."""
        return sum(step.total for step in self.all)


def put_together(observations: Sequence[Observation], recent: int) -> Steps:
    """Group ``observations`` of one test, in their order, by commit and environment.

    The order of the runs of one commit makes no difference. A chain is recent if any of the last
    ``recent`` observations belongs to it.
    """
    counted = [each for each in observations if not each.is_outage]
    chains: dict[str, dict[Hashable, list[tuple[int, Observation]]]] = {}
    detached: list[Step] = []
    for number, each in enumerate(counted):
        if not each.is_clean:
            detached.append(_step(number, [each]))
            continue
        # without a commit, every run may have had code of its own
        key = number if each.commit is None else each.commit
        chains.setdefault(each.environment, {}).setdefault(key, []).append((number, each))
    lately = {each.environment for each in counted[-recent:] if each.is_clean}
    return Steps(
        tuple(
            tuple(_step(group[0][0], [each for _, each in group]) for group in groups.values())
            for groups in chains.values()
        ),
        tuple(detached),
        len(observations) - len(counted),
        tuple(number for number, name in enumerate(chains) if name in lately),
    )


def _step(place: int, observations: Sequence[Observation]) -> Step:
    retries = [attempt for each in observations for attempt in each.attempts[1:]]
    recovered = sum(attempt.passed for attempt in retries)
    return Step(
        place,
        sum(not each.first.passed for each in observations),
        len(observations),
        len(retries) - recovered,
        recovered,
        tuple(observations),
    )
