from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator
from http.client import HTTPConnection, HTTPResponse
from typing import Any
from urllib.parse import urlsplit

import pytest

from pytest_orchestra.live.server import _MOST_STREAMS, LiveServer

POLICY = "default-src 'none'"

#: Seconds to wait for what is sure to come.
PATIENCE = 60


@pytest.fixture
def server() -> Iterator[LiveServer]:
    """Return a server of a page that says hello."""
    server = LiveServer(0, lambda: "<p>hello \ud800", POLICY)
    server.board.publish('"first"', [])
    yield server
    server.board.publish('"last"', [], is_over=True)
    server.close()


def ask(
    server: LiveServer, path: str | None = None, method: str = "GET", **headers: str
) -> HTTPResponse:
    """Return the answer to a request; without a path, of the page."""
    place = urlsplit(server.address)
    connection = HTTPConnection(place.netloc, timeout=PATIENCE)
    connection.request(method, place.path if path is None else path, headers=headers)
    return connection.getresponse()


def follow(server: LiveServer) -> HTTPResponse:
    """Return the stream of events."""
    return ask(server, urlsplit(server.address).path + "events")


def next_event(stream: HTTPResponse) -> tuple[str, Any]:
    """Return name and data of the next event."""
    name = stream.readline().decode().removeprefix("event: ").strip()
    data = stream.readline().decode().removeprefix("data: ").strip()
    assert stream.readline() == b"\n"
    return name, json.loads(data) if data else None


def test_the_page_is_for_those_who_know_its_address(server: LiveServer) -> None:
    """Its address has a secret in it; no cache, no frame and no other site gets it."""
    answer = ask(server)
    assert answer.status == 200
    assert answer.read() == rb"<p>hello \ud800"
    assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
    assert answer.headers["Content-Security-Policy"] == POLICY
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["Referrer-Policy"] == "no-referrer"
    assert answer.headers["X-Frame-Options"] == "DENY"
    assert "Access-Control-Allow-Origin" not in answer.headers
    assert len(urlsplit(server.address).path) > 32


@pytest.mark.parametrize("path", ["/", "/events", "/x/", "/%C3%BC/", "/../"])
def test_whoever_does_not_know_it_gets_nothing(server: LiveServer, path: str) -> None:
    """Not even whether there is such a run."""
    answer = ask(server, path)
    assert (answer.status, answer.read()) == (404, b"Not Found\n")


def test_what_is_not_there_is_not_found(server: LiveServer) -> None:
    """There is the page, and what happens."""
    assert ask(server, urlsplit(server.address).path + "other").status == 404


def test_the_end_of_the_address_may_be_left_out(server: LiveServer) -> None:
    """A slash is easily lost when an address is copied; a query says nothing."""
    path = urlsplit(server.address).path.rstrip("/")
    assert ask(server, path).status == 200
    assert ask(server, f"{path}/?x=1").status == 200


@pytest.mark.parametrize("host", ["evil.example", "evil.example:{port}", "127.0.0.1", ""])
def test_another_name_for_this_machine_is_refused(server: LiveServer, host: str) -> None:
    """A site could let its own name be that of this machine, and read what is served to it."""
    port = urlsplit(server.address).port
    assert ask(server, Host=host.format(port=port)).status == 403
    assert ask(server, Host=f"localhost:{port}").status == 200


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "HEAD"])
def test_nothing_can_be_done_but_look(server: LiveServer, method: str) -> None:
    """There is nothing to be sent."""
    assert ask(server, method=method).status == 405


def test_only_this_machine_can_reach_it(server: LiveServer) -> None:
    """It listens on the loopback interface."""
    assert server._server.socket.getsockname()[0] == "127.0.0.1"


def test_a_port_that_is_taken_is_an_error() -> None:
    """Two runs cannot be at one address."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(OSError, match="in use"):
            LiveServer(taken.getsockname()[1], lambda: "", POLICY)


def test_everybody_hears_what_happens(server: LiveServer) -> None:
    """Whoever comes late is told what was before; at the end all are told that it is one."""
    early = follow(server)
    assert next_event(early)[1]["live"] == "first"
    server.board.publish('"second"', ['"failure 1"'])
    assert next_event(early) == ("failure", "failure 1")
    assert next_event(early)[1]["live"] == "second"
    late = follow(server)
    assert late.headers["Content-Type"] == "text/event-stream"
    assert next_event(late) == ("failure", "failure 1")
    assert next_event(late)[1]["live"] == "second"
    server.board.publish('"third"', ['"failure 2"'], is_over=True)
    for stream in (early, late):
        assert next_event(stream) == ("failure", "failure 2")
        name, data = next_event(stream)
        assert (name, data["live"]) == ("status", "third")
        assert data["age"] >= 0
        assert next_event(stream) == ("over", None)
        assert stream.read() == b""


def test_a_browser_that_goes_away_is_forgotten(server: LiveServer) -> None:
    """Nobody waits for it at the end."""
    stream = follow(server)
    next_event(stream)
    stream.close()
    board = server.board
    while board._streams:
        board.publish('"more"', [])
        board.wait_until_told(0.05)
    board.wait_until_told(PATIENCE)


def test_there_is_room_for_so_many_and_no_more(server: LiveServer) -> None:
    """Pages that were left open cannot use up the machine."""
    streams = [follow(server) for _ in range(_MOST_STREAMS)]
    for stream in streams:
        next_event(stream)
    assert follow(server).status == 503
    for stream in streams:
        stream.close()


def test_tests_that_replace_sockets_do_not_end_it(
    server: LiveServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a test in this process forbids is refused for as long as it does."""
    refused = threading.Event()

    def refuse(_: socket.socket) -> None:
        refused.set()
        raise RuntimeError("no network in tests")

    address = ("127.0.0.1", urlsplit(server.address).port)
    with monkeypatch.context() as patch:
        patch.setattr(socket.socket, "accept", refuse)
        with socket.create_connection(address):
            assert refused.wait(PATIENCE)
    assert ask(server).status == 200
