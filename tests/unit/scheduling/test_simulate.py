from engines import DB, after, make_engine, spec

from pytest_orchestra.model.verdict import Verdict
from pytest_orchestra.scheduling.simulate import Simulation, Span, makespan


def test_cases_take_as_long_as_they_are_told_to() -> None:
    """Spans come in the order in which they end, on a clock that begins at zero."""
    engine = make_engine([spec()] * 3, {2: after(0)})
    spans = Simulation(engine, [1.0, 5.0, 2.0], ["w1", "w2"]).run()
    assert spans == (
        Span(0, "w1", 0.0, 1.0),
        Span(2, "w1", 1.0, 3.0),
        Span(1, "w2", 0.0, 5.0),
    )
    assert makespan(spans) == 5.0


def test_no_spans_take_no_time() -> None:
    """A run in which nothing ran is over at once."""
    assert makespan(Simulation(make_engine([]), [], ["w1"]).run()) == 0.0


def test_what_is_blocked_does_not_run() -> None:
    """A verdict can be given for each case, and has its consequences."""
    engine = make_engine([spec()] * 2, {1: after(0)})
    spans = Simulation(engine, [1.0, 1.0], ["w1"], {0: Verdict.FAILED}).run()
    assert [span.case for span in spans] == [0]
    assert engine.verdicts == [Verdict.FAILED, Verdict.BLOCKED]


def test_resources_are_waited_for() -> None:
    """Two cases that need the same run one after the other."""
    engine = make_engine([spec(DB), spec(DB)])
    spans = Simulation(engine, [1.0, 1.0], ["w1", "w2"]).run()
    assert [span.start for span in spans] == [0.0, 1.0]


def test_work_that_was_sent_ahead_can_move_on() -> None:
    """A worker that idles gets a share of what another has not begun."""
    engine = make_engine([spec()] * 7, seconds=[1.0] * 7, horizon=20.0)
    spans = Simulation(engine, [1.0] * 7, ["w1", "w2"]).run()
    assert sorted(span.case for span in spans) == list(range(7))
    assert makespan(spans) == 4.0


def test_a_worker_works_off_its_queue_in_order() -> None:
    """What was sent ahead begins when what was sent before has ended."""
    engine = make_engine([spec()] * 3, seconds=[1.0] * 3, horizon=20.0)
    spans = Simulation(engine, [1.0, 2.0, 3.0], ["w1"]).run()
    assert [(span.start, span.end) for span in spans] == [(0.0, 1.0), (1.0, 3.0), (3.0, 6.0)]
