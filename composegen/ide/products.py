"""The IDEs that `composegen ide install` knows, as data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from composegen.errors import UsageError

Kind = Literal["backend", "host"]


@dataclass(frozen=True)
class Product:
    name: str  # as the user types it
    title: str
    feed: str  # its code at data.services.jetbrains.com
    codes: tuple[str, ...]  # `productCode` of product-info.json; none: its archive has no such file
    kind: Kind  # a backend runs in the container, the others on the host


# Which have a remote backend: https://www.jetbrains.com/help/ide-services/remote-development-support.html; community editions have
# none. Codes: https://plugins.jetbrains.com/docs/marketplace/product-codes.html and the feed itself, where some differ.
PRODUCTS = (
    Product("pycharm", "PyCharm", "PCP", ("PY",), "backend"),
    Product("idea", "IntelliJ IDEA", "IIU", ("IU",), "backend"),
    Product("clion", "CLion", "CL", ("CL",), "backend"),
    Product("goland", "GoLand", "GO", ("GO",), "backend"),
    Product("webstorm", "WebStorm", "WS", ("WS",), "backend"),
    Product("phpstorm", "PhpStorm", "PS", ("PS",), "backend"),
    Product("rider", "Rider", "RD", ("RD",), "backend"),
    Product("rubymine", "RubyMine", "RM", ("RM",), "backend"),
    Product("rustrover", "RustRover", "RR", ("RR",), "backend"),
    Product("gateway", "JetBrains Gateway", "GW", ("GW",), "host"),
    Product("toolbox", "JetBrains Toolbox", "TBA", (), "host"),
)


def named(name: str) -> Product:
    """Raises UsageError: there is none of that name."""
    for product in PRODUCTS:
        if product.name == name.lower():
            return product
    known = [product.name for product in PRODUCTS]
    raise UsageError.unknown("IDE", name, known)


def of_code(code: str) -> Product | None:
    """The product that says so of itself in product-info.json."""
    return next((product for product in PRODUCTS if code in product.codes), None)
