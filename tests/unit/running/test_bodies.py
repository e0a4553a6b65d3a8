from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from functools import wraps
from types import CodeType, SimpleNamespace
from typing import Any, cast

import pytest

from pytest_orchestra.running.bodies import digest_bodies, digest_code


def code_of(body: str, name: str = "f", before: str = "") -> CodeType:
    """Return the code of a function with that body."""
    namespace: dict[str, Any] = {}
    text = f"{before}\ndef {name}(a=1):\n    " + body.replace("\n", "\n    ")
    exec(compile(text, f"{name}.py", "exec"), namespace)  # noqa: S102 - it is what is tested
    code: CodeType = namespace[name].__code__
    return code


def item(function: object) -> pytest.Item:
    """Return as much of a test as is asked for."""
    return cast("pytest.Item", SimpleNamespace(function=function))


def test_place_and_name_do_not_matter() -> None:
    """A test that has moved does what it did."""
    body = "b = [g(x) for x in (1, 2)]\ndef g(y): return y in {'p', 'q'}\nassert b, 'text'"
    assert digest_code(code_of(body)) == digest_code(code_of(body, "g2", before="\n\n# more\n"))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("return 1", "return 2"),
        ("return 1", "return True"),
        ("return 1", "return 1.0"),
        ("return 0.0", "return -0.0"),
        ("return 'a'", "return b'a'"),
        ("return (1, 2)", "return (1, (2,))"),
        ("return a.b", "return a.c"),
        ("return a + 1", "return a - 1"),
        ("return a in {1, 2}", "return a in {1, 3}"),
        ("return lambda: 1", "return lambda: 2"),
        ("return '\\ud800'", "return '\\ud801'"),
    ],
)
def test_what_does_something_else_differs(one: str, other: str) -> None:
    """In instructions, names or constants, also inside functions inside."""
    assert digest_code(code_of(one)) != digest_code(code_of(other))


def test_it_is_the_same_in_every_process() -> None:
    """Whatever the order of sets of texts there."""
    program = (
        "from pytest_orchestra.running.bodies import digest_code\n"
        "def f(a): return a in {'p', 'q', 'r', 's'}, (lambda: a in {'t', 'u', ('v', 'w')})\n"
        "print(digest_code(f.__code__))"
    )
    digests = {
        subprocess.run(  # noqa: S603 - a command of ours
            (sys.executable, "-c", program),
            env={"PYTHONHASHSEED": seed},
            capture_output=True,
            check=True,
            text=True,
        ).stdout
        for seed in ("1", "2", "3")
    }
    assert len(digests) == 1


def test_decorators_are_looked_through() -> None:
    """It is the test itself that matters; what is no function has no digest."""

    def plain() -> int:
        return 5

    def around(function: Callable[[], int]) -> Callable[[], int]:
        @wraps(function)
        def inner() -> int:
            return function() + 1

        return inner

    found = digest_bodies([item(plain), item(around(plain)), item(None), item(SimpleNamespace())])
    assert found[0] == found[1] != ""
    assert found[2:] == ("", "")


def test_what_wraps_itself_has_no_code() -> None:
    """Looking through decorators comes to an end."""

    def strange() -> None: ...

    strange.__wrapped__ = strange  # type: ignore[attr-defined]
    assert digest_bodies([item(strange)]) == ("",)
