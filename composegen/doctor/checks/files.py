"""The folder itself: whether composegen and Compose can read what is in it."""

from __future__ import annotations

from composegen.doctor.explaining import explained
from composegen.doctor.site import Site, Unanswered, Verdict
from composegen.errors import CommandFailed, EngineError
from composegen.model import record

ENV = ".env"
OTHERS = 0o077  # what a mode gives to group and everybody


def sound(site: Site) -> Verdict:
    """composegen can read compose.yaml, `.env` and its own record, and a build finds what it copies."""
    if site.trouble:
        return Verdict("fail", site.trouble.message, site.trouble.hint or "")
    project = site.project
    damaged = [*([] if site.variant else [f"{record.FILE} is missing or damaged"]), *site.damaged()]
    if damaged:
        return Verdict("fail", "\n".join(damaged), "`composegen update` writes that anew, and keeps your edits of everything else")
    return Verdict("ok", " ".join(filter(None, (project.stack, project.version, "for", project.device))))


def env(site: Site) -> Verdict:
    """`.env` is there, and nobody else reads the password in it."""
    _ = site.project
    try:
        mode = (site.directory / ENV).stat().st_mode
    except FileNotFoundError:
        said = "there is no .env: with plain `docker compose` the project has the folder's name, and its password is in the log"
        return Verdict("warn", said, "`composegen up` writes one, with your key, a free port and a name of its own")
    if mode & OTHERS:
        return Verdict("warn", f"others may read .env (mode {mode & 0o777:04o}), which is for a password", "`chmod 600 .env`")
    return Verdict("ok", "only you may read it")


def compose(site: Site) -> Verdict:
    """Compose takes the folder's files, with every edit and override."""
    _ = site.project
    try:
        site.engine.config_hash()
    except CommandFailed as error:
        said = explained(error)
        return Verdict("fail", said.message, said.hint or "")
    except EngineError as error:
        raise Unanswered(error.message) from error
    return Verdict("ok", "Compose takes the folder's files")
