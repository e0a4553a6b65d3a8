"""``pytest-orchestra flaky``: which tests are flaky, what that costs, and who is in quarantine."""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Mapping
from datetime import date, timedelta
from difflib import get_close_matches
from typing import Final

from pytest_orchestra.cli import project
from pytest_orchestra.cli.flaky_report import Finding, Findings, as_data, table_lines, write_data
from pytest_orchestra.cli.project import CommandError, History, Project
from pytest_orchestra.cli.quarantine import Ward
from pytest_orchestra.history.assessing import SUITE_RUNS, judge_all, read_pasts, suite_runs
from pytest_orchestra.history.judgement.quarantine import Entry, is_candidate
from pytest_orchestra.history.judgement.sentence import describe
from pytest_orchestra.history.judgement.suite import summarise
from pytest_orchestra.history.observing import has_failed
from pytest_orchestra.model.flakes import Standing

#: Results that are read to see what went on around tests: some seconds' worth.
RESULTS: Final = 2_000_000

#: For so long an entry holds unless the user says otherwise.
_DAYS: Final = 30

_FINE, _REFUSED = range(2)


def add_options(parser: argparse.ArgumentParser) -> None:
    """Say what may be given on the command line."""
    project.add_options(parser)
    parser.add_argument(
        "--json", action="store_true", help="print JSON, and nothing else, on standard output"
    )
    what = parser.add_mutually_exclusive_group()
    what.add_argument(
        "--candidates",
        action="store_true",
        help="list only the flaky tests that are not in quarantine",
    )
    what.add_argument("--add", metavar="NODEID", help="put this test into quarantine")
    what.add_argument(
        "--prune",
        action="store_true",
        help="take out of quarantine what has expired, and tests that are not there any more",
    )
    entry = parser.add_argument_group("with --add")
    entry.add_argument("--owner", metavar="WHO", help="who looks after the test")
    entry.add_argument("--reason", metavar="TEXT", help="why it is there: a ticket, say")
    entry.add_argument(
        "--expires",
        metavar="YYYY-MM-DD",
        type=_day,
        help=f"the last day on which the entry holds (default: {_DAYS} days from now)",
    )
    entry.add_argument(
        "--force", action="store_true", help="even if the history does not call the test flaky"
    )


def act(options: argparse.Namespace) -> int:
    """Do what ``options`` say."""
    given = [name for name in ("owner", "reason", "expires", "force") if getattr(options, name)]
    if given and options.add is None:
        raise CommandError(f"--{given[0]} says something of an entry: name its test by --add")
    place = Project.find(options)
    ward = Ward.of(place)
    if options.add is not None:
        return _add(options, place, ward)
    if options.prune:
        return _prune(options, place, ward)
    found = find(place.history(options.history), ward.entries)
    if options.candidates:
        found = found.only_candidates()
    if options.json:
        write_data(as_data(found))
    else:
        _print(table_lines(found, only_candidates=options.candidates))
    return _FINE


def find(history: History, entries: Mapping[str, Entry]) -> Findings:
    """Return what the history says of tests that ever failed by chance, and of those in quarantine."""
    names = {nodeid for answer in history.ask(lambda store: store.failing()) for nodeid in answer}
    pasts = {
        nodeid: past
        for nodeid, past in read_pasts(history, names | entries.keys()).items()
        if nodeid in entries or any(has_failed(each.attempts) for each in past)
    }
    judgements = judge_all(history, pasts, RESULTS)
    found = [
        Finding(nodeid, each, entries.get(nodeid))
        for nodeid, each in judgements.items()
        if nodeid in entries or each.standing not in {Standing.HEALTHY, Standing.NEW}
    ]
    runs = suite_runs(history)
    return Findings(
        history.path,
        tuple(sorted(found, key=Finding.rank)),
        tuple(entry for nodeid, entry in entries.items() if nodeid not in judgements),
        summarise(runs, SUITE_RUNS) if runs else None,
    )


def _add(options: argparse.Namespace, place: Project, ward: Ward) -> int:
    nodeid: str = options.add
    for name in ("owner", "reason"):
        if not (getattr(options, name) or "").strip():
            raise CommandError(f"an entry needs --{name}: say who looks after the test, and why")
    today = date.today()  # noqa: DTZ011 - days of people are local
    entry = Entry(
        nodeid, options.owner, options.reason, options.expires or today + timedelta(_DAYS)
    )
    if entry.is_expired(today):
        raise CommandError(f"--expires {entry.expires} is over: name a day to come")
    known = ward.entries.get(nodeid)
    if known is not None:
        where = f"{ward.path}:{known.line}" if known.line else str(ward.path)
        return _refuse(f"{nodeid} is in quarantine already, until {known.expires}: see {where}")
    if not options.force:
        doubt = _doubt(nodeid, place.history(options.history))
        if doubt:
            return _refuse(f"{doubt} (--force puts it there all the same)")
    ward.add(entry)
    if options.json:
        write_data({"added": nodeid, "file": str(ward.path), "expires": entry.expires.isoformat()})
    else:
        _print([f"{nodeid} is in quarantine until {entry.expires}: commit {ward.path}"])
    return _FINE


def _doubt(nodeid: str, history: History) -> str:
    """Return why a test should not be put into quarantine; empty if it may be."""
    pasts = read_pasts(history, [nodeid])
    if not pasts:
        known = [each for names in history.ask(lambda store: store.failing()) for each in names]
        near = get_close_matches(nodeid, known, 1)
        hint = f": did you mean {near[0]}?" if near else ""
        raise CommandError(f"the history knows no test {nodeid}{hint}")
    judgement = judge_all(history, pasts, 0)[nodeid]
    if is_candidate(judgement):
        return ""
    return f"{nodeid} is not flaky as far as the history tells; {describe(judgement)}"


def _prune(options: argparse.Namespace, place: Project, ward: Ward) -> int:
    history: History | None = None
    if options.history is not None or place.has_history:
        history = place.history(options.history)
    removed = ward.prune(place.root, history, date.today())  # noqa: DTZ011 - as above
    if options.json:
        write_data({"removed": [{"nodeid": e.nodeid, "why": why} for e, why in removed]})
    else:
        _print([f"{entry.nodeid} is out of quarantine: {why}" for entry, why in removed])
        if not removed:
            _print([f"nothing to take out of {ward.path}"])
    return _FINE


def _refuse(text: str) -> int:
    import sys  # noqa: PLC0415 - hardly ever

    print(f"pytest-orchestra flaky: {text}", file=sys.stderr)  # noqa: T201 - for people
    return _REFUSED


def _print(lines: Iterable[str]) -> None:
    for line in lines:
        print(line)  # noqa: T201 - that is what it is for


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a day such as 2027-01-31") from None
