"""Random providers, users and cleaners on random workers: clean-up comes last, and comes.

The show is that of the engine's other properties, with its late messages, dying workers and
stops; here the edges are those that the markers make.
"""

from __future__ import annotations

import math
from random import Random
from typing import Final

from hypothesis import given, settings
from hypothesis import strategies as st
from show import Scenario, Show

from pytest_orchestra.model.case import CaseSpec
from pytest_orchestra.model.events import Assign, CaseFinished, StopRequested
from pytest_orchestra.model.verdict import Verdict
from pytest_orchestra.scheduling.data import Pairing, pair

SETS: Final = ("[a]", "[b]", "[c]")


def make_suite(random: Random, names: int) -> tuple[CaseSpec, ...]:
    """Make up tests for so many names of data; some are for users of data of other names."""
    specs: list[CaseSpec] = []
    known: list[str] = []
    for number in range(names):
        name = f"d{number}"
        below = tuple(random.sample(known, k=min(len(known), random.randint(0, 2))))
        sets = random.choice((("",), ("",), SETS))
        for each in sets:
            specs.append(CaseSpec(f"a.py::make_{name}{each}", provides=(name,), uses=below))
            specs += [
                CaseSpec(f"b.py::use_{name}_{user}{each}", uses=(name,))
                for user in range(random.randint(0, 3))
            ]
            if random.random() < 0.8:
                specs.append(CaseSpec(f"c.py::clean_{name}{each}", uses=below, cleans=(name,)))
        if sets == ("",):
            known.append(name)
    random.shuffle(specs)
    return tuple(specs)


def make_scenario(random: Random, names: int) -> tuple[Scenario, Pairing]:
    """Return a suite that can run, and who serves whom in it."""
    specs = make_suite(random, names)
    pairing = pair(specs)
    assert not pairing.problems
    assert not pairing.unprovided
    edges = pairing.join([{} for _ in specs])
    scenario = Scenario(
        specs,
        dict(enumerate(edges)),
        segments=tuple(case // 4 for case in range(len(specs))),
        seconds=tuple(random.choice((None, 0.004, 0.1)) for _ in specs),
        horizon=random.choice((0.0, 0.02, 5.0)),
        patience=math.inf,
        cleaners={case: set(providers) for case, providers in pairing.cleaners.items()},
    )
    return scenario, pairing


def check_order(show: Show, pairing: Pairing) -> None:
    """Assert that nothing of what was cleaned up was used or made afterwards."""
    began: dict[int, int] = {}
    ended: dict[int, int] = {}
    for step, (event, _, commands) in enumerate(show.history):
        if isinstance(event, CaseFinished):
            ended[event.case] = step
        for command in commands:
            if isinstance(command, Assign):
                began[command.case] = step
    for cleaner, providers in pairing.cleaners.items():
        users = [
            user
            for provider in providers
            for name in show.scenario.specs[provider].provides
            for user in pairing.users(provider, name)
        ]
        for earlier in (*providers, *users):
            if cleaner in began and earlier in began and earlier in ended:
                assert ended[earlier] <= began[cleaner]
                assert began[earlier] < began[cleaner]


def check_cleaned(show: Show, pairing: Pairing) -> None:
    """Assert that all that a provider began and could be cleaned up was, but for a hard stop."""
    hard = any(isinstance(each, StopRequested) and not each.cleaning for each, _, _ in show.history)
    if hard:
        return
    verdicts = show.engine.verdicts
    for cleaner, providers in pairing.cleaners.items():
        ran = [each for each in providers if each not in show.engine.causes]
        is_free = cleaner not in show.judge.barred and not show.scenario.specs[cleaner].uses
        if ran and is_free:
            assert verdicts[cleaner] not in (Verdict.NOT_RUN, Verdict.BLOCKED)


@settings(max_examples=150, deadline=None)
@given(
    st.randoms(use_true_random=True),
    st.integers(1, 6),
    st.integers(0, 200),
    st.none() | st.integers(0, 60),
)
def test_clean_up_is_last_and_is_never_left_out(
    random: Random, names: int, acts: int, stops_at: int | None
) -> None:
    """Whatever dies or fails, and also when the run is stopped, unless it is to end at once."""
    scenario, pairing = make_scenario(random, names)
    show = Show(random, scenario)
    for act in range(acts):
        if show.engine.done:
            break
        if act == stops_at:
            show.troupe.announce(StopRequested("-x", cleaning=True))
        show.play()
    show.play_out()
    assert show.engine.done
    check_order(show, pairing)
    check_cleaned(show, pairing)
