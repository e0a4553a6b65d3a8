"""A balanced order for runs that are too large to try any."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from pytest_orchestra.scheduling.feedback import Worth, take_front
from pytest_orchestra.scheduling.score import Scores, rank_within
from pytest_orchestra.scheduling.setups import SetUps

#: The share of the run that may be lost in each of two ways.
SLACK: Final = 0.01

_FRONT: Final = 0.0
_URGENT: Final = 1.0
_BIG: Final = 2.0
_REST: Final = 3.0


def by_slack(
    scores: Scores, worth: Worth, seconds: Sequence[float], workers: int, setups: SetUps
) -> tuple[int, ...]:
    """Return an order that shows failures early as far as the length of the run cannot depend on it.

    Of what is worth most a little goes first: as much as keeps all workers busy for a hundredth of
    the run. Then what is urgent, as ever, and files whose expensive fixtures keep them on one worker
    for more than a hundredth of the run. Then the rest by worth: what follows any of it takes less
    than that, so all workers are busy until then. (Graham 1969: without resources a run takes no
    longer than all work by all workers, and the longest path of what goes last.)
    """
    front = take_front(scores.tier, worth, seconds, SLACK * scores.bound * workers)
    keys = [(_REST, float(grade)) for grade in worth.grade]
    if workers > 1:
        for cost, cases in setups.files():
            if cost + sum(seconds[case] for case in cases) > SLACK * scores.bound:
                for case in cases:
                    keys[case] = _BIG, 0.0
        for case, urgency in enumerate(scores.urgent(SLACK)):
            if urgency:
                keys[case] = _URGENT, -urgency
    for case, is_front in enumerate(front):
        if is_front:
            keys[case] = _FRONT, float(worth.grade[case])
    return rank_within(scores.tier, keys)
