"""Files: over SFTP, and through the code volume in both directions."""

from __future__ import annotations

import contextlib
import os
import re
import secrets
import shlex
from collections.abc import Iterator
from pathlib import Path

from composegen.model import CODE_TARGET
from composegen.smoke.probe import Fail, Found, Skip, Visit

SFTP_BYTES = 64 * 1024


def sftp(visit: Visit) -> Found:
    """Upload, download, compare, remove."""
    path, content = f"/tmp/.composegen-{secrets.token_hex(8)}", secrets.token_bytes(SFTP_BYTES)
    visit.session.write_file(path, content)
    try:
        if visit.session.read_file(path) != content:
            raise Fail("a file uploaded over SFTP comes back changed")
    finally:
        visit.session.remove_file(path)
    return Found(f"{SFTP_BYTES // 1024} KiB there and back")


def code_read(visit: Visit) -> Found:
    """A file written on the host is in the container, with the same content and owner."""
    directory, name, content = _code(visit), f".composegen-{secrets.token_hex(8)}", secrets.token_hex(16)
    with _host_file(directory / name, content) as owner:
        there = shlex.quote(f"{CODE_TARGET}/{name}")
        result = visit.shell(f"cat {there} && echo && stat -c %u:%g {there}")
    if not (seen := re.fullmatch(r"(.*)\n(\d+:\d+)\n", result.stdout)):
        hint = _NOT_LET_IN if "Permission denied" in result.output else _OTHER_FOLDER
        raise Fail(f"a file in {directory} is not in the container's {CODE_TARGET}: {result.output.strip()}", hint=hint)
    seen_content, seen_owner = seen.groups()
    if seen_content != content:
        raise Fail(f"a file in {directory} has other content in the container", hint=_OTHER_FOLDER)
    if seen_owner != owner:
        raise Fail(f"a file of {owner} on the host belongs to {seen_owner} in the container", hint=_MAPPED)
    return Found(f"{directory} is {CODE_TARGET}; owner {owner} on both sides", {"owner": owner})


def code_write(visit: Visit) -> Found:
    """A file written in the container is on the host, with the same content, and belongs to the caller there."""
    directory, name, content = _code(visit), f".composegen-{secrets.token_hex(8)}", secrets.token_hex(16)
    there = shlex.quote(f"{CODE_TARGET}/{name}")
    try:
        (owner,) = visit.ask(f"umask 022; printf %s {content} >{there} && stat -c %u:%g {there}", r"(\d+:\d+)\n")
        seen_content, seen_owner = _read_on_host(directory / name)
    finally:
        visit.shell(f"rm -f {there}")
    if seen_content != content:
        raise Fail(f"a file in the container's {CODE_TARGET} has other content in {directory}", hint=_OTHER_FOLDER)
    if seen_owner != owner:
        raise Fail(f"a file of {owner} in the container belongs to {seen_owner} on the host", hint=_MAPPED)
    if owner.split(":")[0] != str(visit.target.login_uid):
        raise Fail(f"a file written in the container belongs to {owner}, not to uid {visit.target.login_uid}", hint=_SQUASHED)
    return Found(f"{CODE_TARGET} is {directory}; owner {owner} on both sides", {"owner": owner})


_OTHER_FOLDER = "the container may have been started with another CODE_DIR: re-create it"
_NOT_LET_IN = "`composegen logs` says who is let into it; USER_UID and USER_GID in .env are to be its owner's"
_MAPPED = "the engine maps user ids (rootless or userns-remap), or a network file system does"
_SQUASHED = "USER_UID in .env, or a network file system that maps user ids (root_squash)"


def _code(visit: Visit) -> Path:
    if visit.target.code_dir is None:
        raise Skip("the code folder is not on this machine")
    if not visit.target.code_dir.is_dir():
        raise Fail(f"{visit.target.code_dir} is not a folder on this machine", hint="CODE_DIR in .env")
    return visit.target.code_dir


@contextlib.contextmanager
def _host_file(path: Path, content: str) -> Iterator[str]:
    """A file on the host for as long as the block runs; yields its owner as `uid:gid`."""
    try:
        with path.open("x", encoding="ascii") as file:
            file.write(content)
            owner = _owner(os.fstat(file.fileno()))
        yield owner
    except OSError as error:
        raise Fail(
            f"cannot write into {path.parent}: {error.strerror}", hint="who owns it, and is the disk full or read-only?"
        ) from None
    finally:
        path.unlink(missing_ok=True)


def _read_on_host(path: Path) -> tuple[str, str]:
    try:
        with path.open(encoding="utf-8", errors="replace") as file:
            return file.read(), _owner(os.fstat(file.fileno()))
    except OSError as error:
        raise Fail(
            f"a file in the container's {CODE_TARGET} is not in {path.parent}: {error.strerror}", hint=_OTHER_FOLDER
        ) from None


def _owner(status: os.stat_result) -> str:
    return f"{status.st_uid}:{status.st_gid}"
