"""The pytest11 entry point: options and markers always, everything else with ``--orchestrate``.

Nothing heavy is imported here, so that a run without ``--orchestrate`` does not pay for it.
"""

from __future__ import annotations

import argparse
from collections.abc import Generator, Iterator
from typing import TYPE_CHECKING, Final

import pytest

from pytest_orchestra import hookspecs
from pytest_orchestra.marker_lines import OUR_MARKER_LINES, PEER_MARKER_LINES
from pytest_orchestra.scales import SCALES

if TYPE_CHECKING:
    from pathlib import Path

    from pytest_orchestra.running.combination import Combination
    from pytest_orchestra.running.data_port import DataPort, Inputs, Outputs
    from pytest_orchestra.running.leases import Leases, LeasesPlugin

#: The highest number of a port.
_LAST_PORT: Final = 65_535


def pytest_addhooks(pluginmanager: pytest.PytestPluginManager) -> None:
    """Register the hooks that users may implement."""
    pluginmanager.add_hookspecs(hookspecs)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Register the options; each begins with ``--orchestrate``."""
    group = parser.getgroup("orchestra", "test orchestration")
    group.addoption(
        "--orchestrate",
        action="store_true",
        help="Run tests by what they depend on, how urgent they are and which resources they "
        "need. Combine with -n to use several workers.",
    )
    group.addoption(
        "--orchestrate-config",
        metavar="FILE",
        help="Read [tool.pytest_orchestra] from this TOML file instead of pyproject.toml.",
    )
    group.addoption(
        "--orchestrate-resource",
        metavar="NAME=CAPACITY",
        action="append",
        default=[],
        help="How many tokens there are of a resource, such as db=2 or memory=16GB. Overrides "
        "the configuration file. Can be given more than once.",
    )
    group.addoption(
        "--orchestrate-missing",
        metavar="pull|run|skip",
        choices=("pull", "run", "skip"),
        help="What to do when a test depends on one that -k, -m, --lf or a node id deselected: "
        "pull it back in (default), run the test without it, or skip the test.",
    )
    group.addoption(
        "--orchestrate-retries",
        metavar="N",
        help="Try a failed test again up to N times: later, alone, and on another worker if there is "
        "one. What passes then is flaky. 0: no test, whatever the markers and the configuration "
        "say.",
    )
    group.addoption(
        "--orchestrate-fail-on-flaky",
        action="store_true",
        help="A run in which a test was flaky has failed (exit code 1).",
    )
    group.addoption(
        "--orchestrate-order",
        metavar="balanced|makespan|feedback",
        choices=("balanced", "makespan", "feedback"),
        help="What goes first among tests of one priority: what the end of the run waits for "
        "(makespan), what is likely to fail soon (feedback), or the latter for as long as the run "
        "ends at most 2 % later for it (balanced, the default).",
    )
    group.addoption(
        "--orchestrate-history",
        metavar="PATH|none",
        help="Where to keep what tests took and how they ended, to make the next run better "
        "(default: .pytest_orchestra/history.sqlite3 in the root directory), or none.",
    )
    group.addoption(
        "--orchestrate-plan",
        action="store_true",
        help="Run no test: say in which order they would run, on which worker and when, what the run takes "
        "and why it cannot take less. -n says on how many workers. With --orchestrate-json=PATH (- is "
        "standard output) also as JSON, with --orchestrate-html=PATH as a page.",
    )
    group.addoption(
        "--orchestrate-explain",
        metavar="NODEID",
        help="Run no test: say why this one is where it is in the order. Of a run that is over, "
        "pytest-orchestra explain tells.",
    )
    group.addoption(
        "--orchestrate-diagnose",
        metavar="NODEID",
        help="Instead of the tests, run experiments with this one: alone, after others, under load "
        "and beside others. Says what it depends on.",
    )
    group.addoption(
        "--orchestrate-diagnose-budget",
        metavar="TIME",
        help="How long the experiments may take, such as 5min (default: 2min).",
    )
    group.addoption(
        "--orchestrate-record",
        metavar="FILE",
        nargs="?",
        const="",
        help="Write down which worker was given which test, and when, to run it again (default: "
        ".pytest_orchestra/dispatch.jsonl in the root directory). Write =FILE to name a file.",
    )
    group.addoption(
        "--orchestrate-replay",
        metavar="FILE",
        help="Run what was recorded again: the same tests on the same workers in the same order. FILE is of "
        "--orchestrate-record, or the record of any run (record.json.gz). Says where reality differed.",
    )
    group.addoption(
        "--orchestrate-shard",
        metavar="I/N|auto",
        help="Run part I of N parts that take about as long as one another; what hangs together "
        "stays together. auto reads I and N from the variables of GitLab, CircleCI or Buildkite.",
    )
    group.addoption(
        "--orchestrate-shard-durations",
        metavar="FILE",
        help="Cut into shards by the durations in this file, which all shards must have; if there "
        "is none yet it is written from the history.",
    )
    group.addoption(
        "--orchestrate-live",
        metavar="PORT",
        type=_port,
        help="Serve a page that follows the run, on this machine only, at a port or at any that is free "
        "(0). Its address is printed.",
    )
    group.addoption(
        "--orchestrate-events",
        metavar="PATH",
        help="Append a line of JSON to this file for whatever happens in the run, when it does.",
    )
    _add_report_options(group)


def _add_report_options(group: pytest.OptionGroup) -> None:
    group.addoption(
        "--orchestrate-report",
        metavar="DIR",
        help="Write all reports to this directory: junit.xml, ctrf.json, report.html, summary.md, trace.json "
        "and record.json.gz.",
    )
    for name, what in (
        ("junit", "a JUnit XML file, with a testcase for each test, however often it ran"),
        ("ctrf", "a report in the Common Test Report Format (JSON)"),
        ("html", "a page that shows the run, to be opened in a browser"),
        ("summary", "a summary in Markdown"),
        ("trace", "a trace for Perfetto and chrome://tracing"),
        ("json", "the whole record of the run, as compressed JSON"),
    ):
        group.addoption(f"--orchestrate-{name}", metavar="PATH", help=f"Write {what}.")
    group.addoption(
        "--orchestrate-junit-dialect",
        metavar="superset|surefire",
        choices=("superset", "surefire"),
        default="superset",
        help="In JUnit files write all that readers understand (default), or what the schema of "
        "Maven's Surefire allows.",
    )
    group.addoption(
        "--orchestrate-junit-max-tests",
        metavar="N",
        type=_positive,
        help="Write several JUnit files with at most so many tests each (junit.xml, junit-2.xml "
        "...). There are several in any case where one would have more than 30 MB.",
    )


def _port(text: str) -> int:
    if not text.isdecimal() or not text.isascii() or int(text) > _LAST_PORT:
        raise argparse.ArgumentTypeError(f"{text!r} is no port: a number from 0 to {_LAST_PORT}")
    return int(text)


def _positive(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number of at least 1")
    return int(text)


@pytest.hookimpl(tryfirst=True)
def pytest_cmdline_main(config: pytest.Config) -> None:
    """Keep plugins that order or skip tests on their own from doing so."""
    if config.getoption("orchestrate"):
        from pytest_orchestra.running.peers import neutralise  # noqa: PLC0415 - only if needed

        neutralise(config.pluginmanager)
        if config.getoption("orchestrate_diagnose") is not None:
            from pytest_orchestra.running.diagnosing import stay_alone  # noqa: PLC0415 - as above

            stay_alone(config)
        if config.getoption("orchestrate_plan") or config.getoption("orchestrate_explain"):
            from pytest_orchestra.running.planning import leave_reports_alone  # noqa: PLC0415 - as above

            leave_reports_alone(config)
        if config.getoption("orchestrate_replay") is not None and not hasattr(
            config, "workerinput"
        ):
            from pytest_orchestra.running.replay import prepare  # noqa: PLC0415 - as above

            prepare(config)


@pytest.hookimpl(wrapper=True, optionalhook=True)
def pytest_xdist_auto_num_workers(config: pytest.Config) -> Generator[None, int, int]:
    """Note that ``-n auto`` was asked for: xdist puts a number in its place."""
    config.stash[SCALES] = config.option.numprocesses == "auto"
    return (yield)


def pytest_configure(config: pytest.Config) -> None:
    """Register the markers, and with ``--orchestrate`` what runs the tests."""
    for line in OUR_MARKER_LINES:
        config.addinivalue_line("markers", line)
    if not config.getoption("orchestrate"):
        _refuse_other_ways(config)
        if config.getoption("orchestrate_shard") is not None:
            raise pytest.UsageError("--orchestrate-shard needs --orchestrate")
        return
    for line in PEER_MARKER_LINES:
        config.addinivalue_line("markers", line)
    workerinput = getattr(config, "workerinput", None)
    if workerinput is None:
        from pytest_orchestra.running.orchestra import configure_main  # noqa: PLC0415 - if needed

        configure_main(config)
    else:
        from pytest_orchestra.running.worker import configure_worker  # noqa: PLC0415 - if needed

        configure_worker(config, workerinput)


def _refuse_other_ways(config: pytest.Config) -> None:
    """Say so where an option would do nothing, since what it asks for is another way to run."""
    for name in (
        "plan",
        "explain",
        "diagnose",
        "diagnose-budget",
        "record",
        "replay",
        "live",
        "events",
    ):
        if config.getoption(f"orchestrate_{name.replace('-', '_')}") not in (None, False):
            raise pytest.UsageError(f"--orchestrate-{name} needs --orchestrate: give both")


@pytest.fixture
def outputs(request: pytest.FixtureRequest) -> Iterator[Outputs]:
    """What this test makes for others: outputs["user"] = {"id": 7}; see the marker provides."""
    made = _data_port(request).outputs()
    yield made
    made.close()


@pytest.fixture
def inputs(request: pytest.FixtureRequest) -> Inputs:
    """What others made for this test: inputs["user"]["id"]; see depends(data=...)."""
    return _data_port(request).inputs()


@pytest.fixture(scope="session")
def leases(request: pytest.FixtureRequest) -> Leases:
    """What the test that runs got of the resources it claims: leases["gpu"].names."""
    plugin: LeasesPlugin | None = request.config.pluginmanager.get_plugin("orchestra-leases")
    if plugin is None:
        pytest.fail(
            "the fixture 'leases' tells what a test got of the resources it claims, which needs "
            "pytest --orchestrate",
            pytrace=False,
        )
    return plugin.leases


@pytest.fixture(scope="session")
def matrix(request: pytest.FixtureRequest) -> Combination:
    """The values of the running test on the axes of its stage: matrix["db"]; see strategy = "matrix"."""
    if not hasattr(request, "param"):
        pytest.fail(
            "the fixture 'matrix' has the values of axes, and this test has none: it needs pytest --orchestrate "
            "and a stage with strategy = 'matrix' that takes the test; unittest.TestCase and doctests "
            "cannot have any",
            pytrace=False,
        )
    combination: Combination = request.param
    return combination


@pytest.fixture
def artifacts(request: pytest.FixtureRequest) -> Path:
    """A folder for what this test wants to leave behind: kept if it fails, and linked from reports."""
    keeper = request.config.pluginmanager.get_plugin("orchestra-artifacts")
    if keeper is None:  # without --orchestrate there are no reports of ours to link it from
        path: Path = request.getfixturevalue("tmp_path")
    else:
        path = keeper.begin(request.node)
    return path


def _data_port(request: pytest.FixtureRequest) -> DataPort:
    port: DataPort | None = request.config.pluginmanager.get_plugin("orchestra-data")
    if port is None:
        pytest.fail(
            f"the fixture {request.fixturename!r} hands data from test to test, which needs "
            "pytest --orchestrate",
            pytrace=False,
        )
    return port
