from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import replace
from multiprocessing import get_context
from pathlib import Path

import pytest
from histories import EPOCH, HERE, HOUR, PYTHON, attempt, case, run

from pytest_orchestra.history.estimates import Observed
from pytest_orchestra.history.recent import KEPT
from pytest_orchestra.history.retention import DAY, Retention, let_go
from pytest_orchestra.history.store import Store
from pytest_orchestra.history.surroundings import Span
from pytest_orchestra.model.attempt import Attempt
from pytest_orchestra.model.evidence import RunEvidence
from pytest_orchestra.model.verdict import Verdict

X, Y = "a.py::test_x", "a.py::test_y[1]"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Return where a history may be made."""
    return tmp_path / "history.sqlite3"


def observed(path: Path, nodeid: str = X) -> list[tuple[float, Verdict]]:
    """Return what is known of a test: how long its last runs took, and how they ended."""
    with Store.open_to_read(path) as store:
        past = store.known([nodeid], HERE, PYTHON).tests.get(nodeid)
        return [] if past is None else [(each.seconds, each.verdict) for each in past.observed]


def count(path: Path, query: str) -> int:
    """Return the one number that a query gives."""
    with closing(sqlite3.connect(path)) as connection:
        number: int = connection.execute(query).fetchone()[0]
        return number


def test_what_goes_in_comes_out(path: Path) -> None:
    """The run, its attempts and what they cost, as they were."""
    first = Attempt(Verdict.ERROR, EPOCH, 1.5, None, 0.25, "gw1", "OSError | PATH")
    last = Attempt(Verdict.XPASSED, EPOCH + 3, 0.5, 2.5, None, "gw2")
    evidence = run(1, case(X, first, last, body="b"), case(Y, attempt(Verdict.FAILED)))
    with Store.open(path) as store:
        assert store.add(evidence)
        (trial,) = store.cases([X, "b.py::test_unknown"])[X]
        assert trial.attempts == (first, last)
        assert (trial.run.uuid, trial.run.started) == (evidence.uuid, evidence.started)
        assert (trial.run.commit, trial.run.is_clean, trial.run.environment) == (
            "c0ffee",
            True,
            HERE,
        )
        assert (trial.run.tests, trial.run.failed) == (2, 2)
        past = store.known([X], HERE, PYTHON).tests[X]
        assert past.body == f"{PYTHON}-b"
        assert past.observed == (Observed(evidence.started, 3.0, Verdict.XPASSED),)
        assert store.failures(X) == ((evidence.uuid, "OSError | PATH"),)


def test_the_gap_between_tests_is_that_of_the_last_whole_run(path: Path) -> None:
    """One that was stopped, or went on elsewhere, is no example."""

    def several(number: int, gap: float) -> RunEvidence:
        spans = [
            Attempt(Verdict.PASSED, EPOCH + at * (0.5 + gap), 0.0, 0.5, 0.0, "gw0") for at in (0, 1)
        ]
        return run(number, case(X, spans[0]), case(Y, spans[1]))

    with Store.open(path) as store:
        assert store.gap(HERE) == 0.0
        store.add(several(1, 0.5))
        store.add(several(2, 0.25))
        store.add(replace(several(3, 0.125), stopped="stopping after 1 failures"))
        store.add(replace(several(4, 0.0625), environment="elsewhere"))
        assert store.gap(HERE) == pytest.approx(0.25)


def test_a_run_is_added_once(path: Path) -> None:
    """However often it is told."""
    with Store.open(path) as store:
        assert store.add(run(1, case(X)))
        assert not store.add(run(1, case(X), case(Y)))
        assert store.known([X, Y], HERE, PYTHON).tests.keys() == {X}


def test_the_time_on_the_worker_counts(path: Path) -> None:
    """It is more than the phases of the last attempt, and what a schedule needs."""
    with Store.open(path) as store:
        store.add(run(1, replace(case(X, attempt(), attempt()), seconds=4.0)))
    assert observed(path) == [(4.0, Verdict.PASSED)]


def test_the_most_recent_runs_are_known(path: Path) -> None:
    """By when they began, not by when they were added; all are counted."""
    numbers = [*range(1, KEPT + 4, 2), *range(0, KEPT + 4, 2)]
    with Store.open(path) as store:
        for number in numbers:
            verdict = Verdict.FAILED if number == 0 else Verdict.PASSED
            store.add(run(number, case(X, attempt(verdict, number + 0.5))))
    assert observed(path) == [(number + 0.5, Verdict.PASSED) for number in range(4, KEPT + 4)]
    assert count(path, "SELECT runs FROM test") == len(numbers)
    assert count(path, "SELECT failures FROM test") == 1


def test_days_are_counted(path: Path) -> None:
    """Runs, failures and seconds of each test for each day."""
    with Store.open(path) as store:
        for number in (0, 1, 48):
            verdict = Verdict.FAILED if number else Verdict.PASSED
            store.add(run(number, case(X, attempt(verdict, 2.0))))
    with closing(sqlite3.connect(path)) as connection:
        days = connection.execute("SELECT runs, failures, seconds FROM day ORDER BY day").fetchall()
    assert days == [(2, 1, 4.0), (1, 1, 2.0)]


def test_environments_are_told_apart(path: Path) -> None:
    """What was seen under another Python is known to be from elsewhere."""
    with Store.open(path) as store:
        store.add(run(1, case(X), environment="another"))
        store.add(run(2, case(X)))
        known = store.known([X], HERE, PYTHON)
        assert [each.is_here for each in known.tests[X].observed] == [False, True]
        elsewhere = store.known([X], "unheard of", PYTHON).tests[X]
        assert not any(each.is_here for each in elsewhere.observed)


def test_code_is_compared_within_one_python(path: Path) -> None:
    """Another Python compiles the same function to something else, and disturbs nothing."""
    with Store.open(path) as store:
        store.add(run(1, case(X, body="b")))
        store.add(run(2, replace(case(X), body="cpython-312-c")))
        assert store.known([X], HERE, PYTHON).tests[X].body == f"{PYTHON}-b"
        assert store.known([X], HERE, "cpython-312").tests[X].body == "cpython-312-c"
        assert store.known([X], HERE, "cpython-313").tests[X].body == ""
        store.add(run(3, case(X, body="d")))
        assert store.known([X], HERE, PYTHON).tests[X].body == f"{PYTHON}-d"


def test_costs_of_fixtures_are_known(path: Path) -> None:
    """By name and scope, with what each run has seen."""
    with Store.open(path) as store:
        store.add(run(1, case(X), fixtures={("db", ""): 2.0, ("db", "a.py"): 1.0}))
        store.add(run(2, case(X), fixtures={("db", ""): 3.0}))
        costs = store.known([], HERE, PYTHON).costs
    assert {fixture: [each.seconds for each in seen] for fixture, seen in costs.items()} == {
        ("db", ""): [2.0, 3.0],
        ("db", "a.py"): [1.0],
    }


def test_a_renamed_test_keeps_its_past(path: Path) -> None:
    """Under its new name, and nothing is left of the old one."""
    with Store.open(path) as store:
        store.add(run(1, case("old.py::test_x", attempt(seconds=8.0))))
        store.add(run(2, case(X)), {X: "old.py::test_x"})
    assert observed(path) == [(8.0, Verdict.PASSED), (0.5, Verdict.PASSED)]
    assert observed(path, "old.py::test_x") == []


def test_a_rename_never_takes_the_place_of_a_test(path: Path) -> None:
    """Another run may have added the new name meanwhile: both are kept."""
    with Store.open(path) as store:
        store.add(run(1, case(Y)))
        store.add(run(2, case(X)))
        store.add(run(3, case(X)), {X: Y})
    assert len(observed(path)) == 2
    assert len(observed(path, Y)) == 1


@pytest.mark.parametrize("name", ["test_ü[€]", "test_[\ud800]", "test_[\0]", "test_'; DROP--", ""])
def test_any_name_can_be_stored(path: Path, name: str) -> None:
    """Also one that is no text for SQLite."""
    with Store.open(path) as store:
        store.add(run(1, case(name, attempt(Verdict.FAILED, signature=name, worker=name))))
        assert store.known([name], HERE, PYTHON).tests.keys() == {name}
        assert store.cases([name]).keys() == {name}


def test_what_never_ran_is_not_there(path: Path) -> None:
    """A test without attempts leaves nothing; of two with one name the first counts."""
    with Store.open(path) as store:
        never = replace(case(Y), attempts=())
        store.add(run(1, never, case(X, attempt(seconds=1.0)), case(X, attempt(seconds=2.0))))
        assert store.known([X, Y], HERE, PYTHON).tests.keys() == {X}
    assert observed(path) == [(1.0, Verdict.PASSED)]


def test_a_merge_brings_what_is_new(tmp_path: Path, path: Path) -> None:
    """Runs of another machine come in as if they had been added here, once."""
    other, both = tmp_path / "other.sqlite3", tmp_path / "both.sqlite3"
    mine = [run(n, case(X, attempt(seconds=float(n)), body=f"b{n}")) for n in (1, 3)]
    theirs = [
        run(n, case(X, attempt(Verdict.FAILED, n, signature=f"s{n}"), body=f"b{n}"), case(Y),
            fixtures={("db", ""): 1.0 * n}, environment=f"e{n}")
        for n in (2, 3, 4)
    ]  # fmt: skip
    for target, runs in ((path, mine), (other, theirs), (both, [*mine, theirs[0], theirs[2]])):
        with Store.open(target) as store:
            for each in runs:
                store.add(each)
    with Store.open(path) as store, Store.open(both) as reference:
        assert store.merge(other) == 2
        for _ in range(2):
            assert store.known([X, Y], HERE, PYTHON) == reference.known([X, Y], HERE, PYTHON)
            assert store.cases([X, Y]) == reference.cases([X, Y])
            assert store.failures(X) == reference.failures(X)
            assert store.merge(other) == 0
    assert count(path, "SELECT sum(runs) FROM day") == count(both, "SELECT sum(runs) FROM day")


def test_results_go_with_time(path: Path) -> None:
    """What is older than the limit goes, a few runs at a time; tests of which all is old go too."""
    retention = Retention(days=30)
    with Store.open(path) as store:
        for number in range(10):
            store.add(run(number, case(X), case(Y), fixtures={("db", ""): 1.0}))
        late = [replace(run(n, case(X)), started=EPOCH + 31 * DAY + n) for n in range(90, 99)]
        for each in late:
            store.add(each)
        last = replace(run(99, case(X)), started=EPOCH + 32 * DAY)
        store.add(last, retention=retention)
        assert 0 < len(store.cases([Y])[Y]) < 10
        for _ in range(3):
            store.let_go(retention, last.started)
        left = [trial.run.uuid for trial in store.cases([X])[X]]
        assert left == [each.uuid for each in (*late, last)]
        known = store.known([X, Y], HERE, PYTHON)
        assert known.tests.keys() == {X}
        assert not known.costs
        assert not store.add(run(3, case(X)))  # it is remembered that there was such a run


@pytest.mark.parametrize("start", [0.0, 4e9])
def test_a_clock_that_is_wrong_lets_go_of_nothing(path: Path, start: float) -> None:
    """A run of another century is added, and what is known of the others stays."""
    with Store.open(path) as store:
        for number in range(3):
            store.add(run(number, case(X), fixtures={("db", ""): 1.0}))
        before = store.cases([X])
        for number in range(2):
            odd = replace(run(50 + number, case(Y)), started=start + number)
            assert store.add(odd, retention=Retention(days=30))
        assert store.cases([X]) == before
        assert len(store.cases([Y])[Y]) == 2
        assert store.known([], HERE, PYTHON).costs


def test_of_each_test_some_runs_are_kept(path: Path) -> None:
    """Of one that runs often no more than the limit, of one that runs seldom all."""
    retention = Retention(runs=5)
    with Store.open(path) as store:
        for number in range(20):
            rare = (case(Y),) if number in (0, 7) else ()
            store.add(run(number, case(X), *rare), retention=retention)
        trials = store.cases([X, Y])
    assert [trial.run.started for trial in trials[X]] == [EPOCH + HOUR * n for n in range(15, 20)]
    assert len(trials[Y]) == 2
    assert count(path, "SELECT runs FROM test WHERE nodeid LIKE '%x'") == 20


def test_a_test_that_runs_often_by_itself_costs_little(path: Path) -> None:
    """What others have left in earlier runs is not read to find the oldest of its own."""
    others = [case(f"b.py::test_{number}") for number in range(200)]
    with Store.open(path) as store:
        for number in range(20):
            store.add(run(number, *others))
        for number in range(20, 41):
            store.add(run(number, case(X)))
    steps: list[None] = []
    with closing(sqlite3.connect(path)) as connection:
        connection.set_progress_handler(lambda: steps.append(None), 100)
        let_go(connection, Retention(runs=20), EPOCH)
        assert len(steps) < 100
        connection.commit()
    with Store.open_to_read(path) as store:
        assert store.cases([X])[X][0].run.uuid == "run-21"
        assert len(store.cases(["b.py::test_0"])["b.py::test_0"]) == 20


def _write(path: Path, writer: int) -> None:
    for number in range(10):
        with Store.open(path) as store:
            store.add(run(100 * writer + number, *(case(f"a.py::test_{n}") for n in range(50))))


def test_several_processes_write_at_once(path: Path) -> None:
    """None has to give up, none overwrites another, also while the file is being made."""
    context = get_context("spawn")
    writers = [context.Process(target=_write, args=(path, number)) for number in range(4)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join(100)
    assert [writer.exitcode for writer in writers] == [0] * 4
    assert count(path, "SELECT count(*) FROM result") == 4 * 10 * 50
    assert count(path, "SELECT min(runs) FROM test") == 40
    assert count(path, "SELECT count(*) FROM pragma_integrity_check WHERE 1") == 1
    assert len(observed(path, "a.py::test_0")) == KEPT


def test_a_judged_rate_stands_with_its_test(path: Path) -> None:
    """Until it is judged again; those on which nobody has looked for longest come first."""
    with Store.open(path) as store:
        store.add(run(1, case(X), case(Y)), rates={X: 0.25, Y: 0.5})
        store.add(run(2, case(X), case(Y)), rates={Y: 0.125})
        assert store.flaking() == (X, Y)
        past = store.known([X, Y], HERE, PYTHON).tests
        assert (past[X].flaking, past[Y].flaking) == (0.25, 0.125)
        store.add(run(3, case(X), case(Y)), rates={X: None})
        assert store.flaking() == (Y,)
        assert store.known([X], HERE, PYTHON).tests[X].flaking is None


def test_a_merge_takes_the_later_judgement(tmp_path: Path, path: Path) -> None:
    """And of what tests claim what was seen last, in whichever file."""
    other = tmp_path / "other.sqlite3"
    with Store.open(path) as store, Store.open(other) as there:
        store.add(run(1, replace(case(X), claims=("db",)), case(Y)), rates={X: 0.1})
        store.add(run(4, case(Y)), rates={Y: 0.4})
        there.add(run(2, case(X)), rates={X: 0.2})
        there.add(run(3, replace(case(X), claims=("gpu", "port")), case(Y)), rates={Y: 0.3})
    with Store.open(path) as store:
        store.merge(other)
        past = store.known([X, Y], HERE, PYTHON).tests
        assert (past[X].flaking, past[Y].flaking) == (0.2, 0.4)
        (span,) = [each for each in store.spans(["run-1"])["run-1"] if each.nodeid == X]
        assert span.claims == ("gpu", "port")


def test_all_tests_of_a_run_are_found(path: Path) -> None:
    """Every attempt with its worker, its times and what its test claims."""
    first = Attempt(Verdict.FAILED, EPOCH, 1.0, 2.0, None, "gw1")
    last = Attempt(Verdict.PASSED, EPOCH + 9, 0.5, 0.5, 0.5, "gw2")
    unknown = Attempt(Verdict.ERROR)
    with Store.open(path) as store:
        store.add(run(1, replace(case(X, first, last), claims=("db",)), case(Y, unknown)))
        store.add(run(2, case(Y)))
        assert store.spans(["run-1", "unheard of"]) == {
            "run-1": [
                Span(X, "gw1", EPOCH, EPOCH + 3, ("db",)),
                Span(X, "gw2", EPOCH + 9, EPOCH + 10.5, ("db",)),
            ]
        }


def test_a_test_may_claim_otherwise_later(path: Path) -> None:
    """What it claimed last counts, nothing included."""
    with Store.open(path) as store:
        for number, claims in enumerate([("db",), ("db", "gpu"), ()]):
            store.add(run(number, replace(case(X), claims=claims)))
            ((span,),) = store.spans([f"run-{number}"]).values()
            assert span.claims == claims


def test_tests_that_ever_failed_are_found(path: Path) -> None:
    """With how often they did not pass, in all attempts."""
    with Store.open(path) as store:
        store.add(run(1, case(X, attempt(Verdict.FAILED), attempt()), case(Y)))
        store.add(run(2, case(X, attempt(Verdict.ERROR)), case(Y)))
        assert store.failing() == {X: 2}


def test_the_latest_runs_are_known(path: Path) -> None:
    """Oldest first, with how many tests flaked."""
    with Store.open(path) as store:
        for number in (2, 0, 1):
            store.add(replace(run(number, case(X, attempt(Verdict.FAILED))), flaky=number))
        heads = store.heads(2)
    assert [(head.uuid, head.tests, head.failed, flaky) for head, flaky in heads] == [
        ("run-1", 1, 1, 1),
        ("run-2", 1, 1, 2),
    ]


def test_when_a_test_was_last_seen(path: Path) -> None:
    """And any test of its file, of which the name may be the beginning of another."""
    with Store.open(path) as store:
        store.add(run(1, case(X), case(Y)))
        store.add(run(2, case(Y)))
        store.add(run(3, case("a.pyx::test_z"), case("a.py.d/b.py::test_z")))
        assert store.last_seen(X) == (EPOCH + HOUR, EPOCH + 2 * HOUR)
        assert store.last_seen("a.py::test_unknown") == (None, EPOCH + 2 * HOUR)
        assert store.last_seen("b.py::test_unknown") == (None, 0.0)


def test_only_the_latest_runs_are_looked_at(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Which runs there were is kept for good, and nobody wants to wait for it."""
    monkeypatch.setattr("pytest_orchestra.history.reading.MOST_RUNS", 2)
    with Store.open(path) as store:
        for number in range(4):
            store.add(run(number, case(X)))
        assert [past.run.uuid for past in store.cases([X])[X]] == ["run-2", "run-3"]
