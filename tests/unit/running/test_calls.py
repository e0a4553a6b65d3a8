from __future__ import annotations

import sys
import time
from collections.abc import Mapping
from typing import Any

import execnet
import pytest

from pytest_orchestra.running.calls import Call, Unreachable
from pytest_orchestra.running.specs import is_plain, label

QUESTION: Mapping[str, Any] = {
    "directory": None,
    "files": [],
    "first_path": [],
    "plugin_path": None,
}


DOOR = f"id=door//popen//python={sys.executable}"


def call(spec: str, seconds: float = 30.0) -> Mapping[str, Any] | Unreachable:
    """Call ``spec`` and hang up."""
    attempt = Call(execnet.XSpec(spec), {"door": execnet.XSpec(DOOR)}, QUESTION)
    attempt.start()
    try:
        return attempt.result(seconds)
    finally:
        attempt.hang_up()


def refusal(spec: str) -> Unreachable:
    """Call ``spec``, which cannot be reached."""
    answer = call(spec)
    assert isinstance(answer, Unreachable)
    return answer


@pytest.mark.parametrize(
    "spec", [f"popen//python={sys.executable}", f"popen//via=door//python={sys.executable}"]
)
def test_a_python_answers(spec: str) -> None:
    """Directly, or through another gateway."""
    answer = call(spec)
    assert not isinstance(answer, Unreachable)
    assert answer["executable"] == sys.executable


@pytest.mark.parametrize(
    ("spec", "what"),
    [
        ("popen//python=/no/python", "cannot be reached: No such file or directory"),
        ("popen//python=/bin/false", "no Python answers there (exit code 1)"),
        ("popen//python=/bin/echo", "no Python answers there (exit code 0)"),
        ("popen//python=sh -c 'echo hopeless >&2; exit 3'", "(exit code 3): hopeless"),
        ("socket=127.0.0.1:9", "cannot be reached: Connection refused"),
        ("socket=127.0.0.1", "this does not tell how to reach a Python"),
        ("anything=else", "this does not tell how to reach a Python"),
        ("popen//via=nobody", "there is no gateway 'nobody' to go through"),
    ],
)
def test_why_there_is_no_answer(spec: str, what: str) -> None:
    """The words of whoever refused are passed on, in one line, with something to do."""
    answer = refusal(spec)
    assert what in answer.what
    assert answer.remedy
    assert "\n" not in answer.what + answer.remedy


def test_the_remedy_is_a_command_that_shows_it() -> None:
    """It names the options of the specification."""
    answer = refusal("ssh=-p 9 127.0.0.1//python=/x/python//ssh_config=/dev/null")
    assert answer.remedy.endswith(": ssh -F /dev/null -p 9 127.0.0.1 /x/python -V")


def test_silence() -> None:
    """Who says nothing is not waited for, and the process is ended."""
    began = time.monotonic()
    answer = call("popen//python=sh -c 'exec sleep 1000'", 0.5)
    assert answer == Unreachable(
        "did not answer in time",
        "this must print a version, 3.11 or later: sh -c 'exec sleep 1000' -V",
    )
    assert time.monotonic() - began < 20


@pytest.mark.parametrize(
    ("spec", "plain"),
    [
        ("popen", True),
        ("popen//env:A=b//id=x//nice=5", True),
        ("popen//chdir=/x", False),
        ("popen//python=python3", False),
        ("popen//via=x", False),
        ("ssh=x", False),
        ("socket=x:1", False),
    ],
)
def test_what_is_plain(spec: str, *, plain: bool) -> None:
    """Only what runs here, in this Python and this directory."""
    assert is_plain(execnet.XSpec(spec)) is plain


def test_labels() -> None:
    """A specification is shown as it was written, and its id does not make it another one."""
    written = execnet.XSpec("execmodel=main_thread_only//ssh=x//id=a//chdir=/y")
    assert label(written) == label(execnet.XSpec("ssh=x//chdir=/y")) == "ssh=x//chdir=/y"
