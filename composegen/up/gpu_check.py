"""Whether a container that is about to be made or started will get its GPUs: better known before a build than after it."""

from __future__ import annotations

from composegen.errors import EngineError
from composegen.model import wanted
from composegen.up.state import State


def refuse_missing(state: State) -> None:
    """Pass where the folder asks for no GPU, or will get it, as far as can be seen. Raises EngineError: it will not."""
    if not wanted(state.folder.choices, state.folder.settings).ids:
        return
    from composegen import diagnosis
    from composegen.doctor.checks import GPU
    from composegen.doctor.examining import verdict

    site = diagnosis.site_of(state.folder, state.engine)
    for found in (verdict(check, site) for check in GPU):
        if found.status == "fail":
            raise EngineError(found.detail, hint=found.fix)
        if found.status == "warn":
            state.talk.say(f"note: {found.detail}")
