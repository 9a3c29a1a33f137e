"""The smoke tests as a step of the journey, and what they expect of a folder's container."""

from __future__ import annotations

import os
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from composegen.engine import Engine, is_local
from composegen.errors import CatalogueError, UsageError
from composegen.folder import Folder, recorded_variant
from composegen.host import nvidia
from composegen.model import wanted
from composegen.model.selection import difference, on_newer_system
from composegen.ssh import Address, HostKeys, KnownHosts, keys
from composegen.up.state import State

if TYPE_CHECKING:
    from composegen.model import Choices, Finding
    from composegen.smoke import Target


def handed_over(folder: Folder) -> str:
    """The devices that the folder asks for: ids separated by commas, or `all`; empty: none."""
    return ",".join(wanted(folder.choices, folder.settings).ids)


def test(state: State) -> tuple[State, str]:
    """A report, after a creation. A failed check is a finding, not an exception."""
    if not state.options.test:
        return state, "skipped, as asked"
    if not state.created:
        return state, "skipped, nothing is new; `composegen test` runs it"
    from composegen import smoke

    host_key = state.engine.host_key()
    shm, known_hosts = state.container.shm, KnownHosts.own()
    expected = target(
        state.folder, state.address, shm, host_keys=known_hosts, host_key=host_key, local=is_local(), door=state.engine
    )
    report = smoke.run(expected, session=state.session, tell=state.talk.tell, explain=explained)
    outcomes = [finding.outcome for finding in report.findings]
    return replace(state, report=report), ", ".join(f"{outcomes.count(each)} {each}" for each in dict.fromkeys(outcomes))


def explained(finding: Finding) -> Finding:
    """What a probe found, with the root cause that its words name: how to mend that comes before the probe's own hint."""
    if finding.outcome != "fail":
        return finding
    from composegen import doctor

    cause = doctor.root_cause(finding.detail)
    return replace(finding, hint="\n".join(filter(None, (doctor.advice(cause), finding.hint)))) if cause else finding


def target(
    folder: Folder,
    address: Address,
    shm: str,
    *,
    host_keys: HostKeys,
    host_key: str = "",
    local: bool = True,
    door: Engine | None = None,
) -> Target:
    """What the folder and its compose.yaml say the container must be.

    `shm` is what the engine was asked for, since compose.yaml may have been edited; `host_key` is the container's own word, empty
    where it has none yet.

    Raises FolderError: the folder has lost what it recorded of its variant.
    """
    # Late: the probes take 0.2 s to import, and `up` with nothing to do does not need them.
    from composegen.smoke import Target

    choices, settings = folder.choices, folder.settings
    variant = recorded_variant(folder.path)
    return Target(
        address=address,
        key=keys.own_key(),
        host_keys=host_keys,
        host_key=host_key,
        password=settings.password,
        uid=0 if settings.user == "root" else settings.uid,
        gid=0 if settings.user == "root" else settings.gid,
        device=choices.device,
        gpus=handed_over(folder),
        cards=nvidia.cards if local else nvidia.Cards,
        check=variant.check,
        compute=variant.compute,
        shm=shm,
        code_dir=folder.code if local else None,
        local=local,
        newer=partial(_newer, choices),
        init=choices.init,
        door=door,
    )


def _newer(choices: Choices, glibc: str) -> str:
    """The command that takes a folder to the nearest image with that glibc or a newer one; empty: the catalogue knows none."""
    from composegen import catalogue

    try:
        stack = catalogue.stack(choices.stack, catalogue.directories((), os.environ))
        variant = stack.variant_of(choices)
    except (CatalogueError, UsageError):
        return ""
    newer = on_newer_system(stack, variant, glibc)
    return f"`composegen update {' '.join(difference(variant, newer))}` ({newer.contract.os})" if newer else ""
