"""Where images and packages come from where the usual places are slow: the mirror sets of `facts/mirrors.yaml`.

Nothing is asked over the network. What a mirror carries is what its own list or the vendor's documentation said, each line of the
file with its source.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path
from typing import Any

from composegen import document
from composegen.errors import UsageError
from composegen.model.stack import STRICT, Confidence

FILE = Path(__file__).parent / "facts" / "mirrors.yaml"


@dataclass(frozen=True)
class Image:
    """An image's name in full, as Docker understands it: `python:3.12` is `docker.io/library/python:3.12`.

    Docker's rules: https://github.com/distribution/reference/blob/main/normalize.go
    """

    registry: str
    repository: str
    tag: str = ""
    rest: str = ""  # tag and digest as they were written, with their `:` and `@`

    @classmethod
    def parse(cls, name: str) -> Image:
        path = name.partition("@")[0]
        head, slash, tail = path.rpartition("/")
        last, _, tag = tail.partition(":")
        path = head + slash + last
        first, slash, below = path.partition("/")
        if not slash or not (set(first) & set(".:") or first == "localhost" or first != first.lower()):
            first, below = "docker.io", path
        elif first == "index.docker.io":
            first = "docker.io"
        if first == "docker.io" and "/" not in below:
            below = f"library/{below}"
        return cls(first, below, tag, name[len(path) :])

    @property
    def path(self) -> str:
        """Registry and repository."""
        return f"{self.registry}/{self.repository}"


@dataclass(frozen=True)
class Registry:
    """A registry of a mirror set."""

    __pydantic_config__ = STRICT

    name: str
    prefixes: Mapping[str, str]  # original registry → what takes its place in a name
    images: tuple[str, ...]  # patterns of what it carries
    tags: tuple[str, ...] = ()  # and of which tags; empty: all
    missing: tuple[str, ...] = ()  # patterns of what it does not carry, whatever the others say
    confidence: Confidence = "low"
    source: str = ""

    def carries(self, image: Image) -> bool:
        return (
            image.registry in self.prefixes
            and any(_matches(image.path, pattern) for pattern in self.images)
            and not self.lacks(image)
            and (not self.tags or any(fnmatchcase(image.tag, pattern) for pattern in self.tags))
        )

    def lacks(self, image: Image) -> bool:
        """It is known not to have that image."""
        return any(_matches(image.path, pattern) for pattern in self.missing)

    def rename(self, image: Image) -> str:
        return f"{self.prefixes[image.registry]}/{image.repository}{image.rest}"


@dataclass(frozen=True)
class Here:
    """Registries of the region itself, as patterns of their hosts."""

    __pydantic_config__ = STRICT

    hosts: tuple[str, ...]
    confidence: Confidence = "low"
    source: str = ""


@dataclass(frozen=True)
class Place:
    """An address that packages come from. `of` is the address whose content it has; empty: the usual one's."""

    __pydantic_config__ = STRICT

    url: str
    of: str = ""
    confidence: Confidence = "low"
    source: str = ""


@dataclass(frozen=True)
class Mirror:
    """A mirror set: what to use in one region instead of the usual registries and package indices."""

    __pydantic_config__ = STRICT

    title: str
    registries: tuple[Registry, ...]  # the first that carries an image is taken
    here: Here
    apt: Place
    pip: Place
    wheels: tuple[Place, ...] = ()

    def registry(self, name: str) -> Registry | None:
        """The first registry of the set that carries the image."""
        image = Image.parse(name)
        return next((registry for registry in self.registries if registry.carries(image)), None)

    def image(self, name: str) -> str:
        """The image's name in that registry, tag and digest kept; else `name` as it is."""
        registry = self.registry(name)
        return registry.rename(Image.parse(name)) if registry else name

    def image_anywhere(self, name: str) -> frozenset[str]:
        """The image's name in every registry of the set, whether or not it carries the image today."""
        image = Image.parse(name)
        return frozenset(registry.rename(image) for registry in self.registries if image.registry in registry.prefixes)

    def carries(self, name: str) -> bool:
        """Whether the set has a place in the region for that image, or the name points to one already."""
        image = Image.parse(name)
        if any(registry.carries(image) for registry in self.registries):
            return True
        at_home = any(fnmatchcase(image.registry, host) for host in self.here.hosts)
        return at_home and not any(registry.lacks(image) for registry in self.registries)

    def wheels_of(self, url: str) -> Place | None:
        """Where the set has what a framework's own package index has."""
        return next((place for place in self.wheels if url == place.of or url.startswith(f"{place.of}/")), None)

    def index(self, url: str) -> str:
        """The set's counterpart of a framework's own package index, or `url` as it is: …/whl/cpu becomes the mirror's …/whl/cpu."""
        place = self.wheels_of(url)
        return place.url + url.removeprefix(place.of) if place else url

    def settings(self, image: str) -> dict[str, str]:
        """What goes into `.env`, as fields of `model.Settings`. Without base_image where no registry of the set carries `image`."""
        renamed = self.image(image)
        base = {"base_image": renamed} if renamed != image else {}
        return {**base, "pip_index_url": self.pip.url, "apt_mirror": self.apt.url}


def _matches(path: str, pattern: str) -> bool:
    """DaoCloud's patterns: `*` is one level of a path, `**` any depth."""
    parts = {"*": "[^/]+", "**": ".+"}
    return re.fullmatch("".join(parts.get(part) or re.escape(part) for part in re.split(r"(\*+)", pattern)), path) is not None


def names() -> tuple[str, ...]:
    """Every mirror set's name."""
    return tuple(_loaded())


@cache
def mirror(name: str) -> Mirror:
    """The mirror set of that name. Raises UsageError: there is none."""
    if name not in names():
        raise UsageError.unknown("mirror", name, names())
    return _trusted(_loaded()[name])


@cache
def _loaded() -> dict[str, dict[str, Any]]:
    loaded: dict[str, dict[str, Any]] = document.load(FILE.read_text(encoding="utf-8"), name=FILE.name)
    return loaded


def _trusted(given: dict[str, Any]) -> Mirror:
    """A set of our own file, which the tests hold against a strict reading."""
    return Mirror(
        title=given["title"],
        registries=tuple(Registry(**_tuples(each)) for each in given["registries"]),
        here=Here(**_tuples(given["here"])),
        apt=Place(**given["apt"]),
        pip=Place(**given["pip"]),
        wheels=tuple(Place(**each) for each in given["wheels"]),
    )


def _tuples(given: dict[str, Any]) -> dict[str, Any]:
    return {name: tuple(value) if isinstance(value, list) else value for name, value in given.items()}
