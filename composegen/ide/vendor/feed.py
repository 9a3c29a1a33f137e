"""A vendor's release feed: which releases of a product there are, and where their archives and checksums lie.

The shape is that of https://data.services.jetbrains.com/products/releases?code=PCP&latest=true&type=release: an object whose one
key is the code, with a list of releases, newest first, each with version, build and downloads by platform.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from composegen.errors import ComposegenError
from composegen.ide.products import Product
from composegen.ide.vendor import download

FEED = "https://data.services.jetbrains.com/products/releases"
VARIABLE = "COMPOSEGEN_IDE_FEED"  # another address of the same shape: a mirror, or a test
PLATFORMS = {"x86_64": "linux", "aarch64": "linuxARM64"}  # architecture as `uname -m` says it: key of `downloads`
WITHOUT = f"download the archive elsewhere and give it by --archive, or set {VARIABLE} to a mirror of the feed"
SHOWN = 5  # builds that are named where the wanted one is not there


@dataclass(frozen=True)
class Release:
    """One product's archive for one architecture."""

    version: str  # 2024.3.1
    build: str  # 243.22562.220
    url: str
    checksum_url: str = ""  # of a text with the archive's SHA-256; empty: the feed names none
    size: int | None = None  # bytes


def release(product: Product, architecture: str, *, build: str = "", environ: Mapping[str, str] = os.environ) -> Release:
    """The latest, or the one of that build number or version. Raises ComposegenError: no network, no such feed, or none there."""
    feed = environ.get(VARIABLE) or FEED
    asked = {"code": product.feed, "type": "release", **({} if build else {"latest": "true"})}
    address = f"{feed}?{urlencode(asked)}"
    return chosen(releases(download.read(address, hint=WITHOUT), product, feed), product, architecture, build)


def releases(answer: bytes, product: Product, feed: str = FEED) -> list[dict[str, Any]]:
    """What a feed said of that product. Raises ComposegenError: it is not JSON of that shape."""
    try:
        found = json.loads(answer)[product.feed]
        return [each for each in found if isinstance(each["downloads"], dict)]
    except (ValueError, TypeError, LookupError):
        raise ComposegenError(f"what {feed} says of {product.title} is no release feed", hint=WITHOUT) from None


def chosen(found: list[dict[str, Any]], product: Product, architecture: str, build: str = "") -> Release:
    """The first for that architecture, or that of a build number or version. Raises ComposegenError: there is none."""
    if architecture not in PLATFORMS:
        raise ComposegenError(
            f"{product.title} is not made for {architecture}", hint=f"JetBrains builds for {' and '.join(PLATFORMS)} on Linux"
        )
    wanted = [each for each in found if not build or build in (each.get("build"), each.get("version"))]
    if not wanted:
        builds = ", ".join(f"{each.get('version')} ({each.get('build')})" for each in found[:SHOWN])
        missing = f"no build {build}" if build else "no release"
        raise ComposegenError(f"the feed has {missing} of {product.title}", hint=f"it has {builds}" if builds else WITHOUT)
    for each in wanted:
        if isinstance(there := each["downloads"].get(PLATFORMS[architecture]), dict) and there.get("link"):
            size = there.get("size")
            return Release(
                version=str(each.get("version", "")),
                build=str(each.get("build", "")),
                url=str(there["link"]),
                checksum_url=str(there.get("checksumLink") or ""),
                size=size if isinstance(size, int) and size > 0 else None,
            )
    which = f"build {build} of {product.title}" if build else product.title
    raise ComposegenError(f"the feed has no archive of {which} for {architecture}", hint="--build takes another one, see the feed")
