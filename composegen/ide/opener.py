"""Opening a link with whatever this machine opens links with."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping

from composegen.errors import ComposegenError
from composegen.ide.host.programs import PROGRAMS

PATIENCE = 5.0  # seconds; an opener that still runs then is the program that it opened


def command(
    link: str,
    *,
    platform: str = sys.platform,
    environ: Mapping[str, str] = os.environ,
    find: Callable[[str], object] = shutil.which,
) -> list[str]:
    """The command that opens it. Raises ComposegenError: this machine has none."""
    if platform == "darwin":
        return ["open", link]
    if find("cmd.exe"):
        # Windows, or Linux inside of it (WSL). cmd takes & for the end of a command.
        return ["cmd.exe", "/c", "start", link.replace("&", "^&")]
    screen = environ.get("DISPLAY") or environ.get("WAYLAND_DISPLAY")
    if screen and find("xdg-open"):
        return ["xdg-open", link]
    missing = "no xdg-open" if screen else "no screen (DISPLAY and WAYLAND_DISPLAY are empty)"
    raise ComposegenError(f"this machine cannot open a link: {missing}", hint=f"open it where the IDE is: {link}")


def open_link(link: str) -> None:
    """Raises ComposegenError: there is no opener, or it knows no program for the link."""
    argv = command(link)
    try:
        opener = subprocess.Popen(
            argv, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
        )
        status = opener.wait(timeout=PATIENCE)
    except subprocess.TimeoutExpired:
        return
    except OSError as error:
        raise ComposegenError(f"cannot run {argv[0]}: {error.strerror}", hint=f"open it yourself: {link}") from None
    if status:
        scheme = link.partition(":")[0]
        install = next((f"`composegen ide install {each.product}`; " for each in PROGRAMS if each.scheme == scheme), "")
        raise ComposegenError(f"{argv[0]} knows no program for {scheme}: links", hint=f"is the IDE installed here? {install}{link}")
