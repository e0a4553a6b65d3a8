"""What the plugin raises; every message carries its remedy."""

from __future__ import annotations

from collections.abc import Iterable
from textwrap import indent
from typing import Final

from pytest_orchestra.model.problem import Problem

_INDENT: Final = "    "


class OrchestraError(Exception):
    """The base of all errors of this plugin; its text is meant for the user."""


class DataError(OrchestraError, LookupError):
    """A test gave or took data in a way that cannot work."""


class UsageProblems(OrchestraError):  # noqa: N818 - it is named for what it carries
    """Mistakes of the user's, all that were found at once.

    ``problems`` holds each of them once: a marker on a class makes the same one for every test.
    """

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems: tuple[Problem, ...] = tuple(
            {(each.where, each.what, each.remedy): each for each in problems}.values()
        )
        super().__init__(_render(self.problems))


class MachineError(OrchestraError):
    """What runs on this machine share cannot be had; ``problem`` says why and what to do."""

    def __init__(self, problem: Problem) -> None:
        self.problem = problem
        super().__init__(f"{problem.where}: {problem.what}; {problem.remedy}")


class HistoryError(OrchestraError):
    """The history cannot be had; the text goes on from the path of its file."""


class ReportError(OrchestraError):
    """A file that a report was to be made from cannot be used; the text says which and why."""


class ForeignFileError(ReportError):
    """The file may be sound, but it is something else."""


class Unclaimed(OrchestraError, KeyError):  # noqa: N818 - it is named for what is wrong
    """A test asks for what it got of a resource that it does not claim."""

    def __str__(self) -> str:
        return str(self.args[0])  # a KeyError would put quotes around it


def _render(problems: tuple[Problem, ...]) -> str:
    """Return a line that counts the problems, then each with its place and its remedy.

    pytest writes ``ERROR:`` before the first line only, so the places begin their lines and
    terminals and editors can make links of them.
    """
    count = "1 problem" if len(problems) == 1 else f"{len(problems)} problems"
    return "\n".join([f"pytest-orchestra found {count}", *map(_render_one, problems)])


def _render_one(problem: Problem) -> str:
    where = problem.where or problem.nodeid
    what = f"{where}: {problem.what}" if where else problem.what
    return f"{what}\n{indent(problem.remedy, _INDENT)}"
