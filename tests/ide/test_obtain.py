"""Where an archive comes from, and what it was verified with."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from composegen.errors import ComposegenError, UsageError
from composegen.ide import products
from composegen.ide.vendor.obtain import Obtained, Wanted, obtain, source
from tests.support import archives
from tests.support.feed import HTML, Site

PYCHARM = products.named("pycharm")
WRONG = "0" * 64


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    return archives.ide(tmp_path / "pycharm-2024.3.1.tar.gz")


def got(wanted: Wanted) -> Obtained:
    return obtain(wanted, source(wanted, PYCHARM, "x86_64"))


def test_from_the_feed_it_is_verified_with_the_feeds_checksum_and_kept(site: Site, archive: Path, tmp_path: Path) -> None:
    site.release("PCP", archive, version="2024.3.1", build="243.22562.220", how="redirect")
    found = got(Wanted())
    assert found.verified_by == f"{site.url}/ok/{archive.name}.sha256"
    assert found.path == tmp_path / "cache/composegen/downloads" / archive.name and found.path.read_bytes() == archive.read_bytes()
    site.asked.clear()
    assert got(Wanted()) == found
    assert not [path for path, _ in site.asked if path.endswith(".gz")], "it is not downloaded again"


def test_another_file_of_that_name_that_was_kept_is_replaced(site: Site, archive: Path, tmp_path: Path) -> None:
    place = tmp_path / "cache/composegen/downloads" / archive.name
    place.parent.mkdir(parents=True)
    place.write_bytes(archive.read_bytes()[::-1])
    site.release("PCP", archive, version="2024.3.1", build="243.22562.220")
    assert got(Wanted()).path.read_bytes() == archive.read_bytes()


def test_a_wrong_checksum_is_refused_and_the_file_is_gone(site: Site, archive: Path, tmp_path: Path) -> None:
    site.release("PCP", archive, version="2024.3.1", build="243.22562.220", checksum=WRONG)
    with pytest.raises(ComposegenError, match=f"has SHA-256 .*, and {site.url}/.*sha256 says {WRONG}"):
        got(Wanted())
    assert not list((tmp_path / "cache/composegen/downloads").glob("*.gz*"))


def test_another_size_than_the_feeds_is_refused(site: Site, archive: Path) -> None:
    site.release("PCP", archive, version="2024.3.1", build="243.22562.220")
    site.files[archive.name] += b"more"
    with pytest.raises(ComposegenError, match="and the feed says"):
        got(Wanted())


def test_from_a_url_it_is_verified_with_what_lies_beside_it_or_not_at_all(site: Site, archive: Path) -> None:
    url = site.offer(archive.read_bytes(), archive.name)
    assert got(Wanted(archive=url)).verified_by == f"{url}.sha256"
    del site.files[f"{archive.name}.sha256"]
    assert got(Wanted(archive=url)).verified_by == ""
    assert got(Wanted(archive=url, sha256=hashlib.sha256(archive.read_bytes()).hexdigest().upper())).verified_by == "--sha256"
    with pytest.raises(ComposegenError, match="--sha256 says"):
        got(Wanted(archive=url, sha256=WRONG))


def test_a_checksum_beside_a_url_is_found_past_its_query_and_not_silently_left_out(site: Site, archive: Path) -> None:
    url = site.offer(archive.read_bytes(), archive.name)
    assert got(Wanted(archive=f"{url}?token=a/b")).verified_by == f"{url}.sha256?token=a/b"
    site.files[f"{archive.name}.sha256"] = f"{WRONG}  a\n{WRONG}  b\n".encode()
    with pytest.raises(ComposegenError, match=f"has no SHA-256 of {archive.name}"):
        got(Wanted(archive=url))
    site.files[f"{archive.name}.sha256"] = HTML
    assert got(Wanted(archive=url)).verified_by == ""


def test_a_server_that_cannot_say_its_checksum_now_is_no_server_without_one(site: Site, archive: Path) -> None:
    url = site.offer(archive.read_bytes(), archive.name)
    site.unwell = {f"{archive.name}.sha256"}
    with pytest.raises(ComposegenError, match="sha256 answers 503"):
        got(Wanted(archive=url))


def test_a_url_is_one_in_capitals_too(site: Site, archive: Path) -> None:
    url = site.offer(archive.read_bytes(), archive.name)
    assert got(Wanted(archive=url.replace("http", "HTTP"))).verified_by == f"{url}.sha256"


def test_from_a_file_it_is_verified_with_what_lies_beside_it_or_not_at_all(archive: Path) -> None:
    assert got(Wanted(archive=str(archive))).verified_by == ""
    beside = archive.with_name(f"{archive.name}.sha256")
    beside.write_text(f"{hashlib.sha256(archive.read_bytes()).hexdigest()} *{archive.name}\n")
    assert got(Wanted(archive=str(archive))) == Obtained(archive, hashlib.sha256(archive.read_bytes()).hexdigest(), beside.name)
    beside.write_text(f"{WRONG} *{archive.name}\n")
    with pytest.raises(ComposegenError, match=r"pycharm-2024.3.1.tar.gz.sha256 says 0000"):
        got(Wanted(archive=str(archive)))
    assert archive.exists(), "a user's own file stays"


@pytest.mark.parametrize(
    ("wanted", "said"),
    [
        ({"archive": "x", "build": "1"}, "--build chooses from the feed"),
        ({"sha256": "abc"}, "not 64 hexadecimal digits"),
        ({"archive": "/no/such.tar.gz"}, "there is no file /no/such.tar.gz"),
        ({"archive": "https://x/"}, "does not end with the name of a file"),
    ],
)
def test_what_cannot_be_meant_is_said(wanted: dict[str, str], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        got(Wanted(**wanted))
