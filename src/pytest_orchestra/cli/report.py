"""``pytest-orchestra report``: any form of report from the record of a run."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Final

from pytest_orchestra.cli import outcome, output
from pytest_orchestra.cli.console import say
from pytest_orchestra.cli.flaky_report import write_data
from pytest_orchestra.cli.project import CommandError
from pytest_orchestra.reports.record_file import read_record

EPILOG: Final = """\
examples:
  pytest-orchestra report build/record.json.gz --html report.html
  pytest-orchestra report build/record.json.gz --report again

exit codes: 0 written; 2 wrong use, or a file that cannot be read or written
"""


def add_options(parser: argparse.ArgumentParser) -> None:
    """Say what may be given on the command line."""
    parser.add_argument(
        "record", type=Path, help="record.json.gz, as --orchestrate-report or merge wrote it"
    )
    output.add_options(parser)
    parser.add_argument(
        "--json", action="store_true", help="print JSON, and nothing else, on standard output"
    )


def act(options: argparse.Namespace) -> int:
    """Do what ``options`` say."""
    if not output.wanted(options):
        raise CommandError("say what to write: --report DIR, or one form, such as --html PATH")
    run = read_record(options.record)
    written = output.write(run, options)
    if options.json:
        write_data({"written": list(map(str, written))})
    else:
        say([outcome.count_text(run), *(f"wrote {path}" for path in written)])
    return 0
