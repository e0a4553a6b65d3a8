"""What becomes of cases that take data which no collected case provides."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from pytest_orchestra.model.case import CaseSpec
from pytest_orchestra.model.problem import Problem
from pytest_orchestra.running.elsewhere import Elsewhere
from pytest_orchestra.scheduling.data import CLEANS, USES, Pairing


@dataclass(frozen=True, slots=True)
class Unprovided:
    """The answer: mistakes, cases that cannot run with the reason, and lines for the user."""

    problems: list[Problem] = field(default_factory=list)
    blocked: dict[int, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)


def judge_unprovided(
    pairing: Pairing,
    specs: Sequence[CaseSpec],
    elsewhere: Elsewhere,
    lost_files: Mapping[str, str],
) -> Unprovided:
    """Say for each name that nobody provides what is to be done about it.

    Where it comes from a file that was not collected, or may come from one of ``lost_files``
    (with the reasons why they gave no tests), a user is blocked: it cannot run without. What
    cleans up runs, and finds nothing. Anywhere else the name is a mistake.
    """
    found = Unprovided()
    near: dict[str, list[str]] = {}
    for case, name in pairing.unprovided:
        spec = specs[case]
        file = elsewhere.find_data(name)
        if file is None and not lost_files:
            if name not in near:
                near[name] = pairing.near(name)
            found.problems.append(_problem(spec, name, near[name]))
        elif name not in spec.uses:
            where = f"in {file}, which was not collected" if file else "in no collected file"
            found.notes.append(
                f"{spec.nodeid} cleans {name!r}, which is made {where}: it finds nothing to clean"
            )
        elif file is None:
            found.blocked.setdefault(case, f"{name!r} was not collected")
        else:
            why = lost_files.get(file, "was not collected")
            found.blocked.setdefault(case, f"{name!r} comes from {file}, which {why}")
    return found


def _problem(spec: CaseSpec, name: str, near: Sequence[str]) -> Problem:
    does, marker = ("uses", USES) if name in spec.uses else ("cleans", CLEANS)
    return Problem(
        f"{spec.nodeid} {does} {name!r}, but no collected test provides it",
        "did you mean " + " or ".join(map(repr, near)) + "?"
        if near
        else f"mark the test that makes it with provides({name!r})",
        nodeid=spec.nodeid,
        marker=marker,
        needle=name,
    )
