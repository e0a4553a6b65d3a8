"""A history against a dictionary of runs, which is what it stands for.

Not checked here: what several processes do at once, and files that are damaged.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from histories import HERE, PYTHON, attempt, run
from hypothesis import given, settings
from hypothesis import strategies as st

from pytest_orchestra.history.estimates import (
    Observed,
    expected_seconds,
    failure_probability,
    recent_median,
)
from pytest_orchestra.history.recent import KEPT, OUTCOMES
from pytest_orchestra.history.renames import Trace, find_renames
from pytest_orchestra.history.store import Store
from pytest_orchestra.model.attempt import Attempt
from pytest_orchestra.model.evidence import CaseEvidence, RunEvidence

NODEIDS = ("a.py::test_x", "a.py::test_y[1]", "b.py::test_x")

#: Such that four bytes hold them exactly.
SECONDS = st.integers(0, 4000).map(lambda each: each / 8)

ATTEMPTS = st.lists(
    st.builds(attempt, st.sampled_from(OUTCOMES), SECONDS, worker=st.sampled_from(["gw0", ""])),
    max_size=3,
).map(tuple)
CASES = st.builds(
    CaseEvidence,
    st.sampled_from(NODEIDS),
    ATTEMPTS,
    body=st.sampled_from(["", f"{PYTHON}-b", f"{PYTHON}-c", "cpython-312-b"]),
)


@st.composite
def histories(draw: st.DrawFn) -> dict[int, RunEvidence]:
    """Return runs by their number, which says when they began."""
    numbers = draw(st.lists(st.integers(0, 40), max_size=12, unique=True))
    cases = [draw(st.lists(CASES, max_size=3, unique_by=lambda each: each.nodeid)) for _ in numbers]
    return {
        number: run(
            number,
            *each,
            fixtures={("db", ""): draw(SECONDS)} if draw(st.booleans()) else {},
            environment=draw(st.sampled_from([HERE, "elsewhere"])),
        )
        for number, each in zip(numbers, cases, strict=True)
    }


def fill(store: Store, runs: Sequence[RunEvidence]) -> None:
    """Add runs in this order."""
    for each in runs:
        store.add(each)


def ran(runs: Mapping[int, RunEvidence], nodeid: str) -> list[tuple[RunEvidence, CaseEvidence]]:
    """Return the runs in which a test ran, and what it did there, in the order of time."""
    return [
        (runs[number], each)
        for number in sorted(runs)
        for each in runs[number].cases
        if each.nodeid == nodeid and each.attempts
    ]


def expected(runs: Mapping[int, RunEvidence], nodeid: str) -> tuple[Observed, ...]:
    """Return what a history should know of a test."""
    return tuple(
        Observed(
            evidence.started,
            each.attempts[-1].call or 0.0,
            each.attempts[-1].verdict,
            evidence.environment == HERE,
        )
        for evidence, each in ran(runs, nodeid)
    )[-KEPT:]


def check(store: Store, runs: Mapping[int, RunEvidence]) -> None:
    """Compare what the store says with what the runs say."""
    known = store.known(NODEIDS, HERE, PYTHON)
    trials = store.cases(NODEIDS)
    for nodeid in NODEIDS:
        seen = expected(runs, nodeid)
        assert (known.tests[nodeid].observed if nodeid in known.tests else ()) == seen
        attempts: list[tuple[str, tuple[Attempt, ...]]] = [
            (evidence.uuid, each.attempts) for evidence, each in ran(runs, nodeid)
        ]
        assert [(each.run.uuid, each.attempts) for each in trials.get(nodeid, ())] == attempts
    costs = [each.fixtures[0].seconds for _, each in sorted(runs.items()) if each.fixtures]
    seen_costs = known.costs.get(("db", ""), ())
    assert [each.seconds for each in seen_costs] == costs[-KEPT:]


@settings(deadline=None, max_examples=60)
@given(histories(), st.randoms(use_true_random=False))
def test_a_history_is_its_runs_in_whatever_order(
    runs: dict[int, RunEvidence], random: object
) -> None:
    """Added in any order, some of them twice, it knows what a dictionary of them does."""
    order = [*runs.values(), *list(runs.values())[:2]]
    random.shuffle(order)  # type: ignore[attr-defined]
    with tempfile.TemporaryDirectory() as folder, Store.open(Path(folder, "h")) as store:
        fill(store, order)
        check(store, runs)


@settings(deadline=None, max_examples=60)
@given(histories(), st.sets(st.integers(0, 40)), st.sets(st.integers(0, 40)))
def test_merging_is_union(runs: dict[int, RunEvidence], here: set[int], there: set[int]) -> None:
    """Whichever runs the two have, in common or not; merging again changes nothing."""
    with tempfile.TemporaryDirectory() as folder:
        one, other = Path(folder, "one"), Path(folder, "other")
        mine = {number: each for number, each in runs.items() if number in here}
        theirs = {number: each for number, each in runs.items() if number in there}
        with Store.open(one) as store, Store.open(other) as second:
            fill(store, list(mine.values()))
            fill(second, list(theirs.values()))
        with Store.open(one) as store:
            store.merge(other)
            check(store, {**mine, **theirs})
            assert store.merge(other) == 0
            check(store, {**mine, **theirs})
        with Store.open(other) as second:
            second.merge(one)
            check(second, {**mine, **theirs})


@given(st.lists(st.floats(0.0, 1e6), min_size=1, max_size=20))
def test_an_estimate_lies_among_what_was_seen(values: list[float]) -> None:
    """And scales with it."""
    median = recent_median(values)
    assert median in values
    assert recent_median([each * 2.0 for each in values]) == median * 2.0


OBSERVED = st.lists(
    st.builds(
        Observed, st.just(0.0), st.floats(0.0, 1e3), st.sampled_from(OUTCOMES), st.booleans()
    ),
    max_size=KEPT,
)


@given(OBSERVED)
def test_estimates_are_sound_for_any_past(observed: list[Observed]) -> None:
    """A probability is one, change never makes a failure less likely, and seconds are some."""
    steady = failure_probability(observed)
    changed = failure_probability(observed, is_changed=True)
    assert 0.0 < steady <= changed < 1.0
    assert (expected_seconds(observed) is None) == (not observed)


@given(OBSERVED, st.data())
def test_a_failure_makes_the_next_one_likelier(
    observed: list[Observed], data: st.DataObject
) -> None:
    """Wherever a test that passed failed instead."""
    passed = [at for at, each in enumerate(observed) if each.verdict is OUTCOMES[0]]
    if not passed:
        return
    at = data.draw(st.sampled_from(passed))
    worse = [*observed]
    worse[at] = observed[at]._replace(verdict=OUTCOMES[1])
    for is_changed in (False, True):
        before = failure_probability(observed, is_changed=is_changed)
        assert failure_probability(worse, is_changed=is_changed) > before


TRACES = st.lists(
    st.builds(
        Trace,
        st.sampled_from([f"{f}.py::{n}" for f in "abc" for n in ("test_x", "test_y", "T::test_x")]),
        st.integers(0, 3),
        st.sampled_from(["", "d", "e"]),
    ),
    max_size=6,
    unique_by=lambda each: each.nodeid,
)


@given(TRACES, TRACES)
def test_a_rename_is_one_to_one(new: list[Trace], gone: list[Trace]) -> None:
    """No past is given to two tests, none is lost to a stranger, and the order plays no part."""
    found = find_renames(new, gone)
    assert len(set(found.values())) == len(found)
    bodies = {each.nodeid: each.body for each in new}
    former = {each.nodeid: each.body for each in gone}
    assert all(bodies[one] == former[other] != "" for one, other in found.items())
    assert find_renames(new[::-1], gone[::-1]) == found


def test_a_rename_survives_a_merge(tmp_path: Path) -> None:
    """What another machine knows under the old name comes in as another test's, and is not mixed."""
    one, other = tmp_path / "one", tmp_path / "other"
    old = CaseEvidence("old.py::test_x", (attempt(),))
    with Store.open(one) as store, Store.open(other) as second:
        store.add(run(1, old))
        second.add(run(2, old))
        store.add(run(3, replace(old, nodeid="a.py::test_x")), {"a.py::test_x": "old.py::test_x"})
    with Store.open(one) as store:
        store.merge(other)
        known = store.known(["a.py::test_x", "old.py::test_x"], HERE, PYTHON).tests
    assert {nodeid: len(past.observed) for nodeid, past in known.items()} == {
        "a.py::test_x": 2,
        "old.py::test_x": 1,
    }
