"""What real runs are told to do, and whether it helps."""

from __future__ import annotations

from harness import FAILED, PASSED, Project

from pytest_orchestra.model.advice import Topic
from pytest_orchestra.reports.record_file import read_record

#: Four tests that want the only token of ``db``.
SCARCE = """
    import time, pytest

    @pytest.mark.resources("db")
    @pytest.mark.parametrize("number", range(4))
    def test_db(number): time.sleep(0.5)
"""


def test_a_second_token_is_recommended_and_gains_what_was_said(project: Project) -> None:
    """One token for four tests on two workers: two tokens take half the time, which is then measured."""
    project.write("test_a", SCARCE)
    before = project.orchestrate("-n", "2", "--orchestrate-json", "run.json.gz")
    (found,) = [
        each
        for each in read_record(project.path / "run.json.gz").recommendations
        if each.topic is Topic.RESOURCE
    ]
    assert found.gain is not None
    assert before.lines("recommended:")
    assert before.lines(r"one more of 'db' would save about [\d.]+ s: [123] tests waited for it")
    after = project.orchestrate("-n", "2", "--orchestrate-resource", "db=2")
    assert (before.code, after.code) == (PASSED, PASSED)
    # Half of what the four took, one after the other; then two ran at a time.
    took = sum(span.ended - span.began for span in before.spans)
    assert 0.3 * took < found.gain < 0.6 * took
    assert (before.most_at_once(), after.most_at_once()) == (1, 2)
    assert not after.lines("one more of 'db'")


def test_a_prerequisite_that_never_failed_is_questioned_from_history(project: Project) -> None:
    """When ten runs are known in which it passed, and not before."""
    project.write(
        "test_a",
        """
        import time, pytest

        def test_first(): time.sleep(0.6)

        @pytest.mark.depends("test_first")
        @pytest.mark.parametrize("number", range(2))
        def test_next(number): time.sleep(0.3)
        """,
    )
    first = project.orchestrate("-n", "2")
    assert first.lines(r"test_first \([\d.]+ s\) is on the longest path and 2 tests wait for it")
    project.write("test_a", (project.path / "test_a.py").read_text().replace("0.6", "0.01"))
    for _ in range(9):
        project.orchestrate()
    project.write("test_a", (project.path / "test_a.py").read_text().replace("0.01", "0.6"))
    last = project.orchestrate("-n", "2")
    assert last.lines(r"kept nothing from running in its last \d+ runs")


def test_the_score_is_shown_with_its_formula(project: Project, driver: tuple[str, ...]) -> None:
    """Also of a run that failed, and with -v what each part is made of."""
    project.write("test_a", "def test_a(): pass\ndef test_b(): assert 0\n")
    result = project.orchestrate(*driver, "-v", "--orchestrate-json", "run.json.gz")
    assert result.code == FAILED
    assert result.lines(r"quality E: \(40 x 0.25 passing \+ 15 x 1.00 complete")
    assert result.lines("passing 0.25: 1 of 2 tests passed; halved, since some failed")
    assert result.lines("stable left out: tests failed that were tried only once")
    quality = read_record(project.path / "run.json.gz").quality
    assert quality is not None
    assert quality.formula in result.output


def test_half_a_run_is_no_ground_for_predictions(project: Project) -> None:
    """After -x nobody knows how long the rest takes, and with -v that is said."""
    project.write("test_a", "def test_a(): assert 0\n" + SCARCE.replace("\n    ", "\n"))
    result = project.orchestrate("-n", "2", "-x", "-v")
    assert result.lines("not looked for: .*, since the run was stopped")
    assert not result.lines("recommended:")


def test_coverage_below_its_threshold_is_told_and_reports_are_linked(project: Project) -> None:
    """What pytest-cov measured on two workers; reports of an earlier run are not this one's."""
    project.plugins = (*project.plugins, "pytest_cov")
    project.write(
        "lib", "def double(x):\n    if x:\n        return 2 * x\n    x = 1\n    return x\n"
    )
    project.write("test_a", "from lib import double\ndef test_a(): assert double(1) == 2\n")
    options = "-n", "2", "--orchestrate-report", "out"
    project.orchestrate(*options, "--cov=lib", "--cov-report=html", "--cov-report=xml:out/cov.xml")
    run = read_record(project.path / "out/record.json.gz")
    assert run.coverage is not None
    assert run.coverage.percent == 60.0
    assert {each.path for each in run.links} == {"htmlcov/index.html", "out/cov.xml"}
    assert [each.topic for each in run.recommendations] == [Topic.COVERAGE]
    assert 'href="../htmlcov/index.html"' in (project.path / "out/report.html").read_text()

    again = project.orchestrate(*options)
    assert again.code == PASSED
    assert read_record(project.path / "out/record.json.gz").coverage is None


def test_a_coverage_file_is_read_without_pytest_cov(project: Project) -> None:
    """Whoever measures by other means leaves a file, of which the total is taken."""
    project.write("lib", "def double(x):\n    if x:\n        return 2 * x\n    return 1\n")
    project.write("test_a", "from lib import double\ndef test_a(): assert double(1) == 2\n")
    project.write(
        "conftest",
        """
        import coverage

        measured = coverage.Coverage(include=["lib.py"])

        def pytest_collection():
            measured.start()

        def pytest_runtest_teardown():
            measured.stop()
            measured.save()

        def pytest_orchestra_finished(run):
            print("COVERAGE", run.coverage)
        """,
    )
    result = project.orchestrate("-s")
    assert result.code == PASSED
    assert result.lines(r"COVERAGE Coverage\(percent=75.0, least=70.0, source='.coverage'\)")
