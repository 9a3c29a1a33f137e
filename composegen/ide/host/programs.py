"""The programs that `composegen ide install` puts on this machine, as data: what is in their archives, how they are called here.

Layouts: Gateway's as its product-info.json and packagers have it (https://aur.archlinux.org/packages/jetbrains-gateway); the
Toolbox App's as packagers of 1.x (one AppImage at the top) and of 2.6 and newer (`bin` with program and icons: nixpkgs) have it.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from composegen.errors import ComposegenError
from composegen.ide.products import Product

MIGRATION = "https://www.jetbrains.com/help/toolbox-app/jetbrains-gateway-migrations-guide.html"
ANY_ICON = "applications-development"  # of every icon theme, https://specifications.freedesktop.org/icon-naming-spec/


@dataclass(frozen=True)
class Program:
    """What starts it and its icon are paths in the archive, the first that is there counts."""

    product: str  # its name in PRODUCTS
    folder: str  # composegen's own, in /opt or ~/.local/opt
    command: str  # on PATH
    comment: str  # in the menu
    scheme: str  # of the links that it opens
    starts: tuple[str, ...]
    icons: tuple[str, ...]
    cask: str
    winget: str
    page: str
    note: str = ""

    @property
    def entry(self) -> str:
        """The file name that the program gives the entry that it writes itself at its first start: so there is one in the menu."""
        return f"{self.folder}.desktop"

    def start(self, files: Collection[str], name: str) -> str:
        """Raises ComposegenError: the archive of that name has no such program."""
        found = next((path for path in self.starts if path in files), "")
        if not found:
            raise ComposegenError(
                f"{name} has no {' or '.join(self.starts)}, which starts {self.product}", hint=f"take the one of {self.page}"
            )
        return found

    def icon(self, files: Collection[str]) -> str:
        """Empty: it has none."""
        return next((path for path in self.icons if path in files), "")


PROGRAMS = (
    Program(
        "gateway",
        folder="jetbrains-gateway",
        command="gateway",
        comment="Open a project on another machine or in a container",
        scheme="jetbrains-gateway",
        starts=("bin/gateway", "bin/gateway.sh"),
        icons=("bin/gateway.svg", "bin/gateway.png"),
        cask="jetbrains-gateway",
        winget="JetBrains.Gateway",
        page="https://www.jetbrains.com/remote-development/gateway/",
        note=f"JetBrains will deprecate Gateway; the Toolbox App is its successor: `composegen ide install toolbox` ({MIGRATION})",
    ),
    Program(
        "toolbox",
        folder="jetbrains-toolbox",
        command="jetbrains-toolbox",
        comment="Install JetBrains' IDEs, and open projects on other machines and in containers",
        scheme="jetbrains",
        starts=("bin/jetbrains-toolbox", "jetbrains-toolbox"),
        icons=("bin/toolbox.svg", "bin/toolbox-tray-color.png"),
        cask="jetbrains-toolbox",
        winget="JetBrains.Toolbox",
        page="https://www.jetbrains.com/toolbox-app/",
        note="at its first start Toolbox makes a copy of itself in ~/.local/share/JetBrains/Toolbox and keeps that up to date",
    ),
)


def program(product: Product) -> Program:
    return next(each for each in PROGRAMS if each.product == product.name)


def refuse_elsewhere(product: Product, platform: str) -> None:
    """Raises ComposegenError: this is no Linux, and its vendor has another way there."""
    if platform.startswith("linux"):
        return
    of_it = program(product)
    ways = {
        "darwin": ("macOS", f"`brew install --cask {of_it.cask}`, or "),
        "win32": ("Windows", f"`winget install -e --id {of_it.winget}`, or "),
    }
    system, way = ways.get(platform, (platform, ""))
    successor = f"; {of_it.note}" if product.name == "gateway" else ""
    raise ComposegenError(
        f"composegen installs {product.title} on Linux, and this is {system}", hint=f"{way}{of_it.page}{successor}"
    )
