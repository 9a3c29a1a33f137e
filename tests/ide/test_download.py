"""Downloads over real HTTP, from a server that redirects, breaks off, trickles, falls silent, lies and changes its files."""

from __future__ import annotations

import fcntl
import hashlib
import socket
import ssl
import subprocess
from pathlib import Path
from threading import Thread

import pytest

from composegen.errors import ComposegenError
from composegen.ide.vendor import download
from composegen.ide.vendor.download import Patience
from tests.support.archives import noise
from tests.support.feed import Site

CONTENT = noise(300_000)
QUICK = Patience(silence=0.3, window=0.2, least=64 * 1024, pause=0.01)


def fetch(site: Site, to: Path, how: str) -> bytes:
    download.fetch(site.offer(CONTENT, "ide.tar.gz", how=how), to, hint="help", patience=QUICK)
    return to.read_bytes()


@pytest.mark.parametrize("how", ["ok", "redirect", "broken", "weak"])
def test_the_whole_file_arrives_and_nothing_else_is_left(site: Site, tmp_path: Path, how: str) -> None:
    assert fetch(site, tmp_path / "a" / "ide.tar.gz", how) == CONTENT
    assert [path.name for path in (tmp_path / "a").iterdir()] == ["ide.tar.gz"]


def test_an_interrupted_download_goes_on_from_where_it_was(site: Site, tmp_path: Path) -> None:
    fetch(site, tmp_path / "ide.tar.gz", "broken")
    first, second = site.requests_of("ide.tar.gz")
    assert "Range" not in first and second["Range"] == f"bytes={len(CONTENT) // 2}-" and second["If-Range"]


def test_another_run_goes_on_from_where_the_first_gave_up(site: Site, tmp_path: Path) -> None:
    site.breaks = download.TRIES
    url = site.offer(CONTENT, "ide.tar.gz", how="broken")
    with pytest.raises(ComposegenError, match=r"broke off: it ended after \d+ of 300000 bytes") as refused:
        download.fetch(url, tmp_path / "ide.tar.gz", hint="help", patience=QUICK)
    assert "goes on from there" in str(refused.value.hint)
    had = (tmp_path / "ide.tar.gz.part").stat().st_size
    seen: list[int] = []
    download.fetch(url, tmp_path / "ide.tar.gz", hint="help", patience=QUICK, progress=lambda done, total: seen.append(done))
    assert (tmp_path / "ide.tar.gz").read_bytes() == CONTENT and seen[0] > had > 0


def test_a_file_that_changed_meanwhile_is_started_anew(site: Site, tmp_path: Path) -> None:
    found = fetch(site, tmp_path / "ide.tar.gz", "changing")
    assert len(site.requests_of("ide.tar.gz")) == 2
    assert found == bytes(each ^ 2 for each in CONTENT), "no byte of the first one is left"


def test_a_part_of_another_url_is_not_gone_on_with(site: Site, tmp_path: Path) -> None:
    site.breaks = download.TRIES
    with pytest.raises(ComposegenError):
        fetch(site, tmp_path / "ide.tar.gz", "broken")
    site.asked.clear()
    assert fetch(site, tmp_path / "ide.tar.gz", "ok") == CONTENT
    assert "Range" not in site.requests_of("ide.tar.gz")[0]


def test_a_part_that_is_the_whole_file_needs_no_more(site: Site, tmp_path: Path) -> None:
    site.breaks = download.TRIES
    with pytest.raises(ComposegenError):
        fetch(site, tmp_path / "ide.tar.gz", "broken")
    (tmp_path / "ide.tar.gz.part").write_bytes(CONTENT)
    assert fetch(site, tmp_path / "ide.tar.gz", "broken") == CONTENT


@pytest.mark.parametrize("how", ["stalled", "slow"])
def test_a_transfer_that_stands_still_or_trickles_is_given_up(site: Site, tmp_path: Path, how: str) -> None:
    with pytest.raises(ComposegenError, match=r"broke off|in time") as refused:
        fetch(site, tmp_path / "ide.tar.gz", how)
    assert refused.value.hint and "help" in refused.value.hint


@pytest.mark.parametrize(("how", "asked", "said"), [("error", download.TRIES, "answers 503"), ("gone", 1, "answers 404 Not Found")])
def test_what_the_server_says_is_passed_on_and_only_its_own_trouble_is_tried_again(
    site: Site, tmp_path: Path, how: str, asked: int, said: str
) -> None:
    url = site.offer(CONTENT, "ide.tar.gz", how=how) if how == "error" else f"{site.url}/ok/gone"
    with pytest.raises(ComposegenError, match=said):
        download.fetch(url, tmp_path / "ide.tar.gz", hint="help", patience=QUICK)
    assert len(site.asked) == asked


def test_nobody_there_is_said_at_once(site: Site, tmp_path: Path) -> None:
    for url in ("http://127.0.0.1:1/x", "http://no-such-host.invalid/x", "file:///etc/passwd", "http://[/x"):
        with pytest.raises(ComposegenError, match="cannot be re"):
            download.fetch(url, tmp_path / "x", hint="help")
        assert not (tmp_path / "x").exists()


class Vast(bytes):
    """A file that is said to have far more bytes than it has."""

    def __len__(self) -> int:
        return 10**18


def test_what_has_no_space_is_refused_before_it_comes(site: Site, tmp_path: Path) -> None:
    url = site.offer(Vast(b"x"), "ide.tar.gz")
    with pytest.raises(ComposegenError, match=r"GB free, and 1000000000\.0 GB are to come"):
        download.fetch(url, tmp_path / "ide.tar.gz", hint="help", patience=QUICK)


def test_no_redirect_leads_out_of_the_web(site: Site, tmp_path: Path) -> None:
    with pytest.raises(ComposegenError, match="it leads to ftp://"):
        download.fetch(site.offer(b"x", "a", how="ftp"), tmp_path / "a", hint="")


def test_no_redirect_leads_from_https_to_http(site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What TLS vouched for would come from anybody; the file is there, and would be had."""
    pem = tmp_path / "certificate.pem"
    made = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2"]
    named = ["-subj", "/CN=here", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", str(pem), "-out", f"{tmp_path}/public.pem"]
    subprocess.run([*made, *named], check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "public.pem", pem)
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "public.pem"))
    answer = f"HTTP/1.1 302 Found\r\nLocation: {site.offer(CONTENT, 'ide.tar.gz')}\r\nContent-Length: 0\r\n\r\n"

    def redirect(listener: socket.socket) -> None:
        connection, _ = listener.accept()
        with context.wrap_socket(connection, server_side=True) as secure:
            secure.recv(4096)
            secure.sendall(answer.encode())

    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = Thread(target=redirect, args=(listener,), daemon=True)
        server.start()
        with pytest.raises(ComposegenError, match="it leads from https to http://"):
            download.fetch(f"https://127.0.0.1:{listener.getsockname()[1]}/ide.tar.gz", tmp_path / "ide.tar.gz", hint="help")
        server.join()
    assert not site.requests_of("ide.tar.gz")


def test_two_at_once_do_not_write_the_same_file(site: Site, tmp_path: Path) -> None:
    with (tmp_path / "ide.tar.gz.part").open("ab") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        with pytest.raises(ComposegenError, match="another composegen downloads"):
            fetch(site, tmp_path / "ide.tar.gz", "ok")


def test_a_text_that_is_too_long_is_not_read(site: Site) -> None:
    url = site.offer(CONTENT, "feed")
    with pytest.raises(ComposegenError, match="more than 1000 bytes"):
        download.read(url, hint="help", limit=1000)


DIGEST, OTHER = hashlib.sha256(b"a").hexdigest(), hashlib.sha256(b"b").hexdigest()


@pytest.mark.parametrize(
    "text",
    [f"{DIGEST} *ide.tar.gz\n", f"{DIGEST}  ide.tar.gz", DIGEST.upper(), f"\n{OTHER} *other\n{DIGEST}  dist/ide.tar.gz\n"],
)
def test_a_checksum_is_found_in_what_sha256sum_writes(text: str) -> None:
    assert download.sha256_in(text, "ide.tar.gz", "it") == DIGEST


@pytest.mark.parametrize("text", ["", "<html>", f"{OTHER} *other\n{OTHER} *another\n", DIGEST[:-1]])
def test_a_text_without_the_checksum_is_refused(text: str) -> None:
    with pytest.raises(ComposegenError, match="it has no SHA-256 of ide"):
        download.sha256_in(text, "ide.tar.gz", "it")
