from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from textwrap import dedent
from typing import Final, TypeAlias

import pytest

from pytest_orchestra.model.usage import UNKNOWN, Usage
from pytest_orchestra.running.meter import BlindMeter

#: Measures steps of code, one after the other; returns what each cost.
Measure: TypeAlias = Callable[..., list[Usage]]

MB: Final = 1_000_000

#: What a process may use besides, or the kernel miscount, in bytes.
SLACK: Final = 12 * MB

#: A new process measures itself: of children only what is more than ever before is known.
SCRIPT: Final = """
import json, os, subprocess, sys, time
from pytest_orchestra.running import meter as module

MB = 1_000_000

def child(code):
    subprocess.run([sys.executable, "-c", code], check=True)

def fork(function):
    pid = os.fork()
    if not pid:
        function()
        os._exit(0)
    os.waitpid(pid, 0)

def burn(seconds=0.3):
    end = time.process_time() + seconds
    while time.process_time() < end: pass

BURN = "import time\\nwhile time.process_time() < 0.3: pass"

{before}
meter = module.find_meter()
found = []
{steps}
print(json.dumps(found))
"""

STEP: Final = """
meter.begin()
{code}
found.append(meter.end())
"""

linux = pytest.mark.skipif(sys.platform != "linux", reason="only Linux lowers the mark")


@pytest.fixture
def measure() -> Measure:
    """Measure steps in a process of its own."""

    def measure_steps(*steps: str, before: str = "", between: str = "") -> list[Usage]:
        code = between.join(STEP.format(code=dedent(step)) for step in steps)
        script = SCRIPT.format(before=dedent(before), steps=code)
        # Who replaces a process inherits the mark of its memory, who is forked by a small one does not.
        command = ["sh", "-c", '"$@"; exit $?', "sh", sys.executable, "-c", script]
        output = subprocess.run(  # noqa: S603 - the interpreter that runs this test
            command, check=True, capture_output=True, text=True, timeout=60
        ).stdout
        return [tuple(usage) for usage in json.loads(output)]

    return measure_steps


def check(figure: int | None, expected: int) -> None:
    """Assert that a figure of memory is what it should be, as exactly as it can be."""
    __tracebackhide__ = True
    assert figure is not None
    assert expected - SLACK <= figure <= expected + SLACK


def test_cpu_time_is_what_was_computed(measure: Measure) -> None:
    """Waiting costs nothing, and what one test burns the next does not pay for."""
    burnt, waited = measure("burn()", "time.sleep(0.3)")
    assert 0.25 < (burnt[0] or 0) < 3
    assert (waited[0] or 0) < 0.2


def test_cpu_time_of_children_counts(measure: Measure) -> None:
    """What a subprocess burns is its test's, once it was waited for, and no other's."""
    burnt, idle = measure("child(BURN)", "pass")
    assert 0.25 < (burnt[0] or 0) < 3
    assert (idle[0] or 0) < 0.2


def test_what_happens_between_tests_is_nobodys(measure: Measure) -> None:
    """A service that a fixture stops after the last test has cost the next one nothing."""
    between = "child(BURN + '\\nx = bytearray(250 * 10**6)')\nmeter.skip()\n"
    _, (cpu, _, used) = measure("pass", "pass", between=between)
    assert (cpu or 0) < 0.2
    assert used is None or used < SLACK


@linux
def test_every_test_has_a_peak_of_its_own(measure: Measure) -> None:
    """A test that used little after one that used much is not taken for it."""
    usages = measure(
        "x = bytearray(200 * MB); del x",
        "pass",
        "x = bytearray(100 * MB); del x",
        "x = bytearray(50 * MB); del x; y = bytearray(50 * MB); del y",
    )
    for (_, _, used), expected in zip(usages, (200, 0, 100, 50), strict=True):
        check(used, expected * MB)
    first, idle, *_ = (peak or 0 for _, peak, _ in usages)
    check(first - idle, 200 * MB)


@linux
def test_what_was_there_before_is_not_counted(measure: Measure) -> None:
    """What an earlier test left behind is in the peak of the next, but that has not used it."""
    kept, after, dropped = measure("x = bytearray(200 * MB)", "pass", "x = bytearray(100 * MB)")
    check(kept[2], 200 * MB)
    check(after[2], 0)
    check((after[1] or 0) - (kept[1] or 0), 0)
    check(dropped[2], 100 * MB)  # for a moment it has both


@linux
def test_the_largest_child_counts(measure: Measure) -> None:
    """With what its own process used; and the next test, with a small child, does not inherit it."""
    big, small = measure(
        "x = bytearray(100 * MB); child('x = bytearray(250 * 10**6)'); del x", "child('pass')"
    )
    check(big[2], 350 * MB)
    check(small[2], 0)


@linux
def test_children_that_begin_with_our_mark_have_not_used_it(measure: Measure) -> None:
    """The kernel says of a child of a large process that it had as much; that is not its own."""
    (_, _, used), *_ = measure("child('pass')", before="ballast = bytearray(200 * MB)")
    check(used, 0)


@linux
def test_what_a_forked_child_shares_is_not_counted_twice(measure: Measure) -> None:
    """A fork has all that its parent has, but uses only what it adds."""
    (_, _, used), *_ = measure(
        "fork(lambda: bytearray(150 * MB))", before="ballast = bytearray(200 * MB)"
    )
    check(used, 150 * MB)


@linux
def test_what_started_the_process_does_not_count(measure: Measure) -> None:
    """The kernel lets a process begin with its parent's mark, which hides all below it."""
    ballast = bytearray(300 * MB)
    usages = measure("x = bytearray(100 * MB); del x", "pass")
    del ballast
    for (_, peak, used), expected in zip(usages, (100, 0), strict=True):
        check(used, expected * MB)
        assert (peak or 0) < 250 * MB


@linux
def test_nothing_is_ever_written_to_a_file_of_a_test(measure: Measure) -> None:
    """A test that closes what is not its own gets our number for its own file: that stays empty."""
    usages = measure(
        """
        import tempfile
        os.closerange(3, 64)
        files = [tempfile.TemporaryFile() for _ in range(10)]
        """,
        "x = bytearray(100 * MB); del x",
        "assert not any(os.fstat(file.fileno()).st_size for file in files)",
        "os.closerange(3, 64)",
        "x = bytearray(50 * MB); del x",
    )
    for (_, _, used), expected in zip(usages, (0, 100, 0, 0, 50), strict=True):
        check(used, expected * MB)


@pytest.mark.parametrize("name", ["nothing/there", "file"])
def test_where_the_mark_cannot_be_lowered_only_who_raised_it_is_known(
    measure: Measure, name: str, tmp_path: Path
) -> None:
    """No figure is better than that of an earlier test."""
    (tmp_path / "file").touch()
    before = f"""
        module._LOWER = {str(tmp_path / name)!r}
        module.fcntl = lambda *_: (_ for _ in ()).throw(OSError)
        ballast = bytearray(300 * MB)
        del ballast
        """
    lower, higher = measure(
        "x = bytearray(100 * MB); del x; burn()",
        "x = bytearray(400 * MB); del x; child('pass')",
        before=before,
    )
    assert lower[1:] == (None, None)
    assert lower[0] is not None
    assert higher[1] is not None
    assert higher[1] > 400 * MB
    assert higher[2] is None


def test_a_blind_meter_knows_nothing() -> None:
    """Where the system does not tell, there are no figures, and no failure."""
    meter = BlindMeter()
    meter.skip()
    meter.begin()
    assert meter.end() == UNKNOWN
