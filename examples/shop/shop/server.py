"""The JSON API on the network: WSGI, one thread per request, loopback only."""

import json
from collections.abc import Iterable
from socketserver import ThreadingMixIn
from urllib.parse import parse_qs
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer
from wsgiref.types import StartResponse, WSGIEnvironment

from shop.api import Api, Request


class _QuietHandler(WSGIRequestHandler):
    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - name of the base class
        """Write no access log."""


class ShopServer(ThreadingMixIn, WSGIServer):
    """Serves an API; port 0 takes any free port."""

    daemon_threads = True

    def __init__(self, api: Api, port: int = 0) -> None:
        super().__init__(("127.0.0.1", port), _QuietHandler)
        self._api = api
        self.set_app(self._application)

    @property
    def address(self) -> tuple[str, int]:
        """Host and port."""
        return "127.0.0.1", self.server_port

    def _application(self, environ: WSGIEnvironment, start: StartResponse) -> Iterable[bytes]:
        response = self._api.handle(_read(environ))
        body = json.dumps(response.content).encode()
        headers = [("Content-Type", "application/json"), ("Content-Length", str(len(body)))]
        start(f"{response.status.value} {response.status.phrase}", headers)
        return [body]


def _read(environ: WSGIEnvironment) -> Request:
    length = int(environ.get("CONTENT_LENGTH") or 0)
    query = parse_qs(environ["QUERY_STRING"])
    return Request(
        method=environ["REQUEST_METHOD"],
        path=environ["PATH_INFO"],
        search=query.get("search", [""])[0],
        body=environ["wsgi.input"].read(length),
    )
