"""Opens the shop: `python -m shop --port 8000`."""

import argparse
import sys
from contextlib import ExitStack
from pathlib import Path

from shop import catalogue
from shop.api import Api
from shop.background import in_background
from shop.checkout import Checkout
from shop.payment import PaymentClient
from shop.server import ShopServer
from shop.store import Store
from shop.terminal import SimulatedTerminal


def _address(text: str) -> tuple[str, int]:
    host, _, port = text.rpartition(":")
    return host, int(port)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="shop", description="Opens a small shop.")
    parser.add_argument("--port", type=int, default=8000, help="0 takes any free port")
    parser.add_argument("--database", type=Path, default=Path("shop.sqlite3"))
    parser.add_argument("--prices", type=Path, default=catalogue.PRICE_LIST)
    parser.add_argument("--stock", type=int, default=20, help="pieces of each new product")
    parser.add_argument(
        "--terminal", type=_address, metavar="HOST:PORT", help="default: a simulated one"
    )
    return parser


def main() -> None:
    """Serve until interrupted."""
    options = _parser().parse_args()
    products = catalogue.load(options.prices)
    store = Store(options.database)
    store.introduce({product.sku: options.stock for product in products.products()})
    with ExitStack() as stack:
        terminal = (
            options.terminal or stack.enter_context(in_background(SimulatedTerminal())).address
        )
        api = Api(Checkout(products, store, PaymentClient(terminal)))
        server = stack.enter_context(ShopServer(api, options.port))
        host, port = server.address
        sys.stdout.write(f"The shop is open at {host}:{port}\n")
        sys.stdout.flush()
        server.serve_forever()


if __name__ == "__main__":
    main()
