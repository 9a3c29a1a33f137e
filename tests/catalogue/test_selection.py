"""Which variant is meant, and what is said where there is none."""

from __future__ import annotations

import pytest

from composegen import catalogue
from composegen.errors import UsageError
from composegen.model import Choices
from composegen.model.ides import NEWEST_NEED, working
from composegen.model.selection import difference, on_newer_system, version_key


@pytest.mark.parametrize(
    ("stack", "asked", "image"),
    [
        ("mindspore", {}, "mindspore/mindspore-gpu-cuda11.6:2.0.0-alpha"),
        ("mindspore", {"cuda": "10.1", "version": "1.8"}, "mindspore/mindspore-gpu-cuda10.1:1.8.1"),
        ("mindspore", {"version": "2.0.0"}, "mindspore/mindspore-gpu-cuda11.6:2.0.0"),
        ("mindspore", {"version": "latest"}, "mindspore/mindspore-gpu-cuda11.6:2.2.14"),
        ("pytorch", {"version": "2.6", "cuda": "12.4"}, "pytorch/pytorch:2.6.0-cuda12.4-cudnn9-runtime"),
        ("pytorch", {"version": "2.6", "cuda": "12.4", "flavour": "devel"}, "pytorch/pytorch:2.6.0-cuda12.4-cudnn9-devel"),
        ("python", {"version": "3.14"}, "python:3.14-slim-bookworm"),
    ],
)
def test_what_is_asked_is_found(stack: str, asked: dict[str, str], image: str) -> None:
    assert catalogue.stack(stack).variant(**asked).image == image


@pytest.mark.parametrize(
    ("stack", "asked", "message", "hint"),
    [
        ("pytorch", {"version": "2.6", "cuda": "9.2"}, "stack 'pytorch' 2.6 has no CUDA 9.2", "it has: 11.8, 12.4, 12.6"),
        ("python", {"device": "gpu"}, "stack 'python' has no device 'gpu'", "it has: cpu"),
        ("python", {"cuda": "12.4"}, "stack 'python' has no CUDA 12.4", "leave out --cuda"),
        ("mindspore", {"device": "gpu", "version": "2.3.0"}, "has no version 2.3.0", "2.2.14"),
    ],
)
def test_what_there_is_not_is_refused_with_the_nearest(stack: str, asked: dict[str, str], message: str, hint: str) -> None:
    with pytest.raises(UsageError) as caught:
        catalogue.stack(stack).variant(**asked)
    assert message in caught.value.message and caught.value.hint and hint in caught.value.hint


def test_versions_are_in_order() -> None:
    order = ["1.9.0", "1.10.0", "1.10.1", "2.0.0-alpha", "2.0.0rc1", "2.0.0", "2.0.1", "2.10.0"]
    assert sorted(sorted(order), key=version_key) == order


@pytest.mark.parametrize("name", catalogue.names())
def test_every_variant_is_found_by_what_a_folder_records_of_it(name: str) -> None:
    stack = catalogue.stack(name)
    for variant in stack.variants:
        recorded = Choices(name, variant.device, variant.version, variant.cuda, variant.flavour)
        assert stack.variant_of(recorded) is variant


@pytest.mark.parametrize("name", catalogue.names())
def test_a_version_that_no_device_has_is_refused_with_the_newest_of_each(name: str) -> None:
    stack = catalogue.stack(name)
    newest = {
        device: max((variant.version for variant in stack.variants if variant.device == device), key=version_key)
        for device in stack.devices
    }
    with pytest.raises(UsageError) as caught:
        stack.variant(version="9999")
    has = (caught.value.hint or "").removeprefix("it has: ").split("; ")
    assert len(", ".join(has).split(", ")) <= 12
    if len(has) == 1:
        assert all(version in has[0].split(", ") for version in newest.values()), "devices that do not differ are not named"
    else:
        told = {device: versions.split(", ") for device, versions in (each.split(" ", 1) for each in has)}
        assert {device: versions[-1] for device, versions in told.items()} == newest


def test_what_only_one_device_has_is_named_without_it() -> None:
    with pytest.raises(UsageError) as caught:
        catalogue.stack("mindspore").variant(cuda="9.9")
    assert caught.value.hint == "it has: 10.1, 11.1, 11.6"


@pytest.mark.parametrize(
    ("stack", "asked", "words"),
    [
        ("mindspore", {}, "--version 2.2.14 --flavour wheel"),
        ("mindspore", {"version": "2.2.14"}, "--flavour wheel"),
        ("mindspore", {"version": "1.8.1", "cuda": "10.1"}, "--version 2.2.14 --cuda 11.6 --flavour wheel"),
        ("mindspore", {"device": "cpu", "flavour": "image", "version": "2.2.13"}, "--version 2.7.0"),
        ("cuda", {"flavour": "ubuntu18.04", "version": "11.6.2"}, "--flavour ubuntu20.04"),
        ("cuda", {"flavour": "ubuntu18.04", "version": "12.0.0"}, "--flavour ubuntu22.04"),
    ],
)
def test_what_is_on_a_newer_system_differs_least(stack: str, asked: dict[str, str], words: str) -> None:
    found = catalogue.stack(stack)
    variant = found.variant(**asked)
    newer = on_newer_system(found, variant, NEWEST_NEED)
    assert newer is not None and " ".join(difference(variant, newer)) == words


def test_where_nothing_is_on_a_newer_system_nothing_is_named() -> None:
    found = catalogue.stack("python")
    assert on_newer_system(found, found.variant(), "99.0") is None


def test_a_variant_that_has_what_is_asked_stays() -> None:
    for variant in catalogue.stack("pytorch").variants:
        assert on_newer_system(catalogue.stack("pytorch"), variant, NEWEST_NEED) == variant


def test_the_catalogue_names_limits_of_exactly_the_systems_that_lack_what_ides_need() -> None:
    """The words of facts/systems.yaml against the data of model/ides.py."""
    for contract in {variant.contract for stack in catalogue.stacks() for variant in stack.variants}:
        newest = working("glibc", contract.glibc, "3.4.25")
        older = [ide for ide, each in newest.items() if each is None or each.versions]
        assert bool(older) is bool(contract.ide), contract.os
        vscode = newest["VS Code"]
        assert vscode is not None and all(word in contract.ide[0] for word in vscode.versions.split()[:1] if contract.ide)
