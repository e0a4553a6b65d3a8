"""A page for the browser that follows a run: served on the loopback interface, to who knows its address.

Standard library only: one thread waits for connections, each of which has another. They share nothing with the run but
texts that are ready to be sent, so a browser that is slow or goes away keeps nobody waiting.
"""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Callable
from functools import partial
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socket import socket
from socketserver import TCPServer
from typing import Any, Final

#: Where the page can be reached from: only from this machine.
LOOPBACK: Final = "127.0.0.1"

#: So many bytes of secret are in the address.
_SECRET: Final = 24

#: So many browsers may follow at a time.
_MOST_STREAMS: Final = 32

#: Seconds after which a browser hears something even if nothing happens, so that one knows whether it is there.
_SIGN_OF_LIFE: Final = 10.0

#: Seconds that a request, or whoever does not read what he is sent, may take.
_PATIENCE: Final = 10.0

#: Seconds after which the server notices that it is to end.
_POLL: Final = 0.1

#: Seconds to wait at the end until everybody has got the last word.
_FAREWELL: Final = 1.0


_HEADERS: Final = (
    ("Cache-Control", "no-store"),
    ("Connection", "close"),
    ("Cross-Origin-Opener-Policy", "same-origin"),
    ("Cross-Origin-Resource-Policy", "same-origin"),
    ("Referrer-Policy", "no-referrer"),
    ("X-Content-Type-Options", "nosniff"),
    ("X-Frame-Options", "DENY"),
)


class Board:
    """What is to be seen: the newest status, and all failures so far, as JSON."""

    def __init__(self) -> None:
        self._news: Final = threading.Condition()
        self._status = ""
        self._since = 0.0
        self._edition = 0
        self._failures: list[str] = []
        self._streams = 0
        self.is_over = False

    def publish(self, status: str, failures: list[str], *, is_over: bool = False) -> None:
        """Show ``status`` from now on, and new ``failures`` beside those before."""
        with self._news:
            self._status, self._since = status, time.monotonic()
            self._edition += 1
            self._failures += failures
            self.is_over = self.is_over or is_over
            self._news.notify_all()

    def admit(self) -> bool:
        """Count one more who follows; say whether there is room for him."""
        with self._news:
            is_full = self._streams >= _MOST_STREAMS
            self._streams += not is_full
            return not is_full

    def dismiss(self) -> None:
        """Count one fewer."""
        with self._news:
            self._streams -= 1
            self._news.notify_all()

    def follow(self, send: Callable[[bytes], object]) -> None:
        """Send everything, and from then on what is new, until the run is over or sending fails."""
        edition, told, is_over = 0, 0, False
        while not is_over:
            with self._news:
                if edition == self._edition:
                    self._news.wait(_SIGN_OF_LIFE)
                is_new = edition != self._edition
                edition, status, is_over = self._edition, self._status, self.is_over
                age = time.monotonic() - self._since
                failures = self._failures[told:]
                told += len(failures)
            parts = [_event("failure", each) for each in failures]
            if is_new:
                parts.append(_event("status", f'{{"age": {age:.3f}, "live": {status}}}'))
            if is_over:
                parts.append(_event("over", ""))
            send("".join(parts or [": still here\n\n"]).encode())

    def wait_until_told(self, seconds: float) -> None:
        """Wait until nobody follows any more, for so many seconds at the most."""
        with self._news:
            self._news.wait_for(lambda: not self._streams, seconds)


def _event(name: str, data: str) -> str:
    """Return a server-sent event; ``data`` has no line feed."""
    return f"event: {name}\ndata: {data}\n\n"


class LiveServer:
    """Serves ``page()`` and what is on its ``board``, at an address with a secret in it."""

    def __init__(self, port: int, page: Callable[[], str], policy: str) -> None:
        """Listen on ``port`` of the loopback interface, 0 for any that is free; raises OSError.

        ``policy`` is the Content-Security-Policy of the page.
        """
        self.board: Final = Board()
        token = secrets.token_urlsafe(_SECRET)
        self._server: Final = _Server(port, token, page, policy, self.board)
        self.address: Final = f"http://{LOOPBACK}:{self._server.server_port}/{token}/"
        serve = partial(self._server.serve_forever, _POLL)
        threading.Thread(target=serve, name="orchestra-live", daemon=True).start()

    def close(self) -> None:
        """Let everybody hear the last word, and listen no more."""
        self.board.wait_until_told(_FAREWELL)
        self._server.shutdown()
        self._server.server_close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def __init__(
        self, port: int, token: str, page: Callable[[], str], policy: str, board: Board
    ) -> None:
        super().__init__((LOOPBACK, port), _Handler)
        self.hosts: Final = (f"{LOOPBACK}:{self.server_port}", f"localhost:{self.server_port}")
        self.token: Final = token
        self.page: Final = page
        self.policy: Final = policy
        self.board: Final = board

    def server_bind(self) -> None:
        """Take the port; nobody is asked for the name of this machine, which may take its time."""
        TCPServer.server_bind(self)
        self.server_name = LOOPBACK
        self.server_port = int(self.socket.getsockname()[1])

    def get_request(self) -> tuple[socket, Any]:
        """Accept; tests in this process may have replaced what that takes, which is no reason to end."""
        try:
            return super().get_request()
        except OSError:
            raise
        except Exception as error:
            raise OSError(str(error)) from error

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing: a browser went away."""


class _Handler(BaseHTTPRequestHandler):
    timeout = _PATIENCE
    server: _Server

    def do_GET(self) -> None:
        """Answer, if the address is right."""
        if self.headers.get("Host", "").lower() not in self.server.hosts:
            # Somebody's own name for this machine, by which his page would be of one origin with ours.
            self._refuse(HTTPStatus.FORBIDDEN)
            return
        given, _, rest = self.path.partition("?")[0].removeprefix("/").partition("/")
        if not secrets.compare_digest(given.encode(), self.server.token.encode()):
            self._refuse(HTTPStatus.NOT_FOUND)
        elif not rest:
            body = self.server.page().encode(errors="backslashreplace")
            self._send(HTTPStatus.OK, "text/html; charset=utf-8", body)
        elif rest == "events":
            self._follow()
        else:
            self._refuse(HTTPStatus.NOT_FOUND)

    def __getattr__(self, name: str) -> Callable[[], None]:
        """Refuse every other method."""
        if name.startswith("do_"):
            return lambda: self._refuse(HTTPStatus.METHOD_NOT_ALLOWED)
        raise AttributeError(name)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the library's name
        """Say nothing: the terminal is pytest's."""

    def _follow(self) -> None:
        board = self.server.board
        if not board.admit():
            self._refuse(HTTPStatus.SERVICE_UNAVAILABLE)
            return
        try:
            self._begin(HTTPStatus.OK, "text/event-stream")
            board.follow(self.wfile.write)
        finally:
            board.dismiss()

    def _refuse(self, status: HTTPStatus) -> None:
        self._send(status, "text/plain; charset=utf-8", f"{status.phrase}\n".encode())

    def _send(self, status: HTTPStatus, content: str, body: bytes) -> None:
        self._begin(status, content)
        self.wfile.write(body)

    def _begin(self, status: HTTPStatus, content: str) -> None:
        """Begin an answer, which ends with the connection."""
        self.send_response_only(status)  # does not tell what we are
        self.send_header("Content-Type", content)
        self.send_header("Content-Security-Policy", self.server.policy)
        for name, value in _HEADERS:
            self.send_header(name, value)
        self.end_headers()
