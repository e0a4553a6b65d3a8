"""A simulated card terminal.

It listens on the loopback interface, reads one line of JSON per connection and answers with
another. Like a real one it takes its time: it has to ask the bank.
"""

import json
import time
from contextlib import suppress
from dataclasses import dataclass, field
from socketserver import StreamRequestHandler, ThreadingTCPServer
from threading import Lock
from typing import Any

from shop.faults import foreign_bank_is_slow

SLOW_BANK_LATENCY = 3.0


@dataclass
class Journal:
    """What was charged today: amounts in cents by receipt."""

    charges: dict[str, int] = field(default_factory=dict)
    _lock: Lock = field(default_factory=Lock)

    def charge(self, amount: int) -> str:
        """Note a charge and return its receipt."""
        with self._lock:
            receipt = f"R{len(self.charges) + 1:04}"
            self.charges[receipt] = amount
        return receipt

    def refund(self, receipt: str) -> None:
        """Note that a charge was given back."""
        with self._lock:
            self.charges[receipt] = 0

    def total(self) -> int:
        """The sum of all charges that were not given back."""
        with self._lock:
            return sum(self.charges.values())


class _Conversation(StreamRequestHandler):
    """One connection: a question and an answer."""

    server: "SimulatedTerminal"

    def handle(self) -> None:
        line = self.rfile.readline()
        if line:
            answer = self.server.answer(json.loads(line))
            with suppress(ConnectionError):  # the client may have given up meanwhile
                self.wfile.write(json.dumps(answer).encode() + b"\n")


class SimulatedTerminal(ThreadingTCPServer):
    """A terminal that answers after `latency` seconds.

    A card number that ends in 0000 is declined; one that begins with 9 belongs to a foreign bank.
    """

    daemon_threads = True

    def __init__(self, latency: float = 0.2) -> None:
        super().__init__(("127.0.0.1", 0), _Conversation)
        self._latency = latency
        self._journal = Journal()

    @property
    def address(self) -> tuple[str, int]:
        """Host and port."""
        return "127.0.0.1", int(self.server_address[1])

    def answer(self, request: dict[str, Any]) -> dict[str, Any]:
        """Ask the bank and note what it said."""
        match request:
            case {"do": "charge", "amount": int(amount), "card": str(card)}:
                time.sleep(self._bank_latency(card))
                if card.endswith("0000"):
                    return {"approved": False, "reason": "insufficient funds"}
                return {"approved": True, "receipt": self._journal.charge(amount)}
            case {"do": "refund", "receipt": str(receipt)}:
                time.sleep(self._latency)
                self._journal.refund(receipt)
                return {"approved": True, "receipt": receipt}
            case {"do": "report"}:
                return {"approved": True, "total": self._journal.total()}
            case _:
                return {"approved": False, "reason": "not understood"}

    def _bank_latency(self, card: str) -> float:
        if card.startswith("9") and foreign_bank_is_slow():
            return SLOW_BANK_LATENCY
        return self._latency
