import socket

import pytest
from shop.background import in_background
from shop.errors import PaymentDeclinedError, PaymentUnavailableError
from shop.payment import PaymentClient
from shop.terminal import SimulatedTerminal

# There are two terminals, so at most two tests of those that need one run at the same time.
pytestmark = pytest.mark.resources("payment")


@pytest.mark.parametrize(
    "card",
    ["4111 1111 1111 1111", "5500 0000 0000 0004"],
    ids=["visa", "mastercard"],
)
def test_accepts_card(payments: PaymentClient, card: str) -> None:
    assert payments.charge(1250, card) == "R0001"


def test_accepts_foreign_card(terminal: SimulatedTerminal) -> None:
    payments = PaymentClient(terminal.address, timeout=2.0)
    assert payments.charge(1250, "9792 0303 9444 0796") == "R0001"


def test_declines_card_without_funds(payments: PaymentClient) -> None:
    with pytest.raises(PaymentDeclinedError, match="insufficient funds"):
        payments.charge(1250, "4000 0000 0000 0000")


def test_gives_up_on_a_silent_terminal() -> None:
    with (
        in_background(SimulatedTerminal(latency=10.0)) as silent,
        pytest.raises(PaymentUnavailableError, match=r"within 0\.2 s"),
    ):
        PaymentClient(silent.address, timeout=0.2).charge(1250, "4111 1111 1111 1111")


def test_reports_an_unplugged_terminal() -> None:
    with socket.socket() as unplugged:
        unplugged.bind(("127.0.0.1", 0))
        with pytest.raises(PaymentUnavailableError, match="no answer"):
            PaymentClient(unplugged.getsockname()).charge(1250, "4111 1111 1111 1111")
