"""Which IDEs there are, and what a feed says of them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from composegen.errors import ComposegenError, UsageError
from composegen.ide import products
from composegen.ide.products import PRODUCTS
from composegen.ide.vendor import feed
from tests.support.feed import release, serving

PYCHARM = products.named("pycharm")
RELEASES = [
    release(
        "2024.3.1",
        "243.22562.220",
        {
            "linux": {
                "link": "https://x/pycharm-2024.3.1.tar.gz",
                "size": 12,
                "checksumLink": "https://x/pycharm-2024.3.1.tar.gz.sha256",
            },
            "linuxARM64": {"link": "https://x/pycharm-2024.3.1-aarch64.tar.gz", "size": 13},
            "windows": {"link": "https://x/pycharm-2024.3.1.exe", "size": 14},
        },
    ),
    release("2022.1", "221.5080.212", {"linux": {"link": "https://x/pycharm-2022.1.tar.gz"}}),
]


def test_names_and_codes_are_each_one_products_own() -> None:
    names = [product.name for product in PRODUCTS]
    codes = [code for product in PRODUCTS for code in product.codes]
    assert len(set(names)) == len(names) and len(set(codes)) == len(codes)
    assert products.of_code("PY") == PYCHARM and products.of_code("PC") is None


def test_an_unknown_name_gets_the_nearest() -> None:
    with pytest.raises(UsageError) as refused:
        products.named("pycharn")
    assert "did you mean 'pycharm'?" in str(refused.value.hint)


@pytest.mark.parametrize(
    ("architecture", "build", "url"),
    [
        ("x86_64", "", "https://x/pycharm-2024.3.1.tar.gz"),
        ("aarch64", "", "https://x/pycharm-2024.3.1-aarch64.tar.gz"),
        ("x86_64", "221.5080.212", "https://x/pycharm-2022.1.tar.gz"),
        ("x86_64", "2022.1", "https://x/pycharm-2022.1.tar.gz"),
    ],
)
def test_a_release_is_chosen_by_architecture_and_by_build_or_version(architecture: str, build: str, url: str) -> None:
    assert feed.chosen(RELEASES, PYCHARM, architecture, build).url == url


def test_what_the_feed_does_not_say_stays_unknown() -> None:
    first, old = (feed.chosen(RELEASES, PYCHARM, "x86_64", build) for build in ("", "2022.1"))
    assert (first.version, first.build, first.size) == ("2024.3.1", "243.22562.220", 12)
    assert first.checksum_url == "https://x/pycharm-2024.3.1.tar.gz.sha256"
    assert (old.checksum_url, old.size) == ("", None)


@pytest.mark.parametrize(
    ("found", "architecture", "build", "said", "hint"),
    [
        (RELEASES, "riscv64", "", "not made for riscv64", "x86_64 and aarch64"),
        (RELEASES, "x86_64", "999.1", "no build 999.1", "2024.3.1 (243.22562.220), 2022.1 (221.5080.212)"),
        (RELEASES, "aarch64", "2022.1", "no archive of build 2022.1 of PyCharm for aarch64", "--build"),
        ([], "x86_64", "", "no release of PyCharm", "--archive"),
    ],
)
def test_what_is_not_there_is_said(found: list[dict[str, Any]], architecture: str, build: str, said: str, hint: str) -> None:
    with pytest.raises(ComposegenError) as refused:
        feed.chosen(found, PYCHARM, architecture, build)
    assert said in refused.value.message and hint in str(refused.value.hint)


@pytest.mark.parametrize(
    "answer",
    [
        b"<!doctype html>",
        b"",
        b"[]",
        b"null",
        b'{"PCP": null}',
        b'{"IIU": []}',
        b'{"PCP": [{"version": "1"}]}',
        b'{"PCP": [7]}',
        b"\xff{",
    ],
)
def test_an_answer_that_is_no_feed_is_one_sentence(answer: bytes) -> None:
    with pytest.raises(ComposegenError) as refused:
        feed.releases(answer, PYCHARM)
    assert "is no release feed" in refused.value.message and feed.VARIABLE in str(refused.value.hint)


def test_the_feed_is_asked_over_http_for_the_latest_or_for_all() -> None:
    with serving() as site:
        site.feeds["PCP"] = RELEASES
        assert feed.release(PYCHARM, "x86_64", environ=site.environment).build == "243.22562.220"
        assert feed.release(PYCHARM, "x86_64", build="2022.1", environ=site.environment).build == "221.5080.212"
        site.feeds["PCP"] = json.dumps({"error": "moved"}).encode()
        with pytest.raises(ComposegenError, match="is no release feed"):
            feed.release(PYCHARM, "x86_64", environ=site.environment)
    with pytest.raises(ComposegenError, match="cannot be reached: Connection refused") as refused:
        feed.release(PYCHARM, "x86_64", environ=site.environment)
    assert "--archive" in str(refused.value.hint)
