"""A client of the JSON API."""

import json
from contextlib import closing
from dataclasses import dataclass
from http.client import HTTPConnection
from typing import Any


@dataclass(frozen=True)
class Answer:
    """The status and the decoded content of a response."""

    status: int
    content: Any


class ShopClient:
    """Talks to the shop at an address."""

    def __init__(self, address: tuple[str, int]) -> None:
        self._address = address

    def get(self, path: str) -> Answer:
        """Ask for something."""
        return self.send("GET", path)

    def post(self, path: str, content: object) -> Answer:
        """Create something."""
        return self.send("POST", path, json.dumps(content).encode())

    def delete(self, path: str) -> Answer:
        """Remove something."""
        return self.send("DELETE", path)

    def send(self, method: str, path: str, body: bytes = b"") -> Answer:
        """Send any request."""
        with closing(HTTPConnection(*self._address, timeout=10)) as connection:
            connection.request(method, path, body)
            response = connection.getresponse()
            return Answer(response.status, json.loads(response.read()))
