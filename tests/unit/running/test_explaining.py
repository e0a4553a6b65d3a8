"""Why a test is where it is, before the run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest
from plans import case, foretold, lasting

from pytest_orchestra.history.archive import Recollection
from pytest_orchestra.history.estimates import Observed
from pytest_orchestra.history.reading import Past
from pytest_orchestra.model.case import CaseSpec, Claim, Mode, Need
from pytest_orchestra.model.order import Order
from pytest_orchestra.model.shard import ShardRecord
from pytest_orchestra.model.stage import StageSpec
from pytest_orchestra.model.verdict import ANY_VERDICT, Verdict
from pytest_orchestra.running.explaining import explain_lines
from pytest_orchestra.running.foretelling import Foretelling
from pytest_orchestra.running.ordering import Expectations
from pytest_orchestra.scheduling.fixtures import Kits

DB = frozenset({Claim("db")})


def why(told: Foretelling, name: str, recalled: Recollection | None = None) -> str:
    """Return what is said of the test of that name."""
    nodeids = [spec.nodeid for spec in told.plan.specs]
    number = nodeids.index(f"test_a.py::{name}")
    return "\n".join(explain_lines(told, told.tell(), number, recalled))


def past(specs: Sequence[CaseSpec], *seconds: float) -> Recollection:
    """Return that each of ``specs`` took so long in its runs."""
    observed = tuple(Observed(float(at), each) for at, each in enumerate(seconds))
    return Recollection(tests={spec.nodeid: Past(observed) for spec in specs})


def test_its_place_and_times_are_told() -> None:
    """What is long goes first; with its place come worker, start and end."""
    specs = [case("test_x"), case("test_y"), case("test_z")]
    told = foretold(specs, lasting(specs, 1.0, 2.0, 3.0))
    assert "3rd of 3 tests to begin: at 2.00 s on gw1, to end at 3.00 s" in why(told, "test_x")
    text = why(told, "test_z")
    assert "1st of 3 tests to begin: at 0 ms on gw0" in text
    assert "nothing begins before it" in text


@pytest.mark.parametrize(
    ("place", "words"), [(2, "2nd"), (11, "11th"), (12, "12th"), (21, "21st"), (23, "23rd")]
)
def test_places_are_written_as_one_says_them(place: int, words: str) -> None:
    """Also those that are exceptions."""
    specs = [case(f"test_{n}") for n in range(1, 30)]
    text = why(foretold(specs, workers=1), f"test_{place}")
    assert text.startswith(f"{words} of 29 tests")
    assert "with one worker nothing is urgent" in text


def test_priority_is_told_with_those_that_it_comes_from() -> None:
    """The nearest that have it themselves, over any number of others."""
    specs = [
        case("test_login"),
        case("test_cart", "test_login"),
        case("test_buy", "test_cart", priority=10.0),
        case("test_sell", "test_cart", priority=10.0),
        case("test_other"),
    ]
    told = foretold(specs)
    text = why(told, "test_login")
    assert (
        "its priority is 10, inherited from test_a.py::test_buy and 1 more (its own is 0)" in text
    )
    assert "its priority is 10\n" in why(told, "test_buy")
    assert "its priority is 0\n" in why(told, "test_other")


def test_what_goes_first_for_its_priority_is_named() -> None:
    """The reason is counted, and told of each of the last."""
    specs = [case("test_x"), case("test_y", priority=5.0), case("test_z", priority=7.0)]
    text = why(foretold(specs, workers=1), "test_x")
    assert (
        "2 tests begin before it; it is ready at the start, and 2 of them begin after that" in text
    )
    assert "2 are of higher priority" in text
    assert "at 0.10 s  test_a.py::test_y  priority 5" in text


def test_urgency_is_told_with_the_chain_that_makes_it() -> None:
    """Which is shortened in its middle if it is long."""
    names = [f"test_{n}" for n in range(8)]
    specs = [case(name, *names[max(0, n - 1) : n]) for n, name in enumerate(names)]
    specs += [case("test_alone"), case("test_small")]
    told = foretold(specs, lasting(specs, *[1.0] * 8, 2.0, 0.01))
    text = why(told, "test_0")
    assert (
        "its urgency is 8.00 s: after it come test_a.py::test_1 (1.00 s) -> test_a.py::test_2 "
        in text
    )
    assert "-> ... -> test_a.py::test_7 (1.00 s)" in text
    text = why(told, "test_alone")
    assert "its urgency is 2.00 s: nothing that takes long waits for it" in text
    assert "1 test begins before it" in text
    assert "at 0 ms  test_a.py::test_0  urgency 8.00 s" in text
    assert "that is so little that it fills gaps" in why(told, "test_small")


def test_prerequisites_are_told_with_what_must_become_of_them() -> None:
    """The last to end comes first, since that is what makes it ready."""
    odd = Need("test_odd", frozenset({Verdict.FAILED}))
    specs = [
        case("test_quick"),
        case("test_slow"),
        case("test_odd"),
        replace(
            case("test_x", "test_quick"),
            needs=(Need("test_quick"), Need("test_slow", ANY_VERDICT), odd),
        ),
    ]
    lines = why(foretold(specs, lasting(specs, 0.5, 3.0, 2.0, 1.0)), "test_x").splitlines()
    at = lines.index("it waits for")
    assert lines[at + 1 : at + 4] == [
        "  test_a.py::test_slow to end, at 3.00 s",
        "  test_a.py::test_quick to pass, at 2.50 s",
        "  test_a.py::test_odd to be failed, at 2.00 s",
    ]


def test_of_many_prerequisites_those_that_end_last_are_named() -> None:
    """The others are counted."""
    names = [f"test_{n}" for n in range(9)]
    specs = [*map(case, names), case("test_x", *names)]
    text = why(foretold(specs), "test_x")
    assert "  and 4 others before that" in text
    assert (
        "9 tests begin before it; it is ready at 0.50 s, and the first to begin after that" in text
    )


def test_what_cannot_run_is_told_why() -> None:
    """Also which of its prerequisites cannot."""
    specs = [case("test_x"), case("test_y", "test_x")]
    text = why(foretold(specs, blocked={0: "test_z was deselected"}), "test_y")
    assert text.startswith("it cannot run: test_z was deselected")
    assert "test_a.py::test_x to pass, which cannot run" in text
    assert "its priority" not in text


def test_tokens_are_told_with_rivals_and_who_has_them_meanwhile() -> None:
    """And which tests go first because they fit."""
    specs = [
        case("test_first", claims=DB),
        case("test_x", claims=DB),
        *(case(f"test_free[{n}]") for n in range(3)),
        case("test_own", claims=frozenset({Claim("gpu")})),
    ]
    told = foretold(specs, lasting(specs, 4.0, 3.0, 1.0, 1.0, 1.0, 1.0))
    text = why(told, "test_x")
    assert "it claims 1 of 'db' (there is 1), and so does 1 other test, for 4.00 s in all" in text
    assert (
        "it waits 4.00 s for 'db', from 0 ms on, while these have it: test_a.py::test_first" in text
    )
    assert "of those that fit while this one waits for tokens" in text
    assert "it claims 1 of 'gpu' (there is 1), which no other test does" in why(told, "test_own")


def test_locks_are_told_of_without_absurd_numbers() -> None:
    """Of a lock that nobody declared there is any number, and who writes takes all."""
    write = frozenset({Claim("schema", mode=Mode.WRITE)})
    specs = [case("test_w", claims=write), case("test_v", claims=write)]
    text = why(foretold(specs), "test_w")
    assert "it claims all of 'schema' (there is any number), and so does 1 other test" in text


def test_who_runs_alone_waits_for_all_others() -> None:
    """What runs meanwhile is what it waits for."""
    specs = [case("test_long"), case("test_x", alone=True), case("test_after")]
    text = why(foretold(specs, lasting(specs, 3.0, 1.0, 1.0)), "test_x")
    assert "it runs alone: nothing else runs meanwhile" in text


def test_groups_stages_shards_and_retries_are_told() -> None:
    """All that says where it runs, or how often."""
    specs = [case("test_x", group="g", stage=1, retries=2), case("test_y", group="g", stage=0)]
    told = foretold(specs)
    stages = (StageSpec("smoke"), StageSpec("rest", needs=("smoke",)))
    told = Foretelling(told.plan, told.workers, told.kits, told.remembered, stages)
    plan = told.tell()
    shard = ShardRecord(2, 4, "d", (1, 2, 3, 4), (1.0, 1.0, 1.0, 1.0))
    plan = replace(plan, run=replace(plan.run, shard=shard))
    text = "\n".join(explain_lines(told, plan, 0, None))
    assert (
        "it belongs to the stage 'rest' (parallel), which begins when the gates of smoke have passed, at 0 ms"
        in text
    )
    assert "it shares a worker with 1 other test of the group 'g'" in text
    assert "if it fails it is tried again up to 2 times, after all else" in text
    assert "it is in shard 2/4" in text


def test_the_past_is_told() -> None:
    """How many runs, what they took, how likely it fails and flakes, and its former name."""
    specs = [case("test_x"), case("test_y")]
    recalled = replace(past(specs, 1.0, 3.0), renamed={specs[0].nodeid: "test_a.py::test_old"})
    expected = Expectations(
        {each.nodeid: 2.0 for each in specs},
        failing={each.nodeid: 0.125 for each in specs},
        flaking={specs[0].nodeid: 0.25},
    )
    told = foretold(specs, expected, remembered=[each.nodeid for each in specs])
    text = why(told, "test_x", recalled)
    assert "take 2.00 s, by 2 runs in the history (1.00 s to 3.00 s; the latest count most)" in text
    assert "the history knows it as test_a.py::test_old" in text
    assert "it is 12.5% likely to fail; it was judged to flake in 25.0% of its runs" in text
    assert "its priority is -1000, with -1000 for flaking often" in text
    assert "by 1 run in the history\n" in why(told, "test_y", past(specs, 2.0))
    assert "by the history\n" in why(told, "test_y", Recollection())
    assert "of higher priority" in text


def test_what_sets_up_shared_fixtures_is_told_so() -> None:
    """Its own time and that of the fixtures are told apart."""
    specs = [case("test_x"), case("test_y")]
    kits = Kits((("server", "test_a.py"),), ((0,),), (0, 0))
    expected = Expectations(
        {each.nodeid: 1.0 for each in specs}, costs={("server", "test_a.py"): 3.0}
    )
    text = why(foretold(specs, expected, kits=kits), "test_x")
    assert "and 3.00 s for shared fixtures that it is the first to need there" in text


def test_what_is_likelier_to_fail_goes_first_in_feedback_order() -> None:
    """The odds and the time that they are for are told."""
    specs = [case("test_x"), case("test_y")]
    nodeids = [each.nodeid for each in specs]
    expected = Expectations(
        dict.fromkeys(nodeids, 1.0), failing=dict(zip(nodeids, (0.01, 0.5), strict=True))
    )
    text = why(foretold(specs, expected, workers=1, order=Order.FEEDBACK), "test_x")
    assert "1 is likelier to show a failure, for the time" in text
    assert "test_a.py::test_y  50.0% likely to fail, within 1.00 s" in text


def test_equals_go_as_they_were_collected() -> None:
    """A worker stays in its file, then opens one that no other is in."""
    specs = [
        case("test_x"),
        case("test_y"),
        replace(case("test_z"), nodeid="test_b.py::test_z", file="test_b.py"),
    ]
    told = foretold(specs, workers=1)
    text = why(told, "test_y")
    assert "test_a.py::test_x  collected earlier" in text
    assert "1 is collected earlier" in text
    told = foretold(specs, workers=2)
    assert "in a file that no worker is in" in why(told, "test_y")
