import os

import pytest

from pytest_orchestra.errors import Unclaimed
from pytest_orchestra.model.lease import Lease
from pytest_orchestra.running.leases import Leases, variable_name


def test_a_test_sees_its_leases_until_it_is_over(monkeypatch: pytest.MonkeyPatch) -> None:
    """In the mapping and in the environment, which is then as it was."""
    monkeypatch.setenv("PYTEST_ORCHESTRA_GPU", "before")
    monkeypatch.delenv("PYTEST_ORCHESTRA_MEMORY", raising=False)
    leases = Leases()
    gpu, memory = Lease("gpu", 2, ("a", "b")), Lease("memory", 1000)
    leases.begin("a.py::a", [gpu, memory])
    assert dict(leases) == {"gpu": gpu, "memory": memory}
    assert repr(leases) == f"Leases({dict(leases)!r})"
    assert os.environ["PYTEST_ORCHESTRA_GPU"] == "a,b"
    assert os.environ["PYTEST_ORCHESTRA_MEMORY"] == "1000"
    leases.end()
    assert not leases
    assert os.environ["PYTEST_ORCHESTRA_GPU"] == "before"
    assert "PYTEST_ORCHESTRA_MEMORY" not in os.environ


def test_asking_for_more_says_what_to_do() -> None:
    """The message is plain text, and ``get`` and ``in`` work as for any mapping."""
    leases = Leases()
    with pytest.raises(Unclaimed, match=r"^no test runs now, so nobody has a lease on 'gpu'$"):
        leases["gpu"]
    leases.begin("a.py::a", [])
    with pytest.raises(KeyError) as error:
        leases["gpu"]
    assert str(error.value).endswith("add @pytest.mark.resources('gpu')")
    assert leases.get("gpu") is None
    assert "gpu" not in leases


def test_a_variable_has_a_name_that_shells_understand() -> None:
    """Whatever the resource is called."""
    assert variable_name("gpu") == "PYTEST_ORCHESTRA_GPU"
    assert variable_name("my-db.main") == "PYTEST_ORCHESTRA_MY_DB_MAIN"
