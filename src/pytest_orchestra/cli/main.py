"""Finds the subcommand that is wanted, and loads nothing but that."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from importlib import import_module
from importlib.metadata import version
from typing import Final, Protocol, cast

from pytest_orchestra.errors import OrchestraError

PROGRAM: Final = "pytest-orchestra"

#: What is returned to the shell: all is well, something was refused, it was called wrongly.
FINE, REFUSED, USAGE = range(3)

#: What shells return for a command that Ctrl-C has ended.
INTERRUPTED: Final = 130

#: Each subcommand, its module and what it is for. The module has what :class:`Command` says.
COMMANDS: Final = {
    "merge": (
        "pytest_orchestra.cli.merge",
        "make one result of several runs, shards, JUnit files and histories",
    ),
    "report": ("pytest_orchestra.cli.report", "write any form of report from the record of a run"),
    "flaky": (
        "pytest_orchestra.cli.flaky",
        "say which tests are flaky by the history, and put them into quarantine",
    ),
    "history": (
        "pytest_orchestra.cli.history",
        "show, prune, export, import and merge what runs have left to later ones",
    ),
    "plan": (
        "pytest_orchestra.cli.plan",
        "predict what a run takes with other numbers of workers and tokens",
    ),
    "explain": (
        "pytest_orchestra.cli.explain",
        "say why a test of a run started when it did, and what would have made it start earlier",
    ),
    "doctor": (
        "pytest_orchestra.cli.doctor",
        "say what is installed, configured, writable and usable here",
    ),
}


class Command(Protocol):
    """The module of a subcommand."""

    def add_options(self, parser: argparse.ArgumentParser) -> None:
        """Say what may be given on the command line."""

    def act(self, options: argparse.Namespace) -> int:
        """Do what ``options`` say, and return the exit code; raises OrchestraError for people."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the subcommand in ``arguments``, by default those of this process; return the exit code."""
    words = sys.argv[1:] if arguments is None else list(arguments)
    wanted = next((word for word in words if word in COMMANDS), "")
    parser = argparse.ArgumentParser(
        PROGRAM, description="Look at what pytest --orchestrate has left behind."
    )
    parser.add_argument("--version", action="version", version=f"%(prog)s {version(PROGRAM)}")
    commands = parser.add_subparsers(metavar="COMMAND", dest="command", required=True)
    for name, (module, purpose) in COMMANDS.items():
        subparser = commands.add_parser(
            name,
            help=purpose,
            description=f"{purpose[0].upper()}{purpose[1:]}.",
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        if name == wanted:
            command = cast("Command", import_module(module))
            command.add_options(subparser)
            subparser.epilog = getattr(command, "EPILOG", None)
            subparser.set_defaults(act=command.act)
    options = parser.parse_args(words)
    try:
        code: int = options.act(options)
        sys.stdout.flush()
    except OrchestraError as error:
        print(f"{PROGRAM} {options.command}: {error}", file=sys.stderr)  # noqa: T201 - for people
        return USAGE
    except BrokenPipeError:
        return _leave_pipe()
    except OSError as error:  # paths can be wrong in more ways than any command looks for
        print(f"{PROGRAM} {options.command}: {error}", file=sys.stderr)  # noqa: T201 - as above
        return USAGE
    except KeyboardInterrupt:
        return INTERRUPTED
    return code


def _leave_pipe() -> int:
    """Whoever read this has seen enough; Python must not flush into nowhere at its end."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return FINE
