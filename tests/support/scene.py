"""What really goes on at a moment: tests that run and fixtures that are up, within what there is."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from judge import Judge
from shares import Wants
from troupe import Player
from uses import fixtures_of, used_on_worker


def check_scene(players: Sequence[Player], judge: Judge, acquired: Iterable[Wants]) -> None:
    """Nothing is overdrawn, whatever the engine knows of it by now.

    ``acquired`` is what the run has of that which others share.
    """
    running = [player for player in players if player.running is not None]
    if any(judge.is_alone(player.running or 0) for player in running):
        assert len(running) == 1, "a case that runs alone is not alone"
    mine = [(name, tokens) for wants in acquired for name, tokens in wants]
    for name in judge.resources:
        for host in judge.hosts or ("",):
            capacity = judge.capacity(name, host)
            here = [each for each in players if each.host == host or not judge.is_local(name)]
            used = sum(_used(name, capacity, player) for player in here)
            assert used <= capacity, f"{name} is overdrawn"
            if judge.is_outside(name):
                has = sum(tokens for key, tokens in mine if key == name)
                assert used <= has, f"{name} is used and was not acquired"


def _used(name: str, capacity: int, player: Player) -> int:
    spec = None if player.running is None else player.specs[player.running]
    own = fixtures_of(spec) if spec is not None else {}
    idle = [hold for fixture, hold in player.up.items() if fixture not in own]
    return used_on_worker(name, capacity, [] if spec is None else [spec], idle)
