"""Brings to workers the data that their tests take, each value at most once to each."""

from __future__ import annotations

from typing import Final

from pytest_orchestra.running.post import Post
from pytest_orchestra.running.values import Values


class Delivery:
    """Sends from ``values`` what a test takes, ahead of the test.

    By then its providers are over, so what they provided stays as it is. What the test itself
    provided before is void: it crashed, and begins anew.
    """

    def __init__(self, values: Values) -> None:
        self._values: Final = values
        self._numbers: Final[dict[tuple[int, str], int]] = {}

    def bring(self, post: Post, case: int) -> None:
        """Send what ``case`` takes to the worker that is about to get it."""
        self._values.forget(case)
        numbers: dict[str, int] = {}
        for provider, name, value in self._values.meant_for(case):
            number = self._numbers.setdefault((provider, name), len(self._numbers))
            numbers[name] = number
            if number not in post.values:
                post.values.add(number)
                post.send(("value", number, value))
        if numbers:
            post.send(("inputs", post.index(case), numbers))
