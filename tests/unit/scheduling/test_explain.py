import pytest

from pytest_orchestra.model.verdict import Cause
from pytest_orchestra.scheduling.explain import blocked_text, waited_for_text
from pytest_orchestra.scheduling.pool import EXCLUSIVE


@pytest.mark.parametrize(
    ("cause", "text"),
    [
        (Cause("failed", 3, "gw1"), "blocked: test_3 failed (gw1)"),
        (Cause("error", 3, "gw1"), "blocked: test_3 had an error (gw1)"),
        (Cause("skipped", 3), "blocked: test_3 was skipped"),
        (Cause("not run", 3), "blocked: test_3 was not run"),
        (Cause("xfailed", 3), "blocked: test_3 xfailed"),
        (Cause("test_gone was not collected"), "blocked: test_gone was not collected"),
    ],
)
def test_a_cause_reads_as_a_sentence(cause: Cause, text: str) -> None:
    """It names the case at the root, what became of it and on which worker."""
    assert blocked_text(cause, "test_{}".format) == text


@pytest.mark.parametrize(
    ("resource", "alone", "text"),
    [
        (None, False, "a free worker"),
        ("db", False, "'db'"),
        (EXCLUSIVE, False, "a test that runs alone"),
        (EXCLUSIVE, True, "all others to end, to run alone"),
    ],
)
def test_what_is_waited_for_has_a_name(resource: str | None, *, alone: bool, text: str) -> None:
    """Also where it is no resource of the user's."""
    assert waited_for_text(resource, alone=alone) == text
