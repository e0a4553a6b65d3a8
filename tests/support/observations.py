"""Histories of a test, written as text."""

from __future__ import annotations

from collections.abc import Iterable

from pytest_orchestra.history.judgement.observation import Observation, Trial

PASS = Trial(passed=True, seconds=1.0)
FAIL = Trial(passed=False, signature="ValueError", seconds=2.0)

#: What a letter means: passed, failed, recovered, failed always, failed twice and then passed.
LETTERS = {
    "p": (PASS,),
    "f": (FAIL,),
    "r": (FAIL, PASS),
    "a": (FAIL, FAIL, FAIL),
    "l": (FAIL, FAIL, PASS),
}


def history(text: str, *, environment: str = "") -> list[Observation]:
    """Return one run for each letter; words are commits, or letters if there is only one word."""
    words = text.split() if " " in text else list(text)
    return [
        Observation(
            f"{commit}.{number}", LETTERS[letter], commit=f"c{commit}", environment=environment
        )
        for commit, word in enumerate(words)
        for number, letter in enumerate(word)
    ]


def alone(attempts: Iterable[Trial]) -> list[Observation]:
    """Return a run, and a commit, for each attempt."""
    return [
        Observation(str(number), (attempt,), commit=f"c{number}")
        for number, attempt in enumerate(attempts)
    ]
