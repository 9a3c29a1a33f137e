from __future__ import annotations

from importlib.resources import files

import pytest

from composegen import catalogue
from composegen.errors import CatalogueError, UsageError


@pytest.mark.parametrize("name", catalogue.names())
def test_every_stack_is_complete(name: str) -> None:
    stack = catalogue.stack(name)
    assert stack.name == name
    assert len([variant for variant in stack.variants if variant.default]) == 1
    for variant in stack.variants:
        assert variant.source and ":" in variant.image
        assert variant.check or not variant.framework, "a framework without a check cannot be tested"
        assert not variant.needs_gpu or (variant.cuda and variant.minimum_driver)


@pytest.mark.parametrize("name", catalogue.names())
def test_every_file_of_our_own_passes_the_strict_reading_and_means_the_same(name: str) -> None:
    text = (files("composegen.catalogue") / f"{name}.yaml").read_text(encoding="utf-8")
    assert catalogue.parse(text, file=name) == catalogue.stack(name)


def test_mindspore_is_the_image_of_the_article_and_the_wheel_for_cpu() -> None:
    stack = catalogue.stack("mindspore")
    assert stack.variant().image == "mindspore/mindspore-gpu-cuda11.6:2.0.0-alpha"
    cpu = stack.variant("cpu")
    assert (cpu.image, cpu.apt, cpu.pip) == ("python:3.11-slim-bookworm", ("libgomp1",), ("mindspore==2.10.0",))


def test_an_unknown_stack_or_device_names_the_nearest() -> None:
    with pytest.raises(UsageError) as caught:
        catalogue.stack("mindspre")
    assert caught.value.hint and "did you mean 'mindspore'?" in caught.value.hint
    with pytest.raises(UsageError) as caught:
        catalogue.stack("python").variant("gpu")
    assert caught.value.hint == "it has: cpu"


def test_every_problem_of_a_catalogue_file_is_told_at_once_with_its_place() -> None:
    text = "name: x\ntitle: y\nvariants:\n  - {device: toaster, image: 3, colour: red}\n  - {image: a:b}\n"
    with pytest.raises(CatalogueError) as caught:
        catalogue.parse(text, file="x.yaml")
    said = caught.value.message.splitlines()
    for place in ("variants.0.device", "variants.0.image", "variants.0.colour", "variants.1.device"):
        assert any(line.startswith(f"x.yaml: {place}: ") for line in said), f"{place} is missing in {said}"
