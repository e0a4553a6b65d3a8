"""The JSON API, without the network: a request in, a response out."""

import json
from dataclasses import asdict, dataclass
from http import HTTPStatus
from typing import Any

from shop import cart
from shop.checkout import Checkout
from shop.errors import (
    InvalidRequestError,
    NotFoundError,
    OutOfStockError,
    PaymentDeclinedError,
    PaymentUnavailableError,
    ShopError,
)
from shop.pricing import quote
from shop.store import Order

_STATUS: dict[type[ShopError], HTTPStatus] = {
    InvalidRequestError: HTTPStatus.BAD_REQUEST,
    NotFoundError: HTTPStatus.NOT_FOUND,
    OutOfStockError: HTTPStatus.CONFLICT,
    PaymentDeclinedError: HTTPStatus.PAYMENT_REQUIRED,
    PaymentUnavailableError: HTTPStatus.GATEWAY_TIMEOUT,
}


@dataclass(frozen=True)
class Request:
    """What arrived: `/products?search=tea` has the path `/products` and a search."""

    method: str
    path: str
    search: str = ""
    body: bytes = b""


@dataclass(frozen=True)
class Response:
    """What goes back: a status and something that can be written as JSON."""

    status: HTTPStatus
    content: Any


class Api:
    """Translates requests into calls of the shop, and its errors into statuses."""

    def __init__(self, checkout: Checkout) -> None:
        self._checkout = checkout

    def handle(self, request: Request) -> Response:
        """Answer a request."""
        try:
            return self._route(request)
        except ShopError as error:
            return Response(_STATUS[type(error)], {"error": str(error)})

    def _route(self, request: Request) -> Response:
        content: Any
        match request.method, request.path.strip("/").split("/"):
            case "GET", ["health"]:
                content = {"status": "open"}
            case "GET", ["products"]:
                found = self._checkout.catalogue.search(request.search)
                content = [asdict(product) for product in found]
            case "GET", ["products", sku]:
                content = asdict(self._checkout.catalogue.find(sku))
            case "POST", ["quotes"]:
                content = self._quote(_read_object(request.body))
            case "POST", ["orders"]:
                content = _show(self._buy(_read_object(request.body)))
                return Response(HTTPStatus.CREATED, content)
            case "GET", ["orders", number]:
                content = _show(self._checkout.store.order(_read_number(number)))
            case "DELETE", ["orders", number]:
                content = _show(self._checkout.cancel(_read_number(number)))
            case _:
                raise NotFoundError(f"nothing at {request.method} {request.path}")
        return Response(HTTPStatus.OK, content)

    def _quote(self, body: dict[str, Any]) -> dict[str, int]:
        price = quote(cart.parse(body.get("items")), self._checkout.catalogue)
        return {**asdict(price), "total": price.total}

    def _buy(self, body: dict[str, Any]) -> Order:
        wanted = cart.parse(body.get("items"))
        card = body.get("card")
        if not isinstance(card, str):
            raise InvalidRequestError("card must be the number of a card")
        return self._checkout.buy(wanted, card)


def _read_object(body: bytes) -> dict[str, Any]:
    try:
        content = json.loads(body)
    except ValueError:
        raise InvalidRequestError("the body is not JSON") from None
    if not isinstance(content, dict):
        raise InvalidRequestError("the body must be a JSON object")
    return content


def _read_number(text: str) -> int:
    if not text.isdecimal():
        raise NotFoundError(f"no order {text!r}")
    return int(text)


def _show(order: Order) -> dict[str, Any]:
    return {
        "number": order.number,
        "status": order.status,
        "amount": order.amount,
        "items": dict(order.cart.quantities),
    }
