"""One file to attach to a bug report: what the doctor found, and what it was found in. Redacted; its reader is a stranger.

Its parts are collected like checks, side by side and each with its deadline: what a broken engine cannot say is left out.
"""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path

from composegen import __version__, dotenv, host
from composegen.doctor.examining import Check, Diagnosis
from composegen.doctor.redaction import HIDDEN, HOME, MACHINE, PERSON, Redactor, masked, secret_values
from composegen.doctor.site import Site, Unanswered, Verdict
from composegen.engine import guard
from composegen.errors import ComposegenError, UsageError
from composegen.model import Settings

HEADER = "# Report of `composegen doctor`"
ENV = ".env"
LAST_LINES = 60  # of the container's log
KEYS = "SSH_AUTHORIZED_KEYS"
# Variables whose values are shown: what else stands in a `.env` is its owner's, and nobody can tell what it holds.
SHOWN = frozenset({*Settings().to_variables(), "NVIDIA_VISIBLE_DEVICES", "NVIDIA_DRIVER_CAPABILITIES"}) - {KEYS, "SSH_PASSWORD"}
# Exported variables that decide where Docker looks and what a build reaches.
EXPORTED = (
    *("DOCKER_HOST", "DOCKER_CONTEXT", "DOCKER_BUILDKIT", "COMPOSE_FILE", "COMPOSE_PROFILES"),
    *(each for name in ("http_proxy", "https_proxy", "no_proxy") for each in (name, name.upper())),
)


def refuse_foreign(file: Path) -> None:
    """Pass where a report may be written. Raises UsageError: there is no such directory, or a file that is no report."""
    if not file.parent.is_dir():
        raise UsageError(f"'{file.parent}' is not a folder", hint="name a file in one that exists")
    if file.is_dir() or (file.is_file() and not file.read_bytes().startswith(HEADER.encode())):
        raise UsageError(f"'{file}' is there and is no report", hint="name another file")


def write(file: Path, text: str) -> None:
    """Readable by its owner only: whoever reads it elsewhere gets it from them."""
    with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as target:
        target.write(text)


def text(site: Site, found: Diagnosis, parts: Diagnosis) -> str:
    """The report of a site's findings and of its PARTS, as Markdown."""
    config, hidden = _config({each.name: each.detail for each in parts.findings}["compose config"])
    bodies = {
        "versions": f"composegen {__version__}, Python {platform.python_version()}, {platform.platform()}",
        "findings": "\n".join(_lines(found)),
        ENV: _env(site.directory),
        "exported": "\n".join(f"{name}={os.environ[name]}" for name in EXPORTED if name in os.environ),
        **{each.name: each.detail for each in parts.findings},
        "compose config": config,
    }
    assigned = _assigned(site.directory)
    secrets = _secrets(assigned) | hidden
    in_json = {json.dumps(each, ensure_ascii=False)[1:-1] for each in secrets}
    redact = Redactor(secrets | in_json, _words(site.directory, assigned))
    sections = [f"## {name}\n\n```\n{redact(body.strip()) or 'nothing'}\n```\n" for name, body in bodies.items()]
    said = f"Secrets, keys, names and addresses are taken out ({HIDDEN}, {PERSON}, {MACHINE}); look through it before you send it."
    return "\n".join([HEADER, "", said, "", *sections])


def _lines(found: Diagnosis) -> list[str]:
    return [line for each in found.findings for line in (f"{each.status:4}  {each.name:14}{each.detail}", *_indented(each.fix))]


def _indented(fix: str) -> list[str]:
    return [f"{'':20}- {line}" for line in fix.splitlines()]


def _env(directory: Path) -> str:
    """Its variables without comments, for a comment may hold what the line below it once said."""
    try:
        found = dotenv.parse(host.text(directory / ENV), os.environ)
    except ComposegenError as error:
        return error.message
    return "\n".join(f"{name}={value if name in SHOWN or not value else HIDDEN}" for name, value in found.items())


def _config(said: str) -> tuple[str, frozenset[str]]:
    """What Compose makes of the folder, or why it does not; and what was taken out of it, which other parts may hold as well."""
    hidden: set[str] = set()
    try:
        return json.dumps(masked(json.loads(said), SHOWN, hidden), indent=1, ensure_ascii=False), frozenset(hidden)
    except ValueError:
        return said, frozenset()


def _assigned(directory: Path) -> list[tuple[str, str]]:
    """Each variable of `.env` with its value; of a file that Compose cannot read what stands around a sign of assignment."""
    there = host.text(directory / ENV)
    lines = (line.partition("=") for line in there.splitlines())
    found = [(name.removeprefix("export").strip(), value.strip().strip("'\"")) for name, _, value in lines]
    with suppress(ComposegenError):
        found += dotenv.parse(there, os.environ).items()
    return found


def _secrets(assigned: list[tuple[str, str]]) -> frozenset[str]:
    """Of `.env`, and of what is exported under a name that looks secret."""
    keys = [line.split(None, 2) for name, value in assigned if name == KEYS for line in value.splitlines()]
    called = [(KEYS, words[2]) for words in keys if len(words) > 2]  # a key by its owner
    exported = [(name, value) for name, value in os.environ.items() if dotenv.looks_secret(name) and name not in ("PWD", "OLDPWD")]
    return secret_values([*assigned, *called, *exported], SHOWN)


def _words(directory: Path, assigned: list[tuple[str, str]]) -> Mapping[str, str]:
    """Who uses this machine, where their files are, and what it is called."""
    login = [value for name, value in assigned if name == "SSH_USER"]
    given = (os.environ.get(name, "") for name in ("USER", "LOGNAME", "SUDO_USER", "SSH_USER"))
    machine, home = platform.node(), Path.home()
    return {
        **dict.fromkeys({host.caller(directory).name, *login, *given} - {"root", ""}, PERSON),
        **dict.fromkeys({str(home), str(home.resolve())} - {"/", "/root"}, HOME),
        **dict.fromkeys({machine, machine.partition(".")[0]} - {"localhost", ""}, MACHINE),
    }


# --- What the engine has to say ---------------------------------------------------------------------------------------------


def _engine(site: Site) -> Verdict:
    about = asdict(site.info)
    del about["name"]
    said = {name: ", ".join(value) if isinstance(value, tuple) else value for name, value in about.items()}
    return Verdict("ok", "\n".join(f"{name}: {value}" for name, value in said.items()))


def _compose(site: Site) -> Verdict:
    _ = site.project
    return Verdict("ok", site.engine.config())


def _log(site: Site) -> Verdict:
    _ = site.project
    guard.refuse_foreign(site.engine, site.look)  # another's container is not ours to tell of
    if site.look.container is None:
        raise Unanswered("there is no container")
    return Verdict("ok", site.engine.last_words(LAST_LINES))


PARTS = (Check("docker info", _engine), Check("compose config", _compose), Check("log of the container", _log))
