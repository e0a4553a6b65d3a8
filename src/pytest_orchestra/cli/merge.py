"""``pytest-orchestra merge``: one result of several runs, shards, tools and histories."""

from __future__ import annotations

import argparse
import sqlite3
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

from pytest_orchestra.advice.quality import judge_quality
from pytest_orchestra.cli import outcome, output
from pytest_orchestra.cli.console import note, say
from pytest_orchestra.cli.flaky_report import write_data
from pytest_orchestra.cli.inputs import Inputs, read_inputs
from pytest_orchestra.cli.project import CommandError
from pytest_orchestra.merging.combine import combine, distinct
from pytest_orchestra.merging.fitting import duplicates, losses, mark_losses
from pytest_orchestra.model.run import RunRecord

EPILOG: Final = """\
examples:
  pytest-orchestra merge shard-*/ --report merged            all shards, all forms of report
  pytest-orchestra merge build/junit/*.xml --html all.html   files of any tools on one page
  pytest-orchestra merge artifacts/ --history history.sqlite3

Of a directory everything below it counts. A test that is in several inputs has several attempts:
if it passed after it had failed, it is flaky. Nothing changes if an input is given twice, or has been
merged before.

exit codes: 0 all is well; 1 tests failed (0 with --exit-zero); 2 wrong use, or inputs that do not fit
"""

_FINE, _REFUSED = range(2)


def add_options(parser: argparse.ArgumentParser) -> None:
    """Say what may be given on the command line."""
    parser.add_argument(
        "inputs",
        nargs="+",
        metavar="INPUT",
        help="a file, a directory or a glob: record.json.gz, JUnit's XML, history.sqlite3",
    )
    output.add_options(parser)
    parser.add_argument(
        "--history", metavar="PATH", type=Path, help="merge the histories into this one"
    )
    parser.add_argument(
        "--allow-missing",
        action="store_true",
        help="go on if shards, or tests of them, are missing",
    )
    parser.add_argument("--exit-zero", action="store_true", help="end with 0 if tests failed, too")
    parser.add_argument(
        "--json", action="store_true", help="print JSON, and nothing else, on standard output"
    )


def act(options: argparse.Namespace) -> int:
    """Do what ``options`` say."""
    found = read_inputs(options.inputs)
    histories = _histories(found, options)
    if not found.runs and not histories:
        raise CommandError(
            "nothing to merge there: name record.json.gz (by --orchestrate-report), JUnit's XML, or "
            "histories together with --history PATH"
        )
    for _, why in found.skipped:
        if why:
            note(f"skipped: {why}")
    run = _merge(found.runs, allow_missing=options.allow_missing) if found.runs else None
    if run is None and output.wanted(options):
        raise CommandError("no reports can be made of histories alone: name records or JUnit files")
    written = output.write(run, options) if run is not None else []
    added = merge_histories(histories, options.history) if histories else None
    _tell(found, run, written, added, options)
    is_red = run is not None and outcome.has_failed(run) and not options.exit_zero
    return _REFUSED if is_red else _FINE


def _merge(runs: Sequence[RunRecord], *, allow_missing: bool) -> RunRecord:
    """Return the one run; raises CommandError if ``runs`` do not fit together."""
    kept = distinct(runs)
    twice = list(duplicates(kept))
    if twice:
        raise CommandError("tests would be counted twice: " + "; ".join(twice))
    lost = list(losses(kept))
    if lost and not allow_missing:
        raise CommandError(
            f"the shards do not fit together: {'; '.join(lost)} (--allow-missing goes on without)"
        )
    if lost:
        note(f"incomplete: {'; '.join(lost)}")
    merged = mark_losses(combine([mark_losses(run, ()) for run in kept]), lost)
    return merged if len(kept) == 1 else replace(merged, quality=judge_quality(merged))


def _histories(found: Inputs, options: argparse.Namespace) -> list[Path]:
    target: Path | None = options.history
    if target is None:
        if found.histories and not found.runs:
            raise CommandError("say into which history they are to be merged: --history PATH")
        found.skipped += [
            (path, f"{path} is a history: say by --history where to merge it")
            for path in found.histories
        ]
        return []
    if not found.histories:
        raise CommandError("--history says where to merge histories, and none is among the inputs")
    return [path for path in found.histories if path.resolve() != target.resolve()]


def merge_histories(paths: Sequence[Path], target: Path) -> int:
    """Take the histories at ``paths`` into ``target``; return how many runs were new.

    Raises CommandError.
    """
    from pytest_orchestra.cli.history_files import open_to_write, unreadable  # noqa: PLC0415 - loads SQLite
    from pytest_orchestra.errors import HistoryError  # noqa: PLC0415 - as above

    new = 0
    with open_to_write(target) as store:
        for path in paths:
            if not path.is_file():
                raise CommandError(f"there is no history at {path}")
            try:
                new += store.merge(path)
            except (sqlite3.Error, HistoryError) as error:
                raise unreadable(path, error) from error
    return new


def _tell(
    found: Inputs,
    run: RunRecord | None,
    written: Sequence[Path],
    added: int | None,
    options: argparse.Namespace,
) -> None:
    if options.json:
        write_data(
            {
                **(outcome.as_data(run) if run is not None else {}),
                "inputs": list(map(str, found.files)),
                "skipped": [str(path) for path, _ in found.skipped],
                "written": list(map(str, written)),
                "new_runs_in_history": added,
            }
        )
        return
    if run is not None:
        parts = max(1, len(run.parts))
        runs = "1 run" if parts == 1 else f"{parts} runs"
        say([f"merged {runs}", *outcome.lines(run)])
    say(f"wrote {path}" for path in written)
    if added is not None:
        say([f"{added} new runs in {options.history}"])
