from __future__ import annotations

import pytest

from pytest_orchestra.model.capacity import Capacity, Scope
from pytest_orchestra.model.case import Claim, Mode
from pytest_orchestra.settings import Settings, load_settings


def load(table: dict[str, object], *options: str) -> tuple[Settings, list[str]]:
    """Return the settings that ``table`` and options state, and what is wrong with them."""
    settings, problems = load_settings(table, source="pyproject.toml", resources=options)
    return settings, [problem.what for problem in problems]


def test_every_kind_of_resource_is_read() -> None:
    """As the documentation shows them."""
    settings, problems = load(
        {
            "max_wait": "10min",
            "resources": {
                "db": 2,
                "gpu": ["cuda:0", "cuda:1"],
                "memory": "16GB",
                "license": {"capacity": 1, "scope": "machine", "max_wait": "90s"},
                "gpu_box": {"capacity": 4, "scope": "host"},
                "staging": {"capacity": 3, "slots": 2},
                "sites": {"names": ["a", "b"], "slots": 3},
            },
        }
    )
    assert problems == []
    assert settings.resources == {
        "db": Capacity(2, max_wait=600.0),
        "gpu": Capacity(2, ("cuda:0", "cuda:1"), max_wait=600.0),
        "memory": Capacity(16_000_000_000, max_wait=600.0, is_quantity=True),
        "license": Capacity(1, scope=Scope.MACHINE, max_wait=90.0),
        "gpu_box": Capacity(4, scope=Scope.HOST, max_wait=600.0),
        "staging": Capacity(6, slots=2, max_wait=600.0),
        "sites": Capacity(6, ("a", "b"), slots=3, max_wait=600.0),
    }
    assert settings.resources["staging"].instances == 3


def test_fixtures_take_names_amounts_and_locks() -> None:
    """One name, several, or a table."""
    settings, problems = load(
        {"fixtures": {"pg": ["postgres"], "net": "net", "big": {"memory": "1GB", "schema": "read"}}}
    )
    assert problems == []
    assert settings.fixtures == {
        "pg": (Claim("postgres"),),
        "net": (Claim("net"),),
        "big": (Claim("memory", 1_000_000_000), Claim("schema", mode=Mode.READ)),
    }


def test_hosts_have_otherwise_what_each_host_has() -> None:
    """Slots stay as they are declared, nothing at all is possible, and so is what every machine has."""
    settings, problems = load(
        {
            "resources": {"gpu": {"capacity": 1, "slots": 2, "scope": "host"}},
            "hosts": {"box": {"gpu": 4, "memory": "64GB"}, "laptop": {"gpu": 0}},
        }
    )
    assert problems == []
    assert settings.hosts["box"]["gpu"] == Capacity(8, slots=2, scope=Scope.HOST)
    assert settings.hosts["box"]["memory"].tokens == 64_000_000_000
    assert settings.hosts["laptop"]["gpu"].tokens == 0


def test_the_command_line_changes_how_many_there_are_and_nothing_else() -> None:
    """Scope, slots and the first names stay."""
    table: dict[str, object] = {
        "resources": {
            "gpu": ["cuda:0", "cuda:1"],
            "staging": {"capacity": 3, "slots": 2, "scope": "machine"},
        }
    }
    settings, problems = load(table, "gpu=1", "staging=5", "new=2")
    assert problems == []
    assert settings.resources == {
        "gpu": Capacity(1, ("cuda:0",)),
        "staging": Capacity(10, slots=2, scope=Scope.MACHINE),
        "new": Capacity(2),
    }
    assert load(table, "gpu=3")[1] == [
        "--orchestrate-resource gpu=3: it has only 2 named instances"
    ]


@pytest.mark.parametrize(
    ("value", "what"),
    [
        ([], "[] is not a list of names"),
        ([1], "[1] is not a list of names"),
        (["a", "a"], "['a', 'a'] has a name twice"),
        ({"capacity": 2, "slots": 0}, "slots = 0 is not a whole number of at least 1"),
        ({"capacity": 2, "scope": "x"}, "there is no scope 'x': write run, host, machine"),
        ({"capcity": 2}, "unknown key 'capcity': did you mean capacity?"),
        ({"zzz": 2}, "unknown key 'zzz': known are capacity, names, slots, scope, max_wait"),
        ({}, "it needs either a capacity or names"),
        ({"capacity": 1, "names": ["a"]}, "it needs either a capacity or names"),
        ({"capacity": ["a"]}, "['a'] is not a capacity"),
        ({"capacity": "1GB", "slots": 2}, "a quantity has no slots"),
        ({"capacity": 1, "max_wait": 0}, "0 is not more than zero"),
    ],
)
def test_a_mistake_in_a_resource_names_it(value: object, what: str) -> None:
    """With what is wrong, whatever kind it was meant to be."""
    assert load({"resources": {"r": value}})[1] == [f"tool.pytest_orchestra.resources.r: {what}"]


@pytest.mark.parametrize(
    ("table", "what"),
    [
        ({"fixtures": ["pg"]}, "fixtures is ['pg'], not a table"),
        ({"fixtures": {"pg": 1}}, "fixtures.pg: 1 names no resources"),
        ({"fixtures": {"pg": {}}}, "fixtures.pg: {} names no resources"),
        ({"fixtures": {"pg": [1]}}, "fixtures.pg: [1] is not a list of resources"),
        (
            {"fixtures": {"pg": {"db": 0}}},
            "fixtures.pg: db = 0 is not an amount, 'read' or 'write'",
        ),
        (
            {"fixtures": {"pg": "*"}},
            "fixtures.pg: a fixture cannot make its tests run alone: mark them resources('*')",
        ),
        ({"fixtures": {"pg": {"": 1}}}, "fixtures.pg: a resource has no name"),
        ({"fixtures": {" ": "db"}}, "fixtures. : ' ' is not the name of a fixture"),
        ({"hosts": 1}, "hosts is 1, not a table"),
        (
            {"hosts": {"box": {"gpu": 1}}},
            "hosts.box.gpu: 'gpu' is not declared as gpu = { capacity = ..., scope = 'host' }",
        ),
        (
            {
                "resources": {"gpus": {"capacity": 1, "scope": "host"}},
                "hosts": {"box": {"gpu": 1}},
            },
            (
                "hosts.box.gpu: 'gpu' is not declared as gpu = { capacity = ..., scope = 'host' }, "
                "did you mean gpus?"
            ),
        ),
        ({"max_wait": "soon"}, "max_wait: 'soon' is not a time such as '90s', '10min' or '1.5h'"),
        ({"runtime_dir": " "}, "runtime_dir is ' ', not the path of a directory"),
    ],
)
def test_a_mistake_elsewhere_names_its_key(table: dict[str, object], what: str) -> None:
    """Fixtures, hosts and the rest are told of in the same way."""
    assert load(table)[1] == [f"tool.pytest_orchestra.{what}"]
