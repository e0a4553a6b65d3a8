"""``pytest-orchestra history``: look at what runs have left, and keep, move or merge it."""

from __future__ import annotations

import argparse
import sqlite3
import sys
import time
from pathlib import Path
from typing import BinaryIO, Final

from pytest_orchestra.cli import history_show, project
from pytest_orchestra.cli.console import progress, say
from pytest_orchestra.cli.flaky_report import write_data
from pytest_orchestra.cli.history_files import (
    export_head,
    export_lines,
    import_lines,
    open_to_write,
)
from pytest_orchestra.cli.merge import merge_histories
from pytest_orchestra.cli.output import positive
from pytest_orchestra.cli.project import CommandError, Project
from pytest_orchestra.history.retention import Retention
from pytest_orchestra.history.store import Store
from pytest_orchestra.reports.files import replacing

EPILOG: Final = """\
examples:
  pytest-orchestra history show
  pytest-orchestra history show --test tests/test_api.py::test_login
  pytest-orchestra history prune --days 90 --gone
  pytest-orchestra history export backup.jsonl
  pytest-orchestra history import backup.jsonl
  pytest-orchestra history merge shard-*/history.sqlite3

exit codes: 0 done; 2 wrong use, or a history that cannot be read or written
"""

#: In place of a path: standard input or output.
_STREAM: Final = "-"

#: What comes of a run in which there is what no run can have left.
_DAMAGE: Final = (
    ArithmeticError,
    AttributeError,
    LookupError,
    TypeError,
    ValueError,
    sqlite3.InterfaceError,
    sqlite3.ProgrammingError,
)


def add_options(parser: argparse.ArgumentParser) -> None:
    """Say what may be given on the command line."""
    actions = parser.add_subparsers(metavar="ACTION", dest="action", required=True)
    for name, purpose in (
        ("show", "say what there is, or what one test did"),
        ("prune", "delete what is old, or of tests that are gone"),
        ("export", "write all runs as lines of JSON"),
        ("import", "take in what was exported; twice is the same as once"),
        ("merge", "take in other histories; twice is the same as once"),
    ):
        own = actions.add_parser(
            name, help=purpose, description=f"{purpose[0].upper()}{purpose[1:]}."
        )
        project.add_options(own)
        own.add_argument(
            "--json", action="store_true", help="print JSON, and nothing else, on standard output"
        )
        _OPTIONS[name](own)


def _show_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--test", metavar="NODEID", help="what this test did in the latest runs")
    parser.add_argument(
        "--most", metavar="N", type=positive, default=10, help="so many runs (default: 10)"
    )


def _prune_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--days", metavar="N", type=positive, help="keep results of so many days")
    parser.add_argument("--runs", metavar="N", type=positive, help="keep so many runs of each test")
    parser.add_argument(
        "--gone", action="store_true", help="forget tests whose files are not there any more"
    )


def _export_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", help="where to write; - is standard output")


def _import_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", help="what history export wrote; - is standard input")


def _merge_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("files", nargs="+", metavar="FILE", type=Path, help="other histories")


_OPTIONS: Final = {
    "show": _show_options,
    "prune": _prune_options,
    "export": _export_options,
    "import": _import_options,
    "merge": _merge_options,
}


def act(options: argparse.Namespace) -> int:
    """Do what ``options`` say."""
    return _ACTIONS[options.action](options, Project.find(options))


def _show(options: argparse.Namespace, place: Project) -> int:
    history = place.history(options.history)
    if options.test is None:
        data, lines = history_show.overview(history, options.most)
    else:
        data, lines = history_show.one_test(history, options.test, options.most)
    if options.json:
        write_data(data)
    else:
        say(lines)
    return 0


def _prune(options: argparse.Namespace, place: Project) -> int:
    path = _existing(options, place)
    settings = place.settings.history
    before = path.stat().st_size
    gone: list[str] = []
    with open_to_write(path) as store, progress("pruning", 0) as shown:
        runs = store.overview(0).results
        retention = Retention(options.days or settings.days, options.runs or settings.runs)
        store.prune(retention, time.time(), shown.step)
        if options.gone:
            gone = _gone(store, place.root)
            store.forget(gone)
        runs -= store.overview(0).results
        store.shrink()
    freed = max(0, before - path.stat().st_size)
    if options.json:
        write_data({"results": runs, "gone": gone, "bytes_freed": freed})
    else:
        say([f"deleted {runs} results; {freed} bytes less"])
        say(f"forgot {nodeid}: its file is gone" for nodeid in gone)
    return 0


def _gone(store: Store, root: Path) -> list[str]:
    """Return the tests whose files are not there any more."""
    is_there: dict[str, bool] = {}
    gone = []
    for nodeid in store.nodeids():
        file = nodeid.partition("::")[0]
        if file not in is_there:
            is_there[file] = (root / file).exists()
        if not is_there[file]:
            gone.append(nodeid)
    return gone


def _export(options: argparse.Namespace, place: Project) -> int:
    history = place.history(options.history)
    number = sum(history.ask(lambda store: store.overview(0).kept))

    def write(file: BinaryIO) -> None:
        file.write(f"{export_head()}\n".encode())
        with progress("exporting", number) as shown:

            def write_runs(store: Store) -> None:
                for line in export_lines(store.evidence()):  # one run at a time is in memory
                    try:
                        file.write(f"{line}\n".encode())
                    except OSError as error:  # it is not the history that is at fault
                        raise _UnwritableError(error) from error
                    shown.step()

            try:
                history.ask(write_runs)
            except _UnwritableError as error:
                raise error.reason from error

    try:
        if options.file == _STREAM:
            write(sys.stdout.buffer)
            return 0
        with replacing(Path(options.file)) as file:
            write(file)
    except BrokenPipeError:
        raise
    except OSError as error:
        raise CommandError(f"{options.file} cannot be written: {error.strerror}") from error
    _tell(options, {"runs": number, "file": options.file}, f"wrote {number} runs to {options.file}")
    return 0


class _UnwritableError(Exception):
    """What was read cannot be written, for this ``reason``."""

    def __init__(self, reason: OSError) -> None:
        super().__init__(reason)
        self.reason = reason


def _import(options: argparse.Namespace, place: Project) -> int:
    if options.file == _STREAM:
        return _import_from(sys.stdin.buffer, 0, options, place)
    try:
        with Path(options.file).open("rb") as file:
            return _import_from(file, Path(options.file).stat().st_size, options, place)
    except OSError as error:
        raise CommandError(f"{options.file} cannot be read: {error.strerror}") from error


def _import_from(file: BinaryIO, size: int, options: argparse.Namespace, place: Project) -> int:
    path = place.history_path(options.history)
    new = 0
    with open_to_write(path) as store, progress("importing", size) as shown:
        for run in import_lines(file, options.file, shown.step):
            try:
                new += store.add(run)
            except _DAMAGE as error:
                raise CommandError(f"{options.file} is damaged: {error}") from error
    _tell(options, {"new_runs": new, "history": str(path)}, f"{new} new runs in {path}")
    return 0


def _merge(options: argparse.Namespace, place: Project) -> int:
    path = place.history_path(options.history)
    others = [each for each in options.files if each.resolve() != path.resolve()]
    new = merge_histories(others, path)
    _tell(options, {"new_runs": new, "history": str(path)}, f"{new} new runs in {path}")
    return 0


def _existing(options: argparse.Namespace, place: Project) -> Path:
    path = place.history_path(options.history)
    if not path.is_file():
        raise CommandError(f"there is no history at {path}: nothing to prune")
    return path


def _tell(options: argparse.Namespace, data: dict[str, object], line: str) -> None:
    if options.json:
        write_data(data)
    else:
        say([line])


_ACTIONS: Final = {
    "show": _show,
    "prune": _prune,
    "export": _export,
    "import": _import,
    "merge": _merge,
}
