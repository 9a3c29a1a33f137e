"""Docker itself."""

from __future__ import annotations

from composegen.doctor.explaining import explained
from composegen.doctor.site import Site, Verdict
from composegen.errors import EngineError


def answers(site: Site) -> Verdict:
    """The daemon answers, and is new enough."""
    try:
        found = site.engine.versions()
    except EngineError as error:
        said = explained(error)
        return Verdict("fail", said.message, said.hint or "")
    return Verdict("ok", f"Engine {found.engine}, Compose {found.compose}")
