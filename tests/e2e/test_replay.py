"""A run that was recorded is run again: the same tests, workers and order, and so the same failures."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from harness import FAILED, PASSED, USAGE, Project, Result

DISPATCH = ".pytest_orchestra/dispatch.jsonl"
LAST_RUN = ".pytest_orchestra/last-run.json.gz"

#: A test fails if the sum of what ran on its worker, itself included, is a multiple of three: which do
#: hangs on who got what, and in which order. How long they take is chance.
ON_ONE_WORKER = """
    import random, time, pytest

    SEEN = []

    @pytest.mark.parametrize("n", range(16))
    def test_n(n):
        time.sleep(random.random() / 40)
        SEEN.append(n)
        assert sum(SEEN) % 3
"""

#: One fails if the other goes on at that time on another worker, which it does until that was seen.
AT_ONE_TIME = """
    from pathlib import Path
    import time, pytest

    @pytest.mark.priority(9)
    def test_migrates():
        Path("migrating").touch()
        end = time.monotonic() + 40
        while not Path("seen").exists():
            assert time.monotonic() < end
            time.sleep(0.01)
        Path("migrating").unlink()

    @pytest.mark.parametrize("n", range(6))
    def test_other(n): pass

    @pytest.mark.depends("test_other")
    def test_reads():
        try:
            assert not Path("migrating").exists()
        finally:
            Path("seen").touch()
"""


def given_out(result: Result) -> dict[str, list[str]]:
    """Return which tests each worker ran, in their order."""
    found: dict[str, list[str]] = {}
    for span in result.spans:
        found.setdefault(span.worker, []).append(span.nodeid)
    return found


def failures(result: Result) -> set[str]:
    """Return the tests that failed."""
    return {nodeid for nodeid, verdict in result.verdicts.items() if verdict == "failed"}


def section(result: Result) -> list[str]:
    """Return what is said of the replay at the end."""
    lines = result.output.splitlines()
    start = next(number for number, line in enumerate(lines) if line.strip("= ") == "replay")
    rest = lines[start + 1 :]
    end = next((number for number, line in enumerate(rest) if line.startswith("===")), len(rest))
    return rest[:end]


def test_what_hangs_on_the_order_fails_again(project: Project) -> None:
    """From the file, and as well from what is kept of a run that nobody meant to replay, and not of replays."""
    project.write("test_a", ON_ONE_WORKER)
    recorded = project.orchestrate("-n", "3", "--orchestrate-record", "--tb=no")
    last_run = (project.path / LAST_RUN).read_bytes()
    assert recorded.lines("^-+ dispatch in .pytest_orchestra/dispatch.jsonl -+$")
    assert failures(recorded)
    for file in (DISPATCH, LAST_RUN):
        replayed = project.orchestrate(f"--orchestrate-replay={file}", "--tb=no")
        assert replayed.code == FAILED
        assert given_out(replayed) == given_out(recorded)
        assert failures(replayed) == failures(recorded)
        count = len(failures(recorded))
        assert section(replayed) == [
            f"{count} of {count} recorded failure{'s' * (count > 1)} came again",
            "all else went as it was recorded: the same tests, workers, order and outcomes",
        ]
    assert (project.path / LAST_RUN).read_bytes() == last_run


def test_what_happens_at_one_time_happens_again(project: Project) -> None:
    """A test begins when all is over that was over then, and not later: what went on then goes on again."""
    project.write("test_a", AT_ONE_TIME)
    for options in (["-n2", "--orchestrate-record"], ["--orchestrate-replay", DISPATCH]):
        (project.path / "seen").unlink(missing_ok=True)
        result = project.orchestrate(*options)
        assert failures(result) == {"test_a.py::test_reads"}
    assert section(result)[0] == "1 of 1 recorded failure came again"


def test_alone_in_another_order(project: Project) -> None:
    """Without workers too, whatever the next run would begin with."""
    project.write(
        "test_a",
        """
        import os, pytest
        def test_sets(): os.environ["LEFT"] = "1"
        def test_sees(): assert "LEFT" not in os.environ
        """,
    )
    project.configure(ini='markers = ["late"]')
    recorded = project.orchestrate("--orchestrate-record=order.jsonl")
    assert recorded.code == FAILED
    again = project.orchestrate("--orchestrate-replay=order.jsonl", "--orchestrate-order=feedback")
    assert again.begun == recorded.begun
    assert again.code == FAILED
    assert "1 of 1 recorded failure came again" in section(again)
    head, *steps = map(json.loads, (project.path / "order.jsonl").read_text().splitlines())
    assert (head["format"], head["version"], head["tests"]) == ("pytest-orchestra dispatch", 1, 2)
    assert steps == [
        {"joined": "main"},
        {"run": "test_a.py::test_sets", "on": "main"},
        {"ended": "test_a.py::test_sets", "on": "main", "as": "passed"},
        {"run": "test_a.py::test_sees", "on": "main"},
        {"ended": "test_a.py::test_sees", "on": "main", "as": "failed"},
    ]


def test_where_reality_differs(project: Project) -> None:
    """Tests that are gone, new, and end otherwise are named; the rest goes as it went."""
    project.write("test_a", "def test_x(): assert False\ndef test_y(): pass\ndef test_z(): pass")
    recorded = project.orchestrate("-n2", "--orchestrate-record")
    project.write(
        "test_a",
        """
        import pytest
        def test_x(): pass
        @pytest.mark.depends("test_needed")
        def test_y(): pass
        def test_new(): pass
        def test_needed(): pass
        """,
    )
    result = project.orchestrate("--orchestrate-replay", DISPATCH, "-n5")
    assert result.code == PASSED
    assert result.lines("^orchestra: -n 5 is not heeded: the recording says how many workers$")
    assert result.lines(
        "^orchestra: 1 test recorded, and not collected this time: test_a.py::test_z$"
    )
    assert result.lines("^orchestra: 1 test not recorded, and left out: test_a.py::test_new$")
    assert result.lines("^orchestra: 1 test not recorded, and needed by others: .*::test_needed$")
    assert set(result.begun) == {f"test_a.py::test_{name}" for name in ("x", "y", "needed")}
    lines = section(result)
    assert lines[:2] == ["0 of 1 recorded failure came again", "  not again: test_a.py::test_x"]
    worker = recorded.span("test_a.py::test_x").worker
    assert f"  test_a.py::test_x passed, where it had failed ({worker})" in lines


CRASHING = """
    import os, time
    from pathlib import Path
    import pytest

    @pytest.mark.parametrize("n", range(8))
    def test_n(n):
        if n == 3 and not Path("mended").exists():
            os._exit(1)
        if n == 5 and Path("mended").exists():
            os._exit(1)
"""


def test_workers_that_died_die_again(project: Project) -> None:
    """Who takes their places runs what it ran; who lives on, or dies elsewhere, is told of."""
    project.write("test_a", CRASHING)
    recorded = project.orchestrate("-n2", "--orchestrate-record")
    assert failures(recorded) == {"test_a.py::test_n[3]"}
    again = project.orchestrate("--orchestrate-replay", DISPATCH)
    assert given_out(again) == given_out(recorded)
    assert failures(again) == failures(recorded)
    (project.path / "mended").touch()
    other = project.orchestrate("--orchestrate-replay", DISPATCH)
    assert failures(other) == {"test_a.py::test_n[5]"}
    assert other.counts == {"passed": 7, "failed": 1}
    lines = section(other)
    assert lines[0] == "0 of 1 recorded failure came again"
    assert "reality differed in" in lines[2]
    assert "no worker went down with test_a.py::test_n[3], where gw" in lines[3]


def test_a_replay_ends_where_the_recording_ended(project: Project) -> None:
    """What -x kept from running does not run now, though nothing fails any more; blocked stays blocked."""
    project.write(
        "test_a",
        """
        from pathlib import Path
        import pytest
        def test_first(): pass
        @pytest.mark.depends("test_first")
        def test_breaks(): assert Path("mended").exists()
        @pytest.mark.order(after="test_breaks")
        def test_rest(): pass
        """,
    )
    recorded = project.orchestrate("-n2", "-x", "--orchestrate-record")
    assert recorded.verdicts["test_a.py::test_rest"] == "not run"
    again = project.orchestrate("--orchestrate-replay", DISPATCH)
    assert again.code == FAILED
    assert again.verdicts == recorded.verdicts
    (project.path / "mended").touch()
    mended = project.orchestrate("--orchestrate-replay", DISPATCH)
    assert mended.code == PASSED
    assert mended.verdicts["test_a.py::test_rest"] == "not run"
    assert mended.lines("^not run: 1 test .the recorded run ended here.$")


def test_retries_and_teardowns_come_where_they_came(project: Project) -> None:
    """A second attempt on the worker that made it, and fixtures that others needed go down again."""
    project.configure('[tool.pytest_orchestra.fixtures]\ndatabase = ["db"]')
    project.write(
        "test_a",
        """
        from pathlib import Path
        import pytest

        @pytest.fixture(scope="module")
        def database():
            yield
            with Path("down").open("a") as file: file.write("x")

        def test_one(database): pass
        @pytest.mark.resources("db")
        def test_between(): pass
        def test_two(database): pass
        @pytest.mark.retries(1)
        def test_flaky():
            seen = Path("seen")
            if not seen.exists():
                seen.touch()
                assert False
        """,
    )
    recorded = project.orchestrate("-n2", "--orchestrate-record")
    down = (project.path / "down").read_text()
    for name in ("down", "seen"):
        (project.path / name).unlink()
    again = project.orchestrate("--orchestrate-replay", DISPATCH)
    assert given_out(again) == given_out(recorded)
    assert again.verdicts["test_a.py::test_flaky"] == "flaky"
    assert (project.path / "down").read_text() == down
    assert section(again)[0] == "1 of 1 recorded failure came again"


def test_a_shard_is_replayed_as_it_was_cut(project: Project) -> None:
    """The recording says which tests are its own, so nobody has to cut the suite again."""
    project.write("test_a", ON_ONE_WORKER)
    recorded = project.orchestrate("-n2", "--orchestrate-shard=1/2", "--orchestrate-record")
    again = project.orchestrate("--orchestrate-replay", DISPATCH)
    assert given_out(again) == given_out(recorded)
    both = project.orchestrate("--orchestrate-replay", DISPATCH, "--orchestrate-shard=1/2")
    assert both.code == USAGE
    assert both.lines("leave out --orchestrate-shard")


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--orchestrate-replay=nowhere"], "nowhere cannot be read: No such file"),
        (["--orchestrate-record", "test_a.py"], "write --orchestrate-record=FILE"),
    ],
)
def test_mistakes_are_named(project: Project, options: list[str], said: str) -> None:
    """Before any test runs; and no file of the user's is written over."""
    source = "def test_x(): pass\n"
    project.write("test_a", source)
    result = project.orchestrate(*options)
    assert result.code == USAGE
    assert said in result.output
    assert "Traceback" not in result.output
    assert Path(project.path / "test_a.py").read_text() == source


def test_without_orchestrate_it_would_do_nothing(project: Project) -> None:
    """So that is said."""
    project.write("test_a", "def test_x(): pass")
    result = project.run("--orchestrate-record")
    assert result.code == USAGE
    assert result.lines("--orchestrate-record needs --orchestrate: give both")
