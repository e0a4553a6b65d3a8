"""The client of a card terminal."""

import json
import socket
from typing import Any, Protocol

from shop.errors import PaymentDeclinedError, PaymentUnavailableError


class Payments(Protocol):
    """Whatever can take money and give it back; amounts are in cents."""

    def charge(self, amount: int, card: str) -> str:
        """Charge a card and return the receipt."""
        ...

    def refund(self, receipt: str) -> None:
        """Give back what was charged."""
        ...


class PaymentClient:
    """Talks to the terminal at an address and waits `timeout` seconds for an answer."""

    def __init__(self, address: tuple[str, int], timeout: float = 5.0) -> None:
        self._address = address
        self._timeout = timeout

    def charge(self, amount: int, card: str) -> str:
        """Charge a card and return the receipt."""
        return str(self._ask({"do": "charge", "amount": amount, "card": card})["receipt"])

    def refund(self, receipt: str) -> None:
        """Give back what was charged."""
        self._ask({"do": "refund", "receipt": receipt})

    def total(self) -> int:
        """What the terminal has taken today, in cents."""
        return int(self._ask({"do": "report"})["total"])

    def _ask(self, request: dict[str, Any]) -> dict[str, Any]:
        answer = self._exchange(request)
        if not answer["approved"]:
            raise PaymentDeclinedError(f"payment declined: {answer['reason']}")
        return answer

    def _exchange(self, request: dict[str, Any]) -> dict[str, Any]:
        try:
            with (
                socket.create_connection(self._address, self._timeout) as connection,
                connection.makefile("rw", encoding="utf-8") as stream,
            ):
                stream.write(json.dumps(request) + "\n")
                stream.flush()
                answer: dict[str, Any] = json.loads(stream.readline())
                return answer
        except TimeoutError:
            raise PaymentUnavailableError(
                f"the terminal did not answer within {self._timeout} s"
            ) from None
        except (OSError, ValueError) as error:
            raise PaymentUnavailableError(f"no answer from the terminal: {error}") from error
