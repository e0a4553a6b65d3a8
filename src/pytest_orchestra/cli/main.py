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

#: Each subcommand, its module and what it is for. The module has what :class:`Command` says.
COMMANDS: Final = {
    "flaky": (
        "pytest_orchestra.cli.flaky",
        "say which tests are flaky by the history, and put them into quarantine",
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
            name, help=purpose, description=f"{purpose[0].upper()}{purpose[1:]}."
        )
        if name == wanted:
            command = cast("Command", import_module(module))
            command.add_options(subparser)
            subparser.set_defaults(act=command.act)
    options = parser.parse_args(words)
    try:
        code: int = options.act(options)
        sys.stdout.flush()
    except OrchestraError as error:
        print(f"{PROGRAM} {options.command}: {error}", file=sys.stderr)  # noqa: T201 - for people
        return USAGE
    except BrokenPipeError:
        # Whoever read this has seen enough; Python must not flush into nowhere at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FINE
    return code
