"""Writes the reports that a command was asked for."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from pytest_orchestra.cli.console import progress
from pytest_orchestra.cli.project import CommandError
from pytest_orchestra.model.run import RunRecord
from pytest_orchestra.reports.forms import FORMS
from pytest_orchestra.reports.junit_options import Dialect, JunitOptions

#: What the option of a form is called, where it is not called as the form is.
_OPTIONS: Final = {"json": "record"}


def add_options(parser: argparse.ArgumentParser) -> None:
    """Say which reports there are."""
    group = parser.add_argument_group("reports")
    group.add_argument(
        "--report", metavar="DIR", type=Path, help="write all forms there, under their usual names"
    )
    for name, form in FORMS.items():
        group.add_argument(
            f"--{_OPTIONS.get(name, name)}",
            dest=f"form_{name}",
            metavar="PATH",
            type=Path,
            help=f"write this one alone (usually {form.file})",
        )
    group.add_argument(
        "--junit-dialect",
        choices=[str(each) for each in Dialect],
        default=str(Dialect.SUPERSET),
        help="what readers of JUnit understand, or only what Surefire's schema allows",
    )
    group.add_argument(
        "--junit-max-tests",
        metavar="N",
        type=positive,
        help="begin another JUnit file after so many",
    )


def wanted(options: argparse.Namespace) -> dict[Path, str]:
    """Return the forms that are wanted, by where they go."""
    return {path: name for name, path in _wanted(options)}


def _wanted(options: argparse.Namespace) -> Iterator[tuple[str, Path]]:
    for name, form in FORMS.items():
        if options.report is not None:
            yield name, options.report / form.file
        alone: Path | None = getattr(options, f"form_{name}")
        if alone is not None:
            yield name, alone


def write(run: RunRecord, options: argparse.Namespace) -> list[Path]:
    """Write all that is wanted; return the files. Raises CommandError."""
    forms = wanted(options)
    junit = JunitOptions(Dialect(options.junit_dialect), options.junit_max_tests)
    written: list[Path] = []
    with progress("writing", len(forms)) as shown:
        for path, name in forms.items():
            try:
                written += FORMS[name].write(run, path, junit)
            except BrokenPipeError:
                raise
            except OSError as error:
                what = error.strerror or str(error)
                raise CommandError(
                    f"{path} cannot be written: {what}; name another place"
                ) from error
            except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
                # A record that was changed by hand, or by a bad disk, may hold anything.
                what = f"{type(error).__name__}: {error}"
                raise CommandError(f"{path} cannot be made of what was read: {what}") from error
            shown.step()
    return written


def positive(text: str) -> int:
    """Return the number above zero in ``text``; raises argparse's error."""
    if not (text.isascii() and text.isdecimal() and int(text)):
        raise argparse.ArgumentTypeError(f"{text!r} is not a number above zero")
    return int(text)
