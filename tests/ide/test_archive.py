"""Archives that are what they say, and those that are not to be unpacked."""

from __future__ import annotations

import gzip
import io
import platform
import tarfile
from pathlib import Path

import pytest

from composegen.errors import ComposegenError
from composegen.ide import products
from composegen.ide.vendor.archive import look_into, machine, refuse_other
from tests.support import archives
from tests.support.archives import link, special

PYCHARM, TOOLBOX = products.named("pycharm"), products.named("toolbox")


def test_an_archive_says_what_it_is_before_it_is_unpacked(tmp_path: Path) -> None:
    path = archives.ide(tmp_path / "a.tar.gz", architecture="aarch64", glibc="2.28", padding=100_000)
    seen: list[tuple[int, int | None]] = []
    found = look_into(path, lambda done, total: seen.append((done, total)))
    assert (found.root, found.code, found.version, found.build) == ("pycharm-2024.3.1", "PY", "2024.3.1", "243.22562.220")
    assert found.machines == found.architectures == {"aarch64"} and found.glibc == (2, 28)
    assert found.size > 100_000 and {"product-info.json", "bin/pycharm.svg"} <= found.files
    assert seen[-1] == (path.stat().st_size, path.stat().st_size)


def test_the_toolbox_app_tells_by_its_program_alone(tmp_path: Path) -> None:
    path = archives.write(tmp_path / "t.tar.gz", {"jetbrains-toolbox-2.5/jetbrains-toolbox": archives.elf("x86_64")})
    found = look_into(path)
    assert (found.root, found.code) == ("jetbrains-toolbox-2.5", "") and found.architectures == {"x86_64"}
    refuse_other(found, TOOLBOX, "x86_64")
    with pytest.raises(ComposegenError, match=r"t.tar.gz is something without product-info.json, not PyCharm"):
        refuse_other(found, PYCHARM, "x86_64")


@pytest.mark.parametrize(
    ("wrong", "said", "hint"),
    [
        ({"code": "GO", "name": "GoLand"}, "a.tar.gz is GoLand, not PyCharm", "`composegen ide install goland`"),
        ({"code": "PC", "name": "PyCharm Community"}, "a.tar.gz is PyCharm Community, not PyCharm", ".tar.gz of PyCharm"),
        ({"code": "GW", "name": "Gateway"}, "is JetBrains Gateway, not PyCharm", "ide install gateway"),
        ({"without": "bin/remote-dev-server.sh"}, "has no remote backend", "community editions"),
        ({"build": ""}, "does not say which build", "--sha256"),
        ({"without": "product-info.json"}, "something without product-info.json", ".tar.gz of PyCharm"),
        ({"architecture": "aarch64"}, "is made for aarch64, and this is x86_64", "PyCharm for Linux x86_64"),
    ],
)
def test_an_archive_of_something_else_is_refused_with_the_reason(
    tmp_path: Path, wrong: dict[str, str], said: str, hint: str
) -> None:
    found = look_into(archives.ide(tmp_path / "a.tar.gz", **wrong))  # type: ignore[arg-type]  # texts all
    with pytest.raises(ComposegenError) as refused:
        refuse_other(found, PYCHARM, "x86_64")
    assert said in refused.value.message and hint in str(refused.value.hint)


@pytest.mark.parametrize(
    "odd", [{"build": "1/../../x"}, {"version": "1\x1b[2J"}, {"code": "../PY"}, {"build": "-rf"}, {"build": "a\nb"}]
)
def test_what_would_be_an_odd_name_of_a_folder_or_rule_a_terminal_is_refused(tmp_path: Path, odd: dict[str, str]) -> None:
    with pytest.raises(ComposegenError, match=r"a\.tar\.gz has '.*' for its .* in product-info\.json"):
        look_into(archives.ide(tmp_path / "a.tar.gz", **odd))  # type: ignore[arg-type]  # texts all


def test_an_ide_is_not_the_toolbox_app(tmp_path: Path) -> None:
    with pytest.raises(ComposegenError, match="is PyCharm, not JetBrains Toolbox"):
        refuse_other(look_into(archives.ide(tmp_path / "a.tar.gz")), TOOLBOX, "x86_64")


ESCAPES = {
    "an absolute path": [special("/etc/cron.d/x")],
    "traversal": [special("ide/../../x")],
    "an absolute link": [link("ide/x", "/etc/passwd")],
    "a link upwards": [link("ide/x", "../..")],
    "a link out of the folder": [link("ide/bin/x", "../../y")],
    "a link upwards by way of a link": [link("ide/a/b", ".."), link("ide/c", "a/b/..")],
    "a file through a link": [link("ide/x", "y"), special("ide/x/file")],
    "the folder itself as a link": [link("ide", "/tmp")],
    "a hard link to outside": [link("ide/x", "/etc/passwd", tarfile.LNKTYPE)],
    "a hard link to nothing": [link("ide/x", "ide/y", tarfile.LNKTYPE)],
    "a device": [special("ide/x", tarfile.CHRTYPE)],
    "a pipe": [special("ide/x", tarfile.FIFOTYPE)],
}


@pytest.mark.parametrize("members", ESCAPES.values(), ids=ESCAPES.keys())
def test_what_would_land_elsewhere_is_refused(tmp_path: Path, members: list[tarfile.TarInfo]) -> None:
    path = archives.write(tmp_path / "a.tar.gz", {"ide/file": b""}, members)
    with pytest.raises(ComposegenError, match="not to be trusted") as refused:
        look_into(path)
    assert "nothing was unpacked" in str(refused.value.hint)


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE])
def test_where_a_link_leads_does_not_rule_a_terminal(tmp_path: Path, kind: bytes) -> None:
    path = archives.write(tmp_path / "a.tar.gz", {"ide/file": b""}, [link("ide/x", "/etc\x1b[2J\n", kind)])
    with pytest.raises(ComposegenError, match=r"to '/etc\\x1b\[2J\\n'"):
        look_into(path)


def test_links_that_stay_inside_are_as_they_are_in_every_java(tmp_path: Path) -> None:
    members = [
        link("ide/jbr/legal", "../bin"),
        link("ide/a", "jbr"),
        link("ide/b", "ide-file"),
        link("ide/c", "ide/file", tarfile.LNKTYPE),
    ]
    assert look_into(archives.write(tmp_path / "a.tar.gz", {"ide/file": b"x"}, members)).root == "ide"


def test_a_truncated_or_damaged_archive_is_said_to_be_that(tmp_path: Path) -> None:
    whole = archives.ide(tmp_path / "a.tar.gz", padding=200_000).read_bytes()
    for content in (whole[:100_000], whole[:-4], whole[:40], whole[:90_000] + b"\0\0\0\0" + whole[90_004:]):
        (tmp_path / "b.tar.gz").write_bytes(content)
        with pytest.raises(ComposegenError, match=r"b\.tar\.gz is (cut off or damaged|no \.tar\.gz)") as refused:
            look_into(tmp_path / "b.tar.gz")
        assert "--sha256" in str(refused.value.hint)


@pytest.mark.parametrize(
    "content",
    [b"", b"MZ\x90", b"<html>denied</html>", gzip.compress(b"no tar"), gzip.compress(b"")],
    ids=["nothing", "a program", "a web page", "no tar", "nothing in it"],
)
def test_what_is_no_archive_is_one_sentence(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.tar.gz").write_bytes(content)
    with pytest.raises(ComposegenError, match=r"a\.tar\.gz is (no|cut)"):
        look_into(tmp_path / "a.tar.gz")


def test_an_archive_without_a_folder_of_its_own_is_none_of_an_ide(tmp_path: Path) -> None:
    with pytest.raises(ComposegenError, match="no single folder"):
        look_into(archives.write(tmp_path / "a.tar.gz", {"one/x": b"", "two/x": b""}))


def test_a_machine_is_read_from_an_elf_header() -> None:
    assert [machine(archives.elf(each)) for each in ("x86_64", "aarch64")] == ["x86_64", "aarch64"]
    assert machine(b"#!/bin/sh\n") == "" and machine(b"\x7fELF") == ""
    assert machine(Path("/proc/self/exe").read_bytes()) == platform.machine()


def test_an_archive_with_a_dot_in_front_is_the_same(tmp_path: Path) -> None:
    """As `tar -C DIR -czf FILE .` writes it."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        archive.addfile(tarfile.TarInfo("."))
        archive.addfile(tarfile.TarInfo("./ide/file"))
    (tmp_path / "a.tar.gz").write_bytes(buffer.getvalue())
    assert look_into(tmp_path / "a.tar.gz").files == {"file"}
