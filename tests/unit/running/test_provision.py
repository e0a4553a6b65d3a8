from pytest_orchestra.model.capacity import Capacity, Scope
from pytest_orchestra.model.case import CaseSpec, Claim, Hold
from pytest_orchestra.model.host import Host
from pytest_orchestra.running.provision import provide

LAPTOP = Host("laptop", "1", 2, 8_000_000_000)
BOX = Host("box", "2", 16, 64_000_000_000)
MEMORY = CaseSpec("a.py::a", claims=frozenset({Claim("memory", 10)}))


def test_who_claims_nothing_of_it_hears_nothing_of_cpu_and_memory() -> None:
    """What was declared is all there is."""
    assert provide([CaseSpec("a.py::a")], {"db": Capacity(1)}, {}, [LAPTOP]) == (
        {"db": Capacity(1)},
        {"laptop": {}},
    )


def test_each_host_has_the_memory_that_it_has() -> None:
    """Through a fixture too; the most that any has is what a claim is measured by."""
    cpu = CaseSpec("a.py::b", holds=(Hold("server", None, (Claim("cpu", 4),)),))
    capacities, hosts = provide([MEMORY, cpu], {}, {}, [LAPTOP, BOX])
    assert capacities["memory"].tokens == 64_000_000_000
    assert hosts["laptop"]["memory"] == Capacity(8_000_000_000, scope=Scope.HOST, is_quantity=True)
    assert {host: each["cpu"].tokens for host, each in hosts.items()} == {"laptop": 2, "box": 16}


def test_what_is_declared_for_all_or_for_a_host_holds() -> None:
    """Nobody knows better than the user."""
    declared = {"memory": Capacity(5)}
    assert provide([MEMORY], declared, {}, [LAPTOP])[0] == declared
    override = {"box": {"memory": Capacity(7, scope=Scope.HOST)}}
    _, hosts = provide([MEMORY], {}, override, [LAPTOP, BOX])
    assert hosts["box"]["memory"].tokens == 7
    assert hosts["laptop"]["memory"].tokens == 8_000_000_000


def test_memory_that_is_not_known_everywhere_is_not_made_up() -> None:
    """Then it is a resource like any other that nobody declared."""
    assert provide([MEMORY], {}, {}, [LAPTOP, Host("odd", "3", 1, None)])[0] == {}
