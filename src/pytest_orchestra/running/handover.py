"""What the controller hands to a worker when it starts it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TypedDict

from pytest_orchestra.running.budgets import PackedRetries
from pytest_orchestra.running.journal import Address
from pytest_orchestra.running.link import PackedFixtures
from pytest_orchestra.running.stage_choice import PackedStage

if TYPE_CHECKING:
    import execnet

#: The key under which a worker finds its handover in ``config.workerinput``.
INPUT_KEY: Final = "orchestra"


class Handover(TypedDict):
    """The worker's end of the channel, and what only the controller has read.

    ``fixtures`` take resources while they are up, and ``weights`` are what marks add to a priority; ``stages`` are those of
    the run; ``life`` is the :class:`.Life` of a run that
    shares some with other runs.
    """

    channel: execnet.Channel
    journal: Address
    missing: str
    dist: str
    fixtures: PackedFixtures
    retries: PackedRetries
    weights: dict[str, float]
    stages: list[PackedStage]
    life: tuple[str, str, str] | None
