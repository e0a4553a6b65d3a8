from __future__ import annotations

from dataclasses import replace

from pytest_orchestra.model.host import Host
from pytest_orchestra.running import link
from pytest_orchestra.running.hosts import Hosts

BOX = Host("box", "box/1", 4, 1000)


def test_one_key_is_one_host() -> None:
    """What was met before is returned as it was then, whatever limits the second worker sees."""
    hosts = Hosts()
    assert hosts.meet(BOX) is hosts.meet(replace(BOX, cpus=1))
    assert hosts.all == (hosts.meet(BOX),)


def test_hosts_of_one_name_are_numbered() -> None:
    """The first keeps its name; a name that somebody has by himself is passed over."""
    hosts = Hosts()
    names = [
        hosts.meet(Host(name, key, 1, None)).name
        for name, key in [("box", "1"), ("box-2", "2"), ("box", "3"), ("box", "4"), ("box", "3")]
    ]
    assert names == ["box", "box-2", "box-3", "box-4", "box-3"]


def test_a_host_travels() -> None:
    """A host is the same after it was sent."""
    for host in (BOX, replace(BOX, memory=None)):
        assert link.unpack_host(link.pack_host(host)) == host
