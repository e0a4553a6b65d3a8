"""One ``<testcase>`` of any tool, read as the record of a test."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final
from xml.etree import ElementTree as ET

from pytest_orchestra.model.attempt import Attempt, Failure
from pytest_orchestra.model.case import CaseSpec
from pytest_orchestra.model.run import CaseRecord
from pytest_orchestra.model.verdict import Cause, Verdict

#: Elements of attempts that were not the last, and how those ended.
_INTERIM: Final = {
    "flakyFailure": Verdict.FAILED,
    "flakyError": Verdict.ERROR,
    "rerunFailure": Verdict.FAILED,
    "rerunError": Verdict.ERROR,
}
_FINAL: Final = {"failure": Verdict.FAILED, "error": Verdict.ERROR, "skipped": Verdict.SKIPPED}
_SYSTEMS: Final = {"system-out": "stdout", "system-err": "stderr"}

#: Kinds of skips, in the words of pytest and of our own files.
_SKIPS: Final = {
    "pytest.xfail": Verdict.XFAILED,
    "orchestra.blocked": Verdict.BLOCKED,
    "orchestra.not_run": Verdict.NOT_RUN,
}

#: What we and pytest write of a failure outside of the test itself.
_IN_PHASE: Final = re.compile(r'failed on (setup|teardown) with "(.*)"', re.DOTALL)
#: A test that took a year, in seconds, is a mistake.
_LONGEST: Final = 31_536_000.0

_TITLE: Final = re.compile(r"^-{3,} ?(\S.*?) ?-{3,}\n", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a testcase stands: the ``suite`` and ``file`` that are said of all around it.

    ``started`` is when the test began, in seconds since the epoch, if that is known.
    """

    suite: str
    file: str
    started: float | None
    is_pytest: bool
    is_ours: bool


def read_testcase(
    element: ET.Element, origin: Origin, known: Mapping[tuple[str, str], str]
) -> CaseRecord:
    """Return what ``element`` says; ``known`` has node ids by classname and name."""
    classname, name = element.get("classname", ""), element.get("name", "")
    file = element.get("file", "") or origin.file
    nodeid = known.get((classname, name)) or _nodeid(classname, name, file, origin)
    spec = CaseSpec(
        nodeid,
        file or (nodeid.partition("::")[0] if origin.is_pytest else ""),
        _line(element, origin),
    )
    properties = tuple(
        (each.get("name", ""), each.get("value", "") or (each.text or "").strip())
        for each in element.iterfind("properties/property")
    )
    told = dict(properties) if origin.is_ours else {}
    verdict, attempts = _attempts(element, origin, told.get("worker", ""), properties)
    if told.get("verdict") in (Verdict.XPASSED, Verdict.FLAKY):
        verdict = Verdict(told["verdict"])
    if verdict in (Verdict.BLOCKED, Verdict.NOT_RUN):
        reason = attempts[-1].reason.removeprefix(f"{verdict}: ")
        return CaseRecord(spec, verdict, cause=Cause(reason))
    return CaseRecord(
        spec,
        verdict,
        worker=told.get("worker"),
        seconds=sum(each.seconds for each in attempts),
        attempts=attempts,
    )


def _attempts(
    element: ET.Element, origin: Origin, worker: str, properties: tuple[tuple[str, str], ...]
) -> tuple[Verdict, tuple[Attempt, ...]]:
    """Return the verdict, and what every attempt came to, in their order."""
    final = next((each for each in element if each.tag in _FINAL), None)
    verdict = Verdict.PASSED if final is None else _FINAL[final.tag]
    reason = ""
    failures: tuple[Failure, ...] = ()
    if final is not None and verdict is Verdict.SKIPPED:
        verdict = _SKIPS.get(final.get("type", ""), verdict)
        reason = final.get("message", "") or (final.text or "").strip()
    elif final is not None:
        failures = tuple(_failure(each) for each in element if each.tag in _FINAL)
    told = Attempt(
        verdict,
        origin.started,
        call=_seconds(element.get("time")),
        worker=worker,
        failures=failures,
        reason=reason,
        sections=tuple(_sections(element)),
        properties=() if origin.is_ours else properties,
    )
    # The others are of unknown duration: what the case is told by is all there is a time of.
    others = [
        Attempt(
            _INTERIM[each.tag],
            origin.started,
            worker=worker,
            failures=(_failure(each),),
            sections=tuple(_sections(each)),
        )
        for each in element
        if each.tag in _INTERIM
    ]
    if failures:
        return verdict, (told, *others)
    return (Verdict.FLAKY if others and final is None else verdict), (*others, told)


def _failure(element: ET.Element) -> Failure:
    kind, message = element.get("type", ""), element.get("message", "")
    trace = element.find("stackTrace")
    text = (trace.text if trace is not None else element.text) or ""
    found = _IN_PHASE.fullmatch(message)
    phase, message = (found[1], found[2]) if found else ("call", message)
    return Failure(phase, kind, message.removeprefix(f"{kind}: ") if kind else message, text)


def _sections(element: ET.Element) -> Iterator[tuple[str, str]]:
    """Yield what was written; pytest and we say of each piece what it is."""
    for each in element:
        if each.tag not in _SYSTEMS or not (each.text or "").strip():
            continue
        first, *pieces = _TITLE.split(each.text or "")
        if first.strip() or not pieces:
            yield f"Captured {_SYSTEMS[each.tag]}", first.strip("\n")
        for title, text in zip(pieces[::2], pieces[1::2], strict=True):
            yield title, text.removesuffix("\n")


def _nodeid(classname: str, name: str, file: str, origin: Origin) -> str:
    if not origin.is_pytest:
        around = classname or origin.suite or file
        return "::".join(part for part in (around, name) if part)
    if not classname:  # what could not be collected, by its module
        return file or (f"{name.replace('.', '/')}.py" if name else "")
    path, classes = _module(classname, file)
    return "::".join((path, *classes, name)) if path else name


def _module(classname: str, file: str) -> tuple[str, tuple[str, ...]]:
    """Return the file and the classes in a ``classname`` of pytest's, which joins them by dots."""
    dotted = file.removesuffix(".py").replace("/", ".").replace("\\", ".")
    if file and (classname == dotted or classname.startswith(f"{dotted}.")):
        rest = classname[len(dotted) + 1 :]
        return file, tuple(rest.split(".")) if rest else ()
    # Without the file, a class is what begins with a capital, as in pytest's own rule.
    parts = classname.split(".")
    classes = next((n for n, part in enumerate(parts) if part[:1].isupper()), len(parts))
    path = "/".join(parts[:classes])
    return (f"{path}.py" if path else ""), tuple(parts[classes:])


def _line(element: ET.Element, origin: Origin) -> int:
    text = element.get("line", "")
    if not text.isdecimal() or not text.isascii():
        return 0
    return int(text[:9]) + (origin.is_pytest and not origin.is_ours)


def _seconds(text: str | None) -> float | None:
    """Return a duration; some tools group thousands by commas."""
    try:
        seconds = float((text or "").replace(",", ""))
    except ValueError:
        return None
    return seconds if 0.0 <= seconds < _LONGEST else None
