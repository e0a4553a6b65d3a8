"""Where a plan goes: to the terminal, as JSON, as a page."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest

from pytest_orchestra.model.plan import PlanRecord
from pytest_orchestra.reports.forms import FORMS
from pytest_orchestra.reports.plan.document import document, write_plan
from pytest_orchestra.reports.plan.text import plan_lines, short_lines
from pytest_orchestra.running.reporting import check_path
from pytest_orchestra.running.stdout_alone import StandardOutput

if TYPE_CHECKING:
    from _pytest.terminal import TerminalReporter

#: In place of a path: standard output.
_STDOUT: Final = "-"
#: Names of the files in the directory of ``--orchestrate-report``.
_JSON_FILE: Final = "plan.json"
_PAGE_FILE: Final = "plan.html"
#: Options that need a run; a port may be 0, and a path empty.
_OF_RUNS: Final = ("record", "live", "events")


@dataclass(frozen=True, slots=True)
class Paper:
    """What a plan is written to: files of JSON, pages, and standard output if it is to be there alone.

    ``ignored`` are options of reports that only a run can write.
    """

    config: pytest.Config
    documents: tuple[Path, ...] = ()
    pages: tuple[Path, ...] = ()
    stdout: StandardOutput | None = None
    ignored: tuple[str, ...] = ()

    @classmethod
    def open(cls, config: pytest.Config) -> Paper:
        """Return what the options ask for; raises pytest.UsageError for what cannot be written.

        The directory that the configuration names is for reports of runs.
        """
        asked = [each for each in FORMS if config.getoption(f"orchestrate_{each}")]
        asked += [each for each in _OF_RUNS if config.getoption(f"orchestrate_{each}") is not None]
        if not config.getoption("orchestrate_plan"):
            asked += ["report"] if config.getoption("orchestrate_report") else []
            return cls(config, ignored=tuple(f"--orchestrate-{each}" for each in asked))
        here = config.invocation_params.dir
        folder: str | None = config.getoption("orchestrate_report")
        as_json: str | None = config.getoption("orchestrate_json")
        as_page: str | None = config.getoption("orchestrate_html")
        documents = [
            here / Path(each).expanduser() for each in (as_json,) if each and each != _STDOUT
        ]
        pages = [here / Path(each).expanduser() for each in (as_page,) if each]
        if folder:
            documents.append(here / Path(folder).expanduser() / _JSON_FILE)
            pages.append(here / Path(folder).expanduser() / _PAGE_FILE)
        for path in (*documents, *pages):
            check_path(path)
        ignored = tuple(f"--orchestrate-{each}" for each in asked if each not in {"json", "html"})
        stdout = StandardOutput.take(config) if as_json == _STDOUT else None
        return cls(config, tuple(documents), tuple(pages), stdout, ignored)

    def write(self, plan: PlanRecord) -> None:
        """Write all that was asked for; raises pytest.UsageError if that cannot be."""
        if self.stdout is not None:
            with _named("standard output"):
                self.stdout.write(json.dumps(document(plan), indent=1) + "\n")
        for path in self.documents:
            with _named(path):
                write_plan(plan, path)
        for path in self.pages:
            from pytest_orchestra.reports.html.planned import write_page  # noqa: PLC0415 - if needed

            with _named(path):
                write_page(plan, path)

    def show(self, plan: PlanRecord) -> None:
        """Print the plan."""
        verbosity = self.config.get_verbosity()
        if verbosity < 0:
            lines: Iterable[str] = short_lines(plan)
        else:
            lines = plan_lines(plan, self.width, is_long=verbosity > 0)
        self.section("orchestra: plan, no test is run", lines)

    def section(self, title: str, lines: Iterable[str]) -> None:
        """Print ``lines`` below a ``title``; raises pytest.UsageError if nobody would see anything of the plan."""
        reporter = self._reporter
        if reporter is not None:
            reporter.section(title)
            for line in lines:
                reporter.write_line(line)
        elif not (self.documents or self.pages or self.stdout):
            raise pytest.UsageError("a plan has nowhere to be printed: leave out -p no:terminal")

    @property
    def width(self) -> int:
        """How many characters a line has room for."""
        width: int = self.config.get_terminal_writer().fullwidth if self._reporter else 80
        return width

    @property
    def _reporter(self) -> TerminalReporter | None:
        reporter: TerminalReporter | None = self.config.pluginmanager.getplugin("terminalreporter")
        return reporter

    def remark(self) -> None:
        """Print where the plan was written to, and what was not written."""
        reporter = self._reporter
        if reporter is None or self.config.get_verbosity() < 0:
            return
        for path in (*self.documents, *self.pages):
            reporter.write_line(f"written to {path}")
        if self.ignored:
            names = ", ".join(self.ignored)
            reporter.write_line(f"of a run only, so without effect here: {names}")


@contextmanager
def _named(path: Path | str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        what = error.strerror or str(error)
        raise pytest.UsageError(f"the plan cannot be written to {path}: {what}") from None
