import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from pytest_orchestra.machine.process import Process

pytestmark = pytest.mark.skipif(Process.current().space == 0, reason="needs /proc")


def test_this_process_runs() -> None:
    """And no other with its number ever did."""
    here = Process.current()
    assert here.pid == os.getpid()
    assert here.is_running()
    assert not here.is_gone()


def test_a_number_that_is_another_process_by_now_is_gone() -> None:
    """Numbers are given out again; the time of the start tells."""
    later = replace(Process.current(), start=Process.current().start - 1)
    assert later.has_pid()
    assert later.is_gone()
    assert not later.is_running()


def test_a_process_that_ended_is_gone_before_anybody_asked_for_its_exit_code() -> None:
    """A zombie does nothing any more; afterwards not even its number is there."""
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as child:
        stat = Path(f"/proc/{child.pid}/stat").read_text(encoding="utf-8")
        start = int(stat.rpartition(")")[2].split()[19])
        process = Process(child.pid, start, Process.current().space)
        assert process.is_running()
        child.kill()
        os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
        assert process.has_pid()
        assert process.is_gone()
    assert not process.has_pid()
    assert process.is_gone()


@pytest.mark.parametrize("space", [0, 12345])
def test_what_is_in_another_namespace_cannot_be_judged(space: int) -> None:
    """Its number means another process here, or none."""
    there = Process(2**22 + 1, 1, space)
    assert there.has_pid()
    assert not there.is_gone()
    assert not there.is_running()
