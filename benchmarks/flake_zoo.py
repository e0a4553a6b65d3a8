"""Made-up histories of tests whose kind is known, over 200 commits of one project.

Each run draws what a real one would show: commit, environment, what ran before and beside the
test, outages that hit many tests at once. What makes a test fail is its kind alone.
"""

# ruff: noqa: PLR2004 - what is drawn is what the zoo is, and stands where it is drawn

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from math import exp
from random import Random
from typing import Final

from pytest_orchestra.history.judgement.observation import Observation, Trial, is_outage

COMMITS: Final = 200

#: Tests in the made-up suite; how many of them an outage hits decides whether it counts as one.
TESTS: Final = 300

#: Tests that may run before another one, apart from those that matter to it.
OTHERS: Final = tuple(f"test_other.py::test_{number}" for number in range(20))
POLLUTER: Final = "test_other.py::test_pollutes"
SETTER: Final = "test_other.py::test_sets_up"
PORT: Final = "port"

#: Seconds that tests may take.
LIMIT: Final = 10.0

#: How many tests of each kind a zoo has.
POPULATION: Final[Mapping[str, int]] = {
    "healthy": 20,
    "regression": 10,
    "broken": 3,
    "outage": 5,
    "new": 2,
    "random": 12,
    "race": 4,
    "victim": 4,
    "brittle": 4,
    "port": 4,
    "timeout": 4,
    "random and regression": 4,
    "getting worse": 2,
}

#: What is to be found in the end.
TRUTH: Final[Mapping[str, str]] = {
    "healthy": "healthy",
    "regression": "healthy",
    "broken": "broken",
    "outage": "healthy",
    "new": "new",
    **dict.fromkeys(
        ("random", "race", "victim", "brittle", "port", "timeout", "random and regression"),
        "flaky",
    ),
    "getting worse": "flaky",
}

#: What failures are to be associated with.
ASSOCIATED: Final[Mapping[str, str]] = {
    "race": "resource-contention",
    "port": "resource-contention",
    "victim": "order-dependent",
    "brittle": "order-dependent",
    "timeout": "timing",
}


@dataclass(frozen=True, slots=True)
class Setting:
    """Under which circumstances one attempt runs."""

    beside: bool
    before: frozenset[str]
    contended: frozenset[str]
    seconds: float


@dataclass(frozen=True, slots=True)
class Nature:
    """What a test is like.

    ``fails`` says whether a good test fails in a setting, and ``rate`` how often that is so at
    first attempts. ``bad`` are the stretches of commits in which it is broken, in ``only`` one
    environment if that is not None. ``starts`` is its first commit, ``turns`` the one from which
    on it fails as often as ``worse`` says. The rest are shares of the attempts: beside others,
    contended, after the polluter, after the setter; ``typical`` seconds.
    """

    kind: str
    rate: float = 0.0
    fails: Callable[[Setting, Random], bool] = field(default=lambda _setting, _random: False)
    bad: tuple[range, ...] = ()
    only: str | None = None
    starts: int = 0
    turns: int = COMMITS
    worse: float = 0.0
    outages: float = 0.01
    beside: float = 0.85
    contended: float = 0.2
    polluted: float = 0.2
    set_up: float = 0.5
    typical: float = 0.1
    spread: float = 0.2


@dataclass(frozen=True, slots=True)
class Specimen:
    """A test with its history; for each observation, the number of its commit and whether it was bad.

    Uncommitted changes have no part in ``bad``.
    """

    nature: Nature
    observations: tuple[Observation, ...]
    commits: tuple[int, ...]
    bad: tuple[bool, ...]


def make_zoo(seed: int, retries: int) -> Iterator[Specimen]:
    """Yield the tests of one zoo, each with up to so many ``retries`` of a failed attempt."""
    for kind, count in POPULATION.items():
        for number in range(count):
            random = Random(f"{seed} {kind} {number}")
            yield live(make_nature(kind, random), retries, random)


def make_nature(kind: str, random: Random) -> Nature:
    """Draw what is particular to one test of this kind."""
    match kind:
        case "healthy":
            return Nature(kind)
        case "outage":
            return Nature(kind, outages=0.06)
        case "new":
            return Nature(kind, starts=COMMITS - random.randint(2, 7))
        case "broken":
            return Nature(kind, bad=(range(COMMITS - random.randint(1, 10), COMMITS),))
        case "regression":
            return Nature(
                kind,
                bad=tuple(_stretch(random) for _ in range(random.randint(1, 3))),
                only=random.choice((None, None, None, "b")),
            )
        case _:
            return _make_flaky(kind, random)


def _make_flaky(kind: str, random: Random) -> Nature:  # noqa: PLR0911 - one for each kind
    share = random.uniform(0.03, 0.3)
    match kind:
        case "race":
            often = random.uniform(0.02, 0.4)
            return Nature(kind, often * 0.85, lambda at, luck: at.beside and luck.random() < often)
        case "victim":
            return Nature(kind, share, lambda at, _: POLLUTER in at.before, polluted=share)
        case "brittle":
            return Nature(kind, share, lambda at, _: SETTER not in at.before, set_up=1 - share)
        case "port":
            return Nature(
                kind,
                share * 0.8,
                lambda at, luck: PORT in at.contended and luck.random() < 0.8,
                contended=share,
            )
        case "timeout":
            typical = random.uniform(0.6, 0.8) * LIMIT
            late = sum(exp(random.gauss(0, 0.2)) * typical >= LIMIT for _ in range(20_000))
            return Nature(kind, late / 20_000, lambda at, _: at.seconds >= LIMIT, typical=typical)
        case "getting worse":
            rate = random.uniform(0.02, 0.1)
            turns = COMMITS * 3 // 4
            return replace(_random(kind, rate), turns=turns, worse=0.6)
        case _:
            bad = (_stretch(random),) if kind == "random and regression" else ()
            return replace(_random(kind, draw_rate(random)), bad=bad)


def _random(kind: str, rate: float) -> Nature:
    return Nature(kind, rate, lambda _, luck: luck.random() < rate)


def draw_rate(random: Random) -> float:
    """Draw a flake rate like those that were found by rerunning: half of them below 0.7 %."""
    return min(0.5, 0.007 * exp(random.gauss(0, 1.6)))


def _stretch(random: Random) -> range:
    """Draw the commits in which a test is broken, five on average and perhaps only one."""
    start = random.randint(20, COMMITS - 40)
    length = 1
    while random.random() < 0.8 and length < 30:
        length += 1
    return range(start, start + length)


def live(nature: Nature, retries: int, random: Random) -> Specimen:
    """Run the test once for each commit, sometimes twice, and now and then before committing.

    Three of ten red runs are started again.
    """
    told: list[tuple[Observation, int, bool]] = []
    for commit in range(nature.starts, COMMITS):
        if random.random() < 0.05:
            told.append(_run(nature, commit, f"{len(told)}", retries, random, is_clean=False))
        for again in (True, random.random() < 0.1):
            if not again:
                continue
            told.append(_run(nature, commit, f"{len(told)}", retries, random))
            if not told[-1][0].passed and random.random() < 0.3:
                told.append(_run(nature, commit, f"{len(told)}", retries, random))
    observations, commits, bad = zip(*told, strict=True)
    return Specimen(nature, observations, commits, bad)


def _run(  # noqa: PLR0913 - all of it decides what a run shows
    nature: Nature, commit: int, run: str, retries: int, random: Random, *, is_clean: bool = True
) -> tuple[Observation, int, bool]:
    environment = "b" if random.random() < 0.2 else "a"
    share = random.uniform(0.1, 1.0) if random.random() < nature.outages else 0.0
    is_bad = (
        any(commit in stretch for stretch in nature.bad) and nature.only in {None, environment}
        if is_clean
        else random.random() < 0.3
    )
    is_hit = random.random() < share
    attempts: list[Trial] = []
    while len(attempts) <= retries and not (attempts and attempts[-1].passed):
        # an outage may be over when a test is tried again
        is_hit = is_hit and (not attempts or random.random() < 0.5)
        cause = "outage" if is_hit else "regression" if is_bad else ""
        attempts.append(_attempt(nature, commit, cause, random, is_retry=bool(attempts)))
    observation = Observation(
        run,
        tuple(attempts),
        f"c{commit}",
        is_clean,
        environment,
        LIMIT,
        is_outage(round(share * TESTS), TESTS),
    )
    return observation, commit, is_bad and is_clean


def _attempt(nature: Nature, commit: int, cause: str, random: Random, *, is_retry: bool) -> Trial:
    at = _setting(nature, random, is_retry=is_retry)
    is_worse = commit >= nature.turns
    fails = random.random() < nature.worse if is_worse else nature.fails(at, random)
    # a regression looks like a flake here, so that it cannot be told by its error
    signature = "outage" if cause == "outage" else "flake" if cause or fails else ""
    return Trial(not signature, signature, at.seconds, at.beside, at.before, at.contended)


def _setting(nature: Nature, random: Random, *, is_retry: bool) -> Setting:
    """Draw the circumstances; a test is tried again alone, on another worker."""
    shares = {POLLUTER: nature.polluted, SETTER: nature.set_up, **dict.fromkeys(OTHERS, 0.25)}
    before = frozenset(name for name, share in shares.items() if random.random() < share)
    return Setting(
        beside=not is_retry and random.random() < nature.beside,
        before=before,
        contended=frozenset({PORT} if not is_retry and random.random() < nature.contended else ()),
        seconds=nature.typical * exp(random.gauss(0, nature.spread)),
    )
