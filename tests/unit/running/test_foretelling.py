"""What is predicted of a run, and from what."""

from __future__ import annotations

import json

import pytest
from plans import case, foretold, lasting

from pytest_orchestra.model.case import CaseSpec, Claim, Mode
from pytest_orchestra.model.order import Order
from pytest_orchestra.model.plan import GainRecord, PlanRecord, Source
from pytest_orchestra.model.stage import StageSpec, Strategy
from pytest_orchestra.model.verdict import Verdict
from pytest_orchestra.reports.html.planned import render_plan
from pytest_orchestra.reports.plan.document import document
from pytest_orchestra.reports.plan.text import plan_lines, short_lines, wrapped
from pytest_orchestra.running import foretelling
from pytest_orchestra.running.foretelling import Foretelling
from pytest_orchestra.running.ordering import Expectations
from pytest_orchestra.scheduling.fixtures import Kits

DB = frozenset({Claim("db")})


def _chain() -> list[CaseSpec]:
    """Return a chain of three, and three others."""
    return [
        case("test_first"),
        case("test_second", "test_first"),
        case("test_third", "test_second"),
        *(case(f"test_other[{n}]") for n in range(3)),
    ]


def _text(plan: PlanRecord, *, is_long: bool = False, width: int = 200) -> str:
    return "\n".join(plan_lines(plan, width, is_long=is_long))


def test_a_chain_is_told_with_its_path() -> None:
    """The greatest bound says through which tests it goes, and that more workers do not help."""
    specs = _chain()
    plan = foretold(specs, lasting(specs, 2.0, 3.0, 4.0, 1.0, 1.0, 1.0)).tell()
    assert plan.seconds == 9.0
    assert plan.bounds[0].reason == "critical path"
    assert plan.bounds[0].cases == (0, 1, 2)
    assert [each.seconds for each in plan.bounds] == [9.0, 6.0]
    assert plan.gains == (GainRecord(None, 1, 0.0),)
    assert "bottleneck: 3 tests that run one after the other for 9.00 s: more workers" in _text(
        plan
    )
    assert "3 workers instead of 2  nothing" in _text(plan)


def test_a_long_test_is_told_by_its_name() -> None:
    """A path of one test is no chain."""
    specs = [case("test_long"), case("test_short")]
    text = _text(foretold(specs, lasting(specs, 5.0, 1.0)).tell())
    assert "5.00 s  the longest test: test_a.py::test_long" in text
    assert "bottleneck: test_a.py::test_long, which takes 5.00 s by itself" in text


def test_a_group_that_shares_a_worker_is_told_as_such() -> None:
    """Its tests do not wait for one another, yet follow one another."""
    specs = [case(f"test_{n}", group="g") for n in range(3)]
    assert "3 tests of the group 'g', which share a worker" in _text(foretold(specs).tell())


def test_tokens_that_are_lacking_are_told_with_what_one_more_would_save() -> None:
    """Who waits, for what, and for how long stands in the record as well."""
    specs = [case(f"test_{n}", claims=DB) for n in range(4)]
    plan = foretold(specs, lasting(specs, 1.0, 1.0, 1.0, 1.0), tokens={"db": 1}).tell()
    assert plan.bounds[0].reason == "db"
    assert plan.gains == (GainRecord(None, 1, 0.0), GainRecord("db", 1, 2.0))
    assert [each.held_up for each in plan.run.resources] == [3.0]
    assert [each.waited_for for each in plan.run.cases] == [None, "db", "db", "db"]
    text = _text(plan)
    assert "bottleneck: 'db', of which there is 1: in use for 100% of the run" in text
    assert "db = 2 instead of 1     2.00 s (50%)" in text


def test_of_a_lock_there_cannot_be_more() -> None:
    """Who reads and writes what nobody declared waits for no token."""
    claims = frozenset({Claim("schema", mode=Mode.WRITE)})
    plan = foretold([case(f"test_{n}", claims=claims) for n in range(3)]).tell()
    assert plan.run.cases[2].waited_for == "schema"
    assert [each.resource for each in plan.gains] == [None]
    assert "what 3 tests take of 'schema'\n" in _text(plan)


def test_work_is_the_bottleneck_where_all_workers_are_busy() -> None:
    """With one worker the remedy is named."""
    specs = [case(f"test_{n}") for n in range(8)]
    expected = lasting(specs, *[1.0] * 8)
    assert "the work: the 2 workers are busy for 100% of the time" in _text(
        foretold(specs, expected).tell()
    )
    alone = foretold(specs, expected, workers=1).tell()
    assert "bottleneck: the only worker; -n gives more" in _text(alone)
    assert "all the work, 8.00 s, on one worker" in _text(alone)


@pytest.mark.parametrize(
    ("known", "remembered", "sources", "words"),
    [
        ({}, (), {Source.NOTHING: 3}, "nothing is known of what tests take: each counts as 0.10 s"),
        ({"test_p[0]": 1.0}, ("test_p[0]",), {Source.HISTORY: 1}, "known of 1 by the history"),
        ({"test_p[0]": 1.0}, (), {Source.FILE: 1}, "known of 1 by .test_durations"),
    ],
)
def test_it_is_told_from_where_durations_are(
    known: dict[str, float],
    remembered: tuple[str, ...],
    sources: dict[Source, int],
    words: str,
) -> None:
    """What is unknown is guessed by the nearest tests, or assumed if there are none."""
    specs = [case("test_p[0]"), case("test_p[1]"), case("test_q")]
    durations = {f"test_a.py::{name}": each for name, each in known.items()}
    plan = foretold(
        specs,
        Expectations(
            durations, dict.fromkeys((each.nodeid for each in specs), 1.0) if known else {}
        ),
        remembered=[f"test_a.py::{name}" for name in remembered],
    ).tell()
    if known:
        sources |= {Source.OTHER_PARAMETERS: 1, Source.SAME_FILE: 1}
        assert "1 as with other parameters, 1 as others of their file" in _text(plan)
    assert {each: plan.sources.count(each) for each in set(plan.sources)} == sources
    assert words in _text(plan)


def test_set_ups_of_shared_fixtures_are_part_of_it() -> None:
    """They are told by themselves, since no test takes that long."""
    specs = [case(f"test_{n}") for n in range(4)]
    kits = Kits((("server", "test_a.py"),), ((0,),), (0, 0, 0, 0))
    expected = Expectations(
        {each.nodeid: 1.0 for each in specs}, costs={("server", "test_a.py"): 3.0}
    )
    plan = foretold(specs, expected, kits=kits).tell()
    assert plan.set_ups == pytest.approx(plan.seconds * 2 - 4.0 - _idle(plan))
    assert plan.set_ups >= plan.least_set_ups == 3.0
    assert plan.bounds[0].seconds == 3.5
    text = _text(plan)
    assert "setting up shared fixtures takes" in text
    assert "all the work, 4.00 s, and setting up shared fixtures once, 3.00 s, shared by 2" in text
    assert "since setting up shared fixtures takes" in text


def _idle(plan: PlanRecord) -> float:
    return sum(each.present - each.busy for each in plan.run.workers)


def test_what_cannot_run_is_told_with_the_cause() -> None:
    """So is what depends on it; the rest is planned."""
    specs = _chain()
    plan = foretold(specs, blocked={0: "test_z was deselected"}).tell()
    assert len(plan.order) == 3
    assert [each.verdict for each in plan.run.cases].count(Verdict.BLOCKED) == 3
    text = _text(plan)
    assert "3 tests are predicted to take 0.20 s on 2 workers; 3 cannot run" in text
    assert "  test_a.py::test_third  test_z was deselected" in text
    entry = document(plan)["cannot_run"][0]
    assert entry == {"nodeid": "test_a.py::test_first", "why": "test_z was deselected"}
    assert "Cannot run" in render_plan(plan)


def test_what_cannot_run_bounds_nothing() -> None:
    """Neither its time nor the fixtures that only it would set up."""
    specs = [case("test_x"), case("test_y"), case("test_z", "test_y")]
    kits = Kits((("server", "test_a.py"),), ((), (0,)), (0, 1, 1))
    costs = {("server", "test_a.py"): 9.0}
    expected = Expectations({each.nodeid: 4.0 for each in specs}, costs=costs)
    plan = foretold(specs, expected, kits=kits, blocked={1: "no"}).tell()
    assert plan.seconds == 4.0
    assert [(each.seconds, each.cases) for each in plan.bounds] == [(4.0, (0,)), (2.0, ())]
    assert "all the work, 4.00 s, shared by 2 workers" in _text(plan)


def test_if_nothing_can_run_that_is_all_there_is_to_say() -> None:
    """No bound, no chart and no division by nothing."""
    plan = foretold([case("test_x")], blocked={0: "no"}).tell()
    assert "0 tests are predicted to take 0 ms on 2 workers; 1 cannot run" in _text(plan)
    assert "bottleneck" not in _text(plan)
    assert document(plan)["order"] == []
    assert "Why not less" not in render_plan(plan)


def test_stages_have_times_and_those_without_tests_have_none() -> None:
    """They are told in the order of the configuration."""
    specs = [case("test_x", stage=0), case("test_y", stage=0)]
    told = foretold(specs, lasting(specs, 1.0, 2.0))
    stages = (StageSpec("smoke"), StageSpec("rest", strategy=Strategy.SEQUENTIAL, needs=("smoke",)))
    plan = Foretelling(told.plan, told.workers, told.kits, told.remembered, stages).tell()
    assert [(each.opened_at, each.ended_at) for each in plan.run.stages] == [(0, 2), (None, None)]
    text = _text(plan, width=60)
    assert "smoke  2      0       2.00 s  parallel    -" in text
    assert "rest   0      -       -       sequential  smoke" in text
    assert any(line.startswith("smoke [####") for line in text.splitlines())
    assert document(plan)["stages"][1]["needs"] == ["smoke"]
    assert '<h2 id="stages-h">Stages' in render_plan(plan)


def test_the_order_is_that_of_the_run_and_of_all_forms() -> None:
    """Text tells the first, -v all; JSON all with times."""
    specs = [case(f"test_{n:02}") for n in range(30)]
    plan = foretold(specs, lasting(specs, *map(float, range(1, 31)))).tell()
    entries = document(plan)["order"]
    assert [each["nodeid"] for each in entries[:2]] == ["test_a.py::test_29", "test_a.py::test_28"]
    assert all(each["end"] > each["start"] for each in entries)
    assert "and 20 more tests (-v shows all)" in _text(plan)
    assert "test_a.py::test_00" not in _text(plan)
    assert "test_a.py::test_00" in _text(plan, is_long=True)
    assert json.loads(json.dumps(document(plan)))["workers"] == ["gw0", "gw1"]


def test_what_there_is_no_time_to_try_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of many tests fewer predictions are made, first for a worker."""
    specs = [case(f"test_{n}", claims=DB) for n in range(4)]
    monkeypatch.setattr(foretelling, "MOST_SIMULATED", 8)
    plan = foretold(specs, tokens={"db": 1}).tell()
    assert [each.resource for each in plan.gains] == [None]
    assert plan.notes == ("too many tests to try more of 'db'",)
    monkeypatch.setattr(foretelling, "MOST_SIMULATED", 7)
    plan = foretold(specs, tokens={"db": 1}).tell()
    assert not plan.gains
    assert plan.notes == ("too many tests to try one more worker or token",)


@pytest.mark.parametrize("order", Order)
def test_a_plan_is_the_same_each_time(order: Order) -> None:
    """However busy the machine is: no clock has a say in it."""
    specs = [case(f"test_{n}", claims=DB if n % 3 == 0 else frozenset()) for n in range(40)]
    expected = Expectations(
        {each.nodeid: 0.1 + (7 * n % 11) / 10 for n, each in enumerate(specs)},
        failing={each.nodeid: 0.01 + (5 * n % 7) / 100 for n, each in enumerate(specs)},
    )
    plans = [foretold(specs, expected, tokens={"db": 2}, order=order).tell() for _ in range(2)]
    assert plans[0] == plans[1]


def test_hostile_names_break_no_form() -> None:
    """A name may hold anything: the page escapes it, the chart has room for what can be seen."""
    specs = [case("test_x[</script><b>\x1b[31m\u202e]"), case("test_y")]
    plan = foretold(specs, lasting(specs, 1.0, 1.0), workers=1).tell()
    page = render_plan(plan)
    assert "</script><b>" not in page
    assert "\x1b" not in page
    chart = [line for line in _text(plan, width=80).splitlines() if line.startswith("gw0 [")]
    assert all(line.isprintable() and len(line) <= 80 for line in chart)


@pytest.mark.parametrize("width", [20, 80, 120, 300])
def test_the_chart_fits_the_terminal(width: int) -> None:
    """Each worker has a row as wide as all the others, down to what cannot be read any more."""
    specs = [case(f"test_with_a_name_{n}") for n in range(50)]
    plan = foretold(specs, lasting(specs, *[0.01 * (n + 1) for n in range(50)]), workers=20).tell()
    rows = [line for line in _text(plan, width=width).splitlines() if line.startswith("gw")]
    assert len(rows) == 16
    assert {len(row) for row in rows} == {max(width, 32)}
    assert "and 4 more workers (-v shows all)" in _text(plan, width=width)


def test_gaps_in_the_chart_tell_whether_tests_wait_for_tokens() -> None:
    """Dots where somebody waits, nothing where nobody does; short tests are colons."""
    specs = [
        case("test_0", claims=DB),
        case("test_1", claims=DB),
        *(case(f"test_short[{n}]") for n in range(50)),
    ]
    expected = lasting(specs, 10.0, 10.0, *[0.01] * 50)
    rows = list(plan_lines(foretold(specs, expected).tell(), 80, is_long=False))
    first, second = (
        next(row for row in rows if row.startswith(f"{each} [")) for each in ("gw0", "gw1")
    )
    assert "|0=====" in first
    assert "|1=====" in first + second
    assert ":" in second
    assert "......" in second


def test_short_lines_say_what_it_takes_and_why() -> None:
    """For those who want to know no more."""
    specs = [case("test_x")]
    assert list(short_lines(foretold(specs, lasting(specs, 2.0)).tell())) == [
        "1 test is predicted to take 2.00 s on 2 workers",
        "no less than 2.00 s: the longest test: test_a.py::test_x",
    ]


def test_long_lines_go_on_below() -> None:
    """Farther in, and never within a word."""
    assert wrapped("  one two three", 9) == ["  one two", "    three"]
    assert wrapped("", 9) == [""]
    assert wrapped("a-very-long-word", 5) == ["a-very-long-word"]
