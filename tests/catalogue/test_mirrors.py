"""The rules of a mirror set are held against a made-up one, the set for China against what its own file says."""

from __future__ import annotations

from dataclasses import fields, replace
from urllib.parse import urlsplit

import pytest
from pydantic import TypeAdapter

from composegen import catalogue, document
from composegen.catalogue import mirrors
from composegen.catalogue.mirrors import Here, Image, Mirror, Place, Registry, mirror
from composegen.errors import UsageError
from composegen.model import Settings

VENDOR = Registry("vendor", {"docker.io": "vendor.example"}, ("docker.io/acme/*",), tags=("1.*",))
PROXY = Registry(
    "proxy",
    {"docker.io": "proxy.example/docker.io", "ghcr.io": "proxy.example/ghcr.io"},
    ("docker.io/library/python", "docker.io/acme/*", "docker.io/secret/*", "ghcr.io/acme/**"),
    missing=("docker.io/secret/*", "proxy.example/docker.io/secret/*"),
)
MADE_UP = Mirror(
    "nowhere",
    (VENDOR, PROXY),
    Here(("*.example",)),
    apt=Place("http://apt.example"),
    pip=Place("https://pip.example/simple"),
    wheels=(Place("https://wheels.example/whl", of="https://framework.example/whl"),),
)
DIGEST = f"@sha256:{'0' * 64}"
CHINA = mirror("cn")


# --- Names -----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name", ["python:3.12", "library/python:3.12", "docker.io/python:3.12", "index.docker.io/library/python:3.12"]
)
def test_every_way_to_write_a_name_of_docker_hub_is_the_same_image(name: str) -> None:
    assert Image.parse(name) == Image("docker.io", "library/python", "3.12", ":3.12")
    assert MADE_UP.image(name) == "proxy.example/docker.io/library/python:3.12"


@pytest.mark.parametrize(
    "name", ["localhost/python", "localhost:5000/python", "10.0.0.1/python", "[::1]:5000/python:1", "Registry/python"]
)
def test_a_name_with_a_registry_is_not_taken_for_one_of_docker_hub(name: str) -> None:
    assert Image.parse(name).registry == name.partition("/")[0]
    assert MADE_UP.image(name) == name
    assert not MADE_UP.carries(name)


@pytest.mark.parametrize("rest", ["", ":3.12", DIGEST, f":3.12{DIGEST}"])
def test_tag_and_digest_are_kept(rest: str) -> None:
    assert MADE_UP.image(f"python{rest}") == f"proxy.example/docker.io/library/python{rest}"


# --- Who carries what ------------------------------------------------------------------------------------------------------


def test_the_vendors_own_registry_comes_first_for_the_tags_that_it_has() -> None:
    assert MADE_UP.image("acme/tool:1.4") == "vendor.example/acme/tool:1.4"
    assert MADE_UP.image("acme/tool:2.0") == "proxy.example/docker.io/acme/tool:2.0"


def test_one_star_is_one_level_and_two_are_any() -> None:
    assert not MADE_UP.carries("docker.io/acme/deep/tool")
    assert MADE_UP.image("ghcr.io/acme/deep/tool:1") == "proxy.example/ghcr.io/acme/deep/tool:1"
    assert not MADE_UP.carries("ghcr.io/acmes/tool")


def test_an_image_that_no_registry_carries_keeps_its_name() -> None:
    assert MADE_UP.image("busybox") == "busybox"
    assert not MADE_UP.carries("busybox")
    assert "base_image" not in MADE_UP.settings("busybox")


@pytest.mark.parametrize("name", ["secret/tool:1", "proxy.example/docker.io/secret/tool:1"])
def test_what_a_registry_is_known_to_lack_is_never_sought_there(name: str) -> None:
    assert MADE_UP.image(name) == name
    assert not MADE_UP.carries(name)


def test_a_name_that_points_to_the_region_already_is_left_alone() -> None:
    assert MADE_UP.image("other.example/acme/tool:1.4") == "other.example/acme/tool:1.4"
    assert MADE_UP.carries("other.example/acme/tool:1.4")
    assert "base_image" not in MADE_UP.settings("other.example/acme/tool:1.4")


# --- What goes into .env ---------------------------------------------------------------------------------------------------


def test_the_settings_are_fields_of_an_env_file() -> None:
    settings = MADE_UP.settings("python:3.12")
    assert settings == {
        "base_image": "proxy.example/docker.io/library/python:3.12",
        "apt_mirror": "http://apt.example",
        "pip_index_url": "https://pip.example/simple",
    }
    assert settings.keys() <= {each.name for each in fields(Settings)}


def test_a_frameworks_own_index_has_its_counterpart() -> None:
    assert MADE_UP.index("https://framework.example/whl/cpu") == "https://wheels.example/whl/cpu"
    assert MADE_UP.index("https://framework.example/whl") == "https://wheels.example/whl"
    assert MADE_UP.index("https://framework.example/whls/cpu") == "https://framework.example/whls/cpu"


def test_an_unknown_set_names_those_there_are() -> None:
    with pytest.raises(UsageError) as refused:
        mirror("china")
    assert refused.value.message == "no mirror named 'china'"
    assert refused.value.hint == "known: cn."


# --- The set for China -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", mirrors.names())
def test_every_set_passes_the_strict_reading_and_means_the_same(name: str) -> None:
    loaded = document.load(mirrors.FILE.read_text(encoding="utf-8"), name=mirrors.FILE.name)
    assert TypeAdapter(Mirror).validate_python(loaded[name]) == mirror(name)


@pytest.mark.parametrize("name", mirrors.names())
def test_every_line_has_its_source(name: str) -> None:
    found = mirror(name)
    lines: list[Registry | Here | Place] = [*found.registries, *found.wheels, found.here, found.apt, found.pip]
    assert all(line.source for line in lines)


@pytest.mark.parametrize("name", mirrors.names())
def test_every_pattern_belongs_to_a_registry_that_has_a_prefix(name: str) -> None:
    for registry in mirror(name).registries:
        assert {pattern.partition("/")[0] for pattern in registry.images} == registry.prefixes.keys()


@pytest.mark.parametrize("name", mirrors.names())
def test_a_name_is_rewritten_once(name: str) -> None:
    found = mirror(name)
    for image in ("mindspore/mindspore-cpu:1.8.1", "paddlepaddle/paddle:3.0.0", "python:3.12", "nvcr.io/nvidia/pytorch:26.06-py3"):
        rewritten = found.image(image)
        assert rewritten != image
        assert found.image(rewritten) == rewritten
        assert found.carries(rewritten)


def test_mindspore_comes_from_its_own_registry_and_never_from_daocloud() -> None:
    image = "mindspore/mindspore-gpu-cuda11.6:2.0.0-alpha"
    vendor, others = CHINA.registries[0], CHINA.registries[1:]
    assert CHINA.image(image) == f"{vendor.prefixes['docker.io']}/{image}"
    assert replace(CHINA, registries=others).image(image) == image

    daocloud = others[-1]
    assert daocloud.name == "DaoCloud"
    assert not CHINA.carries(f"{daocloud.prefixes['docker.io']}/{image}")


def test_paddle_comes_from_the_registry_of_its_time() -> None:
    until_2, from_3 = (each.prefixes["docker.io"] for each in CHINA.registries if "Paddle" in each.name)
    for tag in ("2.6.2", "2.6.2-gpu-cuda12.0-cudnn8.9-trt8.6", "3.0.0b2"):
        assert CHINA.image(f"paddlepaddle/paddle:{tag}") == f"{until_2}/paddlepaddle/paddle:{tag}"
    for tag in ("3.0.0", "3.3.1-gpu-cuda12.9-cudnn9.9", "latest-dev"):
        assert CHINA.image(f"paddlepaddle/paddle:{tag}") == f"{from_3}/paddlepaddle/paddle:{tag}"


def test_china_has_every_image_of_the_catalogue() -> None:
    images = {variant.image for name in catalogue.names() for variant in catalogue.stack(name).variants}
    assert [image for image in sorted(images) if not CHINA.carries(image)] == []


def test_apt_gets_plain_http_and_no_path() -> None:
    """Bare images have no CA certificates, and the Dockerfile puts debian or ubuntu behind it."""
    parts = urlsplit(CHINA.apt.url)
    assert (parts.scheme, parts.path) == ("http", "")
