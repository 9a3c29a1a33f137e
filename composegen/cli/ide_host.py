"""`composegen ide install gateway|toolbox`: what goes on this machine, not into a container."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from composegen.ide.host.installing import Outcome
    from composegen.ide.products import Product
    from composegen.ide.vendor.obtain import Wanted


def install(product: Product, wanted: Wanted, *, dry_run: bool, as_json: bool) -> None:
    """Raises ComposegenError: this is no Linux, or it cannot be put here."""
    _refuse_elsewhere(product)
    from composegen.cli import progress
    from composegen.ide.host import installing

    with progress.stages() as stages:
        done = installing.install(product, wanted, stages, dry_run=dry_run)
    _say(done, as_json=as_json)


def remove(product: Product, *, dry_run: bool, as_json: bool) -> None:
    """Raises ComposegenError: this is no Linux, or composegen put nothing here."""
    _refuse_elsewhere(product)
    from composegen.ide.host import installing

    _say(installing.remove(product, dry_run=dry_run), as_json=as_json)


def _refuse_elsewhere(product: Product) -> None:
    from composegen.ide.host.programs import refuse_elsewhere

    refuse_elsewhere(product, sys.platform)


def _say(done: Outcome, *, as_json: bool) -> None:
    print(json.dumps(done.to_json(), indent=2, ensure_ascii=False) if as_json else "\n".join(_lines(done)))


def _lines(done: Outcome) -> list[str]:
    from composegen.cli.ide import NOT_VERIFIED
    from composegen.cli.server import size
    from composegen.ide.host import installing as states

    record, would = done.record, done.state in (states.WOULD, states.WOULD_REMOVE)
    verb = {states.WOULD: "would be installed", states.WOULD_REMOVE: "would be removed"}.get(done.state, f"is {done.state}")
    build = f"({record.build})" if record.build not in ("", record.version) else ""
    what = " ".join(filter(None, (done.product.title, record.version, build)))
    rows = {"start": str(done.spot.launcher), "menu": str(done.spot.entry)}
    if done.state in (states.INSTALLED, states.WOULD):
        rows |= {
            "from": done.source,
            "size": f"{size(done.size)} to download" if done.size else "",
            "verified": f"with {done.verified_by}" if done.verified_by else "" if would else NOT_VERIFIED,
            "replaces": done.replaced,
        }
    lines = [f"  {name:9} {value}" for name, value in rows.items() if value]
    return [f"{what} {verb}: {done.path}", *lines, *(f"  note      {note}" for note in done.notes)]
