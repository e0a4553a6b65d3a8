"""The judge of the stress runs must acquit the innocent and convict every kind of culprit."""

from __future__ import annotations

import itertools
import random
import time
from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from stress import (
    CASES,
    EDGES,
    OUTPUT,
    STAMPS,
    Broken,
    Case,
    Kill,
    Outcome,
    Run,
    Stamp,
    Suite,
    Verdict,
    Violation,
    generate,
    launch,
    most_at_once,
    read_stamps,
    run,
    violations,
    wait,
)

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

#: a and b share "db", r1 and r2 read "schema" that w writes, x is alone; f fails and blocks
#: needs_f, which blocks needs_blocked; after_f only waits for it.
SMALL = Suite(
    {
        case.nodeid: case
        for case in (
            Case("a", counts={"db": 2}),
            Case("b", counts={"db": 2}),
            Case("r1", locks={"schema": "read"}),
            Case("r2", locks={"schema": "read"}),
            Case("w", locks={"schema": "write"}),
            Case("x", alone=True),
            Case("f", plan=Outcome.FAILED),
            Case("needs_a", hard=("a",)),
            Case("needs_f", hard=("f",)),
            Case("needs_blocked", hard=("needs_f",)),
            Case("after_f", after=("f",)),
        )
    },
    capacities={"db": 3},
)

#: When each test of the small suite runs, and on which process, if all goes well.
GOOD_TIMES = {
    "a": (0, 10, 1),
    "r1": (2, 20, 2),
    "b": (10, 20, 1),
    "r2": (5, 15, 3),
    "w": (20, 30, 2),
    "needs_a": (21, 25, 1),
    "x": (30, 40, 3),
    "f": (40, 50, 1),
    "after_f": (50, 60, 2),
}


def story(
    *,
    times: dict[str, tuple[int, int | None, int]] | None = None,
    outcomes: dict[str, Outcome] | None = None,
    more_stamps: Sequence[Stamp] = (),
    more_verdicts: Sequence[Verdict] = (),
    kill: Kill | None = None,
) -> Run:
    """Return a run in which all went as expected, but for what is given."""
    stamps = list(more_stamps)
    for nodeid, (start, end, pid) in {**GOOD_TIMES, **(times or {})}.items():
        stamps.append(Stamp(nodeid, "start", start, f"gw{pid}", pid))
        if end is not None:
            stamps.append(Stamp(nodeid, "end", end, f"gw{pid}", pid))
    verdicts = list(more_verdicts)
    expected = {**SMALL.expected(), **(outcomes or {})}
    for nodeid, outcome in expected.items():
        roots = sorted(SMALL.roots(nodeid, expected)) or ["nothing"]
        blocked = outcome is Outcome.BLOCKED
        message = f"blocked: {roots[0]} failed (gw1)" if blocked else ""
        verdicts.append(Verdict(nodeid, outcome, message))
    return Run(1, "", stamps, verdicts, kill)


def promises(run: Run) -> set[tuple[Broken, str]]:
    """Return which promises were broken by which tests."""
    return {(violation.promise, violation.nodeid) for violation in violations(SMALL, run)}


def without(run: Run, nodeid: str) -> Run:
    """Return the run without the verdict of this test."""
    return replace(run, verdicts=[one for one in run.verdicts if one.nodeid != nodeid])


def test_a_good_run_is_acquitted() -> None:
    """A run in which all went as it should breaks no promise."""
    assert promises(story()) == set()


@pytest.mark.parametrize(
    ("times", "broken"),
    [
        ({"b": (9, 20, 2)}, {(Broken.CAPACITY, "b")}),
        ({"b": (0, 30, 2)}, {(Broken.CAPACITY, "b")}),
        ({"w": (19, 30, 2)}, {(Broken.LOCK, "w")}),
        ({"r2": (29, 30, 3)}, {(Broken.LOCK, "r2")}),
        ({"x": (29, 40, 3)}, {(Broken.EXCLUSIVE, "x")}),
        ({"after_f": (50, 60, 2), "b": (39, 41, 2)}, {(Broken.EXCLUSIVE, "b")}),
        ({"needs_a": (9, 25, 2)}, {(Broken.TOO_EARLY, "needs_a")}),
        ({"after_f": (49, 60, 2)}, {(Broken.TOO_EARLY, "after_f")}),
        ({"needs_f": (55, 60, 1)}, {(Broken.RAN_UNFOUNDED, "needs_f")}),
        ({"needs_blocked": (55, 60, 1)}, {(Broken.RAN_UNFOUNDED, "needs_blocked")}),
        ({"after_f": (50, None, 2)}, {(Broken.UNFINISHED, "after_f")}),
    ],
)
def test_wrong_times_are_convicted(
    times: dict[str, tuple[int, int | None, int]], broken: set[tuple[Broken, str]]
) -> None:
    """A single test at the wrong time is found, and nothing else is."""
    assert promises(story(times=times)) == broken


@pytest.mark.parametrize("times", [{"b": (10, 10, 2)}, {"b": (5, 5, 2)}, {"needs_a": (10, 25, 2)}])
def test_moments_that_touch_do_not_overlap(times: dict[str, tuple[int, int | None, int]]) -> None:
    """A test may start in the very nanosecond in which another ends."""
    assert promises(story(times=times)) == set()


def test_tokens_of_an_unfinished_test_stay_taken() -> None:
    """What a test took and never gave back is held against all later ones."""
    found = promises(story(times={"a": (0, None, 4)}))
    assert {(Broken.CAPACITY, "b"), (Broken.EXCLUSIVE, "x"), (Broken.TOO_EARLY, "needs_a")} < found


@pytest.mark.parametrize("pid", [1, 9])
def test_a_second_run_of_a_test_is_convicted(pid: int) -> None:
    """A test that ran twice is found, on the same worker and on another."""
    again = [Stamp("r1", "start", 70, "", pid), Stamp("r1", "end", 80, "", pid)]
    assert promises(story(more_stamps=again)) == {(Broken.RAN_TWICE, "r1")}


def test_a_restart_after_an_unfinished_run_is_convicted() -> None:
    """Two starts on one worker are two runs, even if the first never ended."""
    found = promises(story(more_stamps=[Stamp("f", "start", 39, "", 1)]))
    assert (Broken.RAN_TWICE, "f") in found


def test_a_second_end_is_convicted() -> None:
    """A test that ended twice ran twice, even if its second start left no stamp."""
    run = story(more_stamps=[Stamp("r1", "end", 80, "", 2)])
    assert promises(run) == {(Broken.RAN_TWICE, "r1")}


def test_a_missing_verdict_is_convicted() -> None:
    """A test without a verdict is found, also if it ran."""
    assert promises(without(story(), "b")) == {(Broken.NO_VERDICT, "b")}


def test_two_verdicts_are_convicted() -> None:
    """A test with a second verdict is found, even if both are the same."""
    run = story(more_verdicts=[Verdict("b", Outcome.PASSED)])
    assert promises(run) == {(Broken.TWO_VERDICTS, "b")}


def test_an_outcome_without_a_run_is_convicted() -> None:
    """A test that is said to have passed and left no stamps is found."""
    run = story()
    run = replace(run, stamps=[one for one in run.stamps if one.nodeid != "r1"])
    assert promises(run) == {(Broken.NEVER_RAN, "r1")}


def test_strangers_are_convicted() -> None:
    """Stamps and verdicts of tests that the suite does not have are found."""
    run = story(
        more_stamps=[Stamp("who", "start", 1, "", 1)],
        more_verdicts=[Verdict("what", Outcome.PASSED)],
    )
    assert promises(run) == {(Broken.UNKNOWN, "who"), (Broken.UNKNOWN, "what")}


@pytest.mark.parametrize("outcome", [Outcome.FAILED, Outcome.SKIPPED, Outcome.ERROR])
def test_a_wrong_outcome_is_convicted(outcome: Outcome) -> None:
    """A test that should have passed and did not is found."""
    assert promises(story(outcomes={"b": outcome})) == {(Broken.WRONG_OUTCOME, "b")}


def test_a_dependant_of_a_test_that_did_not_pass_is_convicted() -> None:
    """What ran is judged by what became of its prerequisite, not only by the plan."""
    found = promises(story(outcomes={"a": Outcome.FAILED}))
    assert found == {(Broken.WRONG_OUTCOME, "a"), (Broken.RAN_UNFOUNDED, "needs_a")}


def test_a_passed_test_that_should_be_blocked_is_convicted() -> None:
    """A blocked test that ran and passed has the wrong outcome and ran unfounded."""
    name = "needs_blocked"
    found = promises(story(times={name: (55, 60, 1)}, outcomes={name: Outcome.PASSED}))
    assert found == {(Broken.WRONG_OUTCOME, name), (Broken.RAN_UNFOUNDED, name)}


def test_an_unexpected_block_is_convicted() -> None:
    """A test whose prerequisites all passed must not be blocked."""
    run = without(story(), "b")
    run = replace(run, verdicts=[*run.verdicts, Verdict("b", Outcome.BLOCKED, "blocked: a failed")])
    assert promises(run) == {(Broken.UNEXPECTED_BLOCK, "b")}


def test_a_wrong_cause_is_convicted() -> None:
    """A block names the test at its root, not one in between."""
    message = "blocked: needs_f failed (gw1)"
    run = without(story(), "needs_blocked")
    run = replace(run, verdicts=[*run.verdicts, Verdict("needs_blocked", Outcome.BLOCKED, message)])
    assert promises(run) == {(Broken.WRONG_CAUSE, "needs_blocked")}


def killed_in(nodeid: str, end: int | None = None, *, at: int = 5) -> Run:
    """Return a run whose worker 9 was killed during this test, without an end if none is given."""
    crashed = SMALL.expected([nodeid])
    times = {nodeid: (GOOD_TIMES[nodeid][0], end, 9)}
    run = story(outcomes=crashed, times=times, kill=Kill(9, at))
    blocked = {one for one, outcome in crashed.items() if outcome is Outcome.BLOCKED}
    return replace(run, stamps=[stamp for stamp in run.stamps if stamp.nodeid not in blocked])


@pytest.mark.parametrize("end", [None, 4])
def test_a_crash_is_acquitted(end: int | None) -> None:
    """One test may be lost with its worker, in its midst or after its last stamp."""
    assert promises(killed_in("a", end)) == set()


def test_a_worker_killed_between_two_tests_is_acquitted() -> None:
    """A worker that dies while it does nothing costs nothing."""
    assert promises(story(kill=Kill(3, 25))) == set()


def test_a_worker_killed_before_the_first_stamp_is_acquitted() -> None:
    """A test may be lost that was given to the worker and left no stamp."""
    run = killed_in("after_f", at=55)
    run = replace(run, stamps=[stamp for stamp in run.stamps if stamp.nodeid != "after_f"])
    assert promises(run) == set()


def test_tokens_are_free_after_the_kill() -> None:
    """A killed test holds its tokens until the kill, and no longer."""
    run = killed_in("a", at=9)
    late = [
        replace(stamp, ns=8) if (stamp.nodeid, stamp.event) == ("b", "start") else stamp
        for stamp in run.stamps
    ]
    assert promises(run) == set()
    assert promises(replace(run, stamps=late)) == {(Broken.CAPACITY, "b")}


def test_a_crash_blocks_what_needs_it() -> None:
    """A test that needs the crashed one must not run."""
    run = story(outcomes={"a": Outcome.CRASHED}, times={"a": (0, None, 9)}, kill=Kill(9, 5))
    found = promises(run)
    assert found == {(Broken.WRONG_OUTCOME, "needs_a"), (Broken.RAN_UNFOUNDED, "needs_a")}


def test_a_crash_without_a_kill_is_convicted() -> None:
    """No worker crashes of itself in these suites."""
    assert (Broken.WRONG_BLAME, "b") in promises(story(outcomes={"b": Outcome.CRASHED}))


def test_a_second_crash_is_convicted() -> None:
    """A kill may cost one test only."""
    run = killed_in("a")
    verdicts = [one for one in run.verdicts if one.nodeid != "b"]
    run = replace(run, verdicts=[*verdicts, Verdict("b", Outcome.CRASHED)])
    assert promises(run) == {(Broken.WRONG_BLAME, "a"), (Broken.WRONG_BLAME, "b")}


def test_a_crash_blamed_on_another_test_is_convicted() -> None:
    """The test in flight on the killed worker is to blame, not one that ran elsewhere."""
    run = story(
        times={"b": (10, None, 9)},
        outcomes={"r1": Outcome.CRASHED},
        kill=Kill(9, 15),
    )
    assert promises(run) == {(Broken.WRONG_BLAME, "b"), (Broken.WRONG_BLAME, "r1")}


def test_a_crash_blamed_on_an_earlier_test_of_the_worker_is_convicted() -> None:
    """Only the last test of the killed worker may have been on its way to a report."""
    run = story(
        times={"r1": (2, 9, 9), "b": (10, 20, 9)},
        outcomes={"r1": Outcome.CRASHED},
        kill=Kill(9, 22),
    )
    assert promises(run) == {(Broken.WRONG_BLAME, "r1")}


def test_a_crashed_test_that_ran_again_is_convicted() -> None:
    """A test that was lost with its worker is not run a second time."""
    run = killed_in("a")
    again = [Stamp("a", "start", 70, "", 2), Stamp("a", "end", 80, "", 2)]
    run = replace(run, stamps=[*run.stamps, *again])
    assert (Broken.RAN_TWICE, "a") in promises(run)


@pytest.mark.parametrize("seed", range(20))
def test_every_suite_asks_for_everything(seed: int) -> None:
    """Each seed gives a suite that exercises every feature, and always the same one."""
    suite = generate(seed)
    cases = suite.cases.values()
    assert suite == generate(seed)
    assert len(cases) == CASES
    assert sum(len(case.hard) + len(case.after) for case in cases) == EDGES
    assert {mode for case in cases for mode in case.locks.values()} == {"read", "write"}
    assert {name for case in cases for name in case.counts} == set(suite.capacities)
    assert any(case.alone for case in cases)
    assert any(case.after for case in cases)
    assert any(len(case.counts) + len(case.locks) > 2 for case in cases)
    assert set(suite.expected().values()) == set(Outcome) - {Outcome.CRASHED}
    order = list(suite.cases)
    assert any(
        order.index(other) > order.index(case.nodeid) for case in cases for other in case.hard
    )


@pytest.mark.parametrize("seed", range(3))
def test_a_suite_can_be_run_without_a_violation(seed: int) -> None:
    """One test after the other, in the order of the edges, breaks no promise of any suite."""
    suite = generate(seed)
    expected = suite.expected()
    clock = itertools.count()
    stamps, verdicts = [], []
    for case in suite.in_order():
        message = ""
        if expected[case.nodeid] is Outcome.BLOCKED:
            message = f"blocked: {min(suite.roots(case.nodeid, expected))} failed (gw0)"
        else:
            stamps += [
                Stamp(case.nodeid, event, next(clock), "gw0", 1) for event in ("start", "end")
            ]
        verdicts.append(Verdict(case.nodeid, expected[case.nodeid], message))
    assert violations(suite, Run(1, "", stamps, verdicts, None)) == []


def test_plain_xdist_is_convicted(tmp_path: Path) -> None:
    """Real workers that heed none of the markers break all the promises about time and order."""
    suite = generate(0)
    suite.write(tmp_path)
    run_ = run(tmp_path, "-pxdist", "-W", "ignore", "-n", "4")
    found = Counter(violation.promise for violation in violations(suite, run_))
    assert set(found) == {
        Broken.CAPACITY,
        Broken.LOCK,
        Broken.EXCLUSIVE,
        Broken.TOO_EARLY,
        Broken.RAN_UNFOUNDED,
        Broken.WRONG_OUTCOME,
    }, run_.output
    # All that should have been blocked, and nothing but that, has another outcome than planned.
    blocked = Counter(suite.expected().values())[Outcome.BLOCKED]
    assert found[Broken.WRONG_OUTCOME] == blocked
    assert len(run_.stamps) == 2 * CASES
    assert most_at_once(run_.stamps) == 4


def test_one_process_breaks_no_promise_about_overlap(tmp_path: Path) -> None:
    """A serial run that heeds no marker is convicted of its order only."""
    suite = generate(1)
    suite.write(tmp_path)
    run_ = run(tmp_path, "-W", "ignore")
    found = {violation.promise for violation in violations(suite, run_)}
    assert found == {Broken.TOO_EARLY, Broken.RAN_UNFOUNDED, Broken.WRONG_OUTCOME}, run_.output
    assert most_at_once(run_.stamps) == 1


def test_a_worker_of_the_run_is_killed(tmp_path: Path) -> None:
    """The harness kills one worker while the run goes on, and plain xdist loses that test only."""
    suite = Suite({nodeid: Case(nodeid, milliseconds=4) for nodeid in generate(0).cases}, {})
    suite.write(tmp_path)
    options = ("-pxdist", "-n", "2")
    run_ = run(tmp_path, *options, kill=random.Random(0))  # noqa: S311 - not secret
    assert run_.kill is not None
    assert run_.kill.pid in {stamp.pid for stamp in run_.stamps}
    (lost,) = [each.nodeid for each in run_.verdicts if each.outcome is Outcome.CRASHED]
    # xdist drops a test from what a worker has to do only after its report: killed in between,
    # the test has passed and is blamed all the same, and nothing else is wrong.
    passed_too = [
        Violation(Broken.TWO_VERDICTS, lost, "['passed', 'crashed']"),
        Violation(Broken.WRONG_OUTCOME, lost, "passed, not crashed ()"),
    ]
    assert violations(suite, run_) in ([], passed_too)


def test_a_process_that_is_no_worker_is_spared(tmp_path: Path) -> None:
    """A run in one process is never killed, although its own number is in the stamps."""
    suite = Suite({nodeid: Case(nodeid) for nodeid in generate(0).cases}, {})
    suite.write(tmp_path)
    run_ = run(tmp_path, kill=random.Random(0))  # noqa: S311 - not secret
    assert run_.kill is None
    assert run_.status == 0
    assert violations(suite, run_) == []


def test_a_run_that_hangs_is_stopped_and_shows_its_stacks(tmp_path: Path) -> None:
    """A run over its time is ended, with the stacks of its threads in the output."""
    text = (
        "import pathlib, time\ndef test_it():\n  pathlib.Path('began').touch()\n  time.sleep(600)\n"
    )
    tmp_path.joinpath("test_hang.py").write_text(text)
    process = launch(tmp_path)
    while not tmp_path.joinpath("began").exists():
        assert process.poll() is None
        time.sleep(0.01)
    assert wait(process, 0.1) is None
    assert "in test_it" in tmp_path.joinpath(OUTPUT).read_text()


def test_a_line_that_is_still_being_written_is_left_out(tmp_path: Path) -> None:
    """The stamps can be read while workers append to them."""
    whole = '{"nodeid": "a", "event": "start", "ns": 1, "worker": "gw0", "pid": 2}\n'
    tmp_path.joinpath(STAMPS).write_text(whole + whole[:20])
    assert read_stamps(tmp_path / STAMPS) == [Stamp("a", "start", 1, "gw0", 2)]
