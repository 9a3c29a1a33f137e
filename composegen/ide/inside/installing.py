"""`composegen ide install` for a backend: from what a user asked for to what is there, refused before anything is changed."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from composegen.ide.inside import backend
from composegen.ide.inside.backend import Backend
from composegen.ide.inside.container import Home, refuse_closed, refuse_lack_of_space, refuse_other_libc, survey
from composegen.ide.products import Product
from composegen.ide.vendor import obtain
from composegen.ide.vendor.archive import look_into, refuse_other
from composegen.ide.vendor.obtain import Stages, Wanted, silent
from composegen.ssh import Session

INSTALLED, THERE, WOULD = "installed", "already there", "not installed"


@dataclass(frozen=True)
class Outcome:
    """What became of an installation."""

    product: Product
    state: str  # INSTALLED, THERE or WOULD
    version: str
    build: str
    path: str  # in the container
    source: str  # a URL, or a file of this machine
    size: int | None  # bytes in the container; None: not known before it is downloaded
    verified_by: str = ""  # what its SHA-256 was compared with; empty: nothing, or it was not looked at
    kept: bool = True  # a new container finds it again
    others: tuple[Backend, ...] = ()  # other builds of it, which stay

    def to_json(self) -> dict[str, Any]:
        own = {name: value for name, value in vars(self).items() if name not in ("product", "others")}
        others = [other.to_json() for other in self.others]
        return {"name": self.product.name, "title": self.product.title, **own, "others": others}


def install(session: Session, product: Product, wanted: Wanted, *, stages: Stages = silent, dry_run: bool = False) -> Outcome:
    """Put a backend into the login user's home, registered for Gateway; one of that build that is there already is only registered.

    `dry_run` downloads and changes nothing, and refuses what can be known to be refused.
    Raises ComposegenError: it cannot be had, is not what it should be, or does not fit in there. SshError.
    """
    home = survey(session, backend.FOLDER)
    refuse_closed(home, backend.FOLDER)
    refuse_other_libc(home, product.title)
    there = _There(session, product, home, backend.chosen(backend.installed(session), product), dry_run=dry_run)
    source = obtain.source(wanted, product, home.machine)
    if source:
        if same := there.of_build(source.build):
            return there.registered(same, source.url)
        refuse_lack_of_space(home, source.size or 0, f"{product.title} {source.version}")
        if dry_run:
            return there.outcome(WOULD, source.version, source.build, source.url)
    got = obtain.obtain(wanted, source, stages)
    archive = look_into(got.path, stages(obtain.READING))
    refuse_other(archive, product, home.machine)
    if same := there.of_build(archive.build):
        return there.registered(same, str(got.path))
    what = f"{product.title} {archive.version}"
    refuse_other_libc(home, what, archive.glibc)
    refuse_lack_of_space(home, archive.size, what)
    if not dry_run:
        name = backend.folder_name(product, archive.build)
        backend.install(session, got.path, name, stages(obtain.UNPACKING))
        backend.register(session, name)
    found = there.outcome(WOULD if dry_run else INSTALLED, archive.version, archive.build, str(got.path))
    return replace(found, size=archive.size, verified_by=got.verified_by)


@dataclass(frozen=True)
class _There:
    """What is there before."""

    session: Session
    product: Product
    home: Home
    backends: tuple[Backend, ...]
    dry_run: bool

    def of_build(self, build: str) -> Backend | None:
        return next((each for each in self.backends if build and each.build == build and each.ours), None)

    def outcome(self, state: str, version: str, build: str, source: str) -> Outcome:
        path = f"{self.home.path}/backends/{backend.folder_name(self.product, build or '…')}"
        others = tuple(each for each in self.backends if each.build != build and each.ours)
        return Outcome(self.product, state, version, build, path, source, None, "", self.home.kept, others)

    def registered(self, found: Backend, source: str) -> Outcome:
        if not self.dry_run:
            backend.register(self.session, backend.folder_name(self.product, found.build))
        return replace(self.outcome(THERE, found.version, found.build, source), size=found.size)
