"""PyCharm's own SSH interpreter, for those without remote backends: `Add Interpreter > On SSH`."""

from __future__ import annotations

from pathlib import Path

from composegen.ide.links import Place

TICK = "`Parse config file ~/.ssh/config` ticked"
OF_CONFIG = f"OpenSSH config and authentication agent, with {TICK}"
GATEWAY_READS = f"Gateway and PyCharm read ~/.ssh/config only with {TICK}; Toolbox always does, for it starts OpenSSH itself"


def dialog(place: Place, interpreter: str, code: str, key: Path | None) -> dict[str, str]:
    """Field: value. `code` is the folder that `place.project` is; `key` a private key file, None where ssh_config names it."""
    return {
        "Host": place.host,
        "Port": str(place.port),
        "Username": place.user,
        "Authentication type": f"Key pair, {key}" if key else OF_CONFIG,
        "Interpreter": interpreter,
        "Path mapping": f"{code} -> {place.project}",
    }
