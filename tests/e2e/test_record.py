"""The record of a run has what its tests said, for whoever wants to report it."""

from __future__ import annotations

import json

from harness import FAILED, Project

TELL = """
    import json

    def pytest_orchestra_finished(run):
        cases = [
            [
                case.spec.nodeid,
                [
                    [
                        each.verdict, each.worker, each.started >= run.started - 1, each.seconds > 0,
                        [[one.phase, one.kind, one.message, "assert" in one.text] for one in each.failures],
                        each.reason, each.sections, each.properties,
                    ]
                    for each in case.attempts
                ],
            ]
            for case in run.cases
        ]
        warnings = [[each.nodeid, each.category, each.message] for each in run.warnings]
        open("told.json", "w").write(json.dumps([cases, warnings]))
"""


def test_what_tests_say_is_in_the_record(project: Project, driver: tuple[str, ...]) -> None:
    """Failures with phase and text, captured output, properties, reasons and warnings, by attempt."""
    project.write("conftest", TELL)
    project.write(
        "test_a",
        """
        import pytest, time, warnings

        def test_fails(record_property):
            record_property("seed", 7)
            print("so far")
            time.sleep(0.01)
            assert 1 == 2, "no"

        def test_warns():
            warnings.warn("old", UserWarning)

        @pytest.mark.skip(reason="not now")
        def test_skipped(): pass

        @pytest.mark.depends("test_fails")
        def test_blocked(): pass
        """,
    )
    assert project.orchestrate(*driver).code == FAILED
    told, warnings = json.loads((project.path / "told.json").read_text())
    cases = dict(told)
    worker = "gw0" if driver else "main"
    verdict, on, is_after, took, failures, reason, sections, properties = cases[
        "test_a.py::test_fails"
    ][0]
    assert (verdict, on[:2], is_after, took) == ("failed", worker[:2], True, True)
    assert failures == [["call", "AssertionError", "no\nassert 1 == 2", True]]
    assert (reason, properties) == ("", [["seed", "7"]])
    assert sections == [["Captured stdout call", "so far\n"]]
    assert cases["test_a.py::test_warns"][0][0] == "passed"
    assert cases["test_a.py::test_skipped"][0][5] == "not now"
    assert cases["test_a.py::test_blocked"] == []
    assert ["test_a.py::test_warns", "UserWarning", "old"] in warnings
