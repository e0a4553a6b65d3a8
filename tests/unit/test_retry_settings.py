from __future__ import annotations

import pytest

from pytest_orchestra.model.problem import Problem
from pytest_orchestra.retry_settings import RetrySettings, read_retries


def read(value: object = None, option: str | None = None) -> tuple[RetrySettings, list[Problem]]:
    """Return what is read of a file and an option, and what is wrong with it."""
    problems: list[Problem] = []
    return read_retries(value, option, "retries", "pyproject.toml", problems), problems


@pytest.mark.parametrize(
    ("value", "option", "expected"),
    [
        (None, None, RetrySettings()),
        (2, None, RetrySettings(2)),
        (2, "3", RetrySettings(3)),
        (2, "0", RetrySettings(0, is_off=True)),
        ({"default": 1, "b": 3, "mark:a": 2}, None, RetrySettings(1, (("b", 3), ("mark:a", 2)))),
        ({"a": 0}, " 4 ", RetrySettings(4, (("a", 0),))),
        ({}, "0", RetrySettings(is_off=True)),
    ],
)
def test_what_is_right(value: object, option: str | None, expected: RetrySettings) -> None:
    """A number or a table; the option takes the place of the default, and 0 ends it all."""
    assert read(value, option) == (expected, [])


@pytest.mark.parametrize(
    ("value", "option", "what"),
    [
        ("2", None, "retries is '2', not a whole number from 0 to 1000"),
        (True, None, "retries is True, not a whole number from 0 to 1000"),
        (-1, None, "retries is -1, not a whole number from 0 to 1000"),
        (1001, None, "retries is 1001, not a whole number from 0 to 1000"),
        ({"a/**": 1.5}, None, "retries.a/** is 1.5, not a whole number from 0 to 1000"),
        ({"mark: ": 1}, None, "retries has a pattern without a name: 'mark: '"),
        ({"": 1}, None, "retries has a pattern without a name: ''"),
        (None, "-1", "--orchestrate-retries is '-1', not a whole number from 0 to 1000"),
        (None, "²", "--orchestrate-retries is '²', not a whole number from 0 to 1000"),
    ],
)
def test_what_is_wrong(value: object, option: str | None, what: str) -> None:
    """It is told what stands there and what is wanted, and nothing is tried again by mistake."""
    settings, (problem,) = read(value, option)
    assert problem.what == what
    assert problem.where == ("" if option else "pyproject.toml")
    assert problem.remedy
    assert settings.default == 0
