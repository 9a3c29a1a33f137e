"""Extensions of VS Code: what a .vsix is, and where it lands in a server's folder."""

from __future__ import annotations

import json
import stat
import subprocess
import zipfile
from pathlib import Path
from typing import Any

import pytest

from composegen.errors import ComposegenError
from composegen.ide.inside import extensions
from composegen.ide.vendor import vsix
from tests.ide.here import Here
from tests.support import archives

FOLDER = "ms-python.python-2024.22.0"


@pytest.fixture
def here(tmp_path: Path) -> Here:
    return Here(tmp_path / "home")


@pytest.fixture
def python(tmp_path: Path) -> vsix.Vsix:
    return vsix.look_into(archives.vsix(tmp_path / "python.vsix", needs=["ms-python.debugpy"]))


def place(here: Here, client: str = "vscode") -> Path:
    return here.home / extensions.SERVERS[client] / "extensions"


def test_a_vsix_says_what_it_is(python: vsix.Vsix) -> None:
    assert (python.id, python.version, python.folder) == ("ms-python.python", "2024.22.0", FOLDER)
    assert (python.platform, python.needs) == ("", ("ms-python.debugpy",))


@pytest.mark.parametrize("client", ["vscode", "cursor"])
def test_it_lies_as_the_client_itself_lays_it_out(here: Here, python: vsix.Vsix, client: str) -> None:
    done = extensions.install(here, python, client)
    assert (done.path, done.new, done.missing) == (f"{place(here, client)}/{FOLDER}", True, ("ms-python.debugpy",))
    folder = Path(done.path)
    assert json.loads((folder / "package.json").read_text())["name"] == "python"
    assert {path.name for path in folder.iterdir()} == {"package.json", ".vsixmanifest", "out", "bin"}
    assert stat.S_IMODE((folder / "bin/tool").stat().st_mode) == 0o755
    assert (folder / "out/main.js").read_bytes() == archives.noise(5000)
    assert not extensions.install(here, python, client).new
    (part,) = extensions.installed(here)
    assert (part.client, part.kind, part.id, part.version) == (client, "extension", "ms-python.python", "2024.22.0")


def other(name: str, version: str = "1.0.0") -> dict[str, Any]:
    return {
        "identifier": {"id": name, "uuid": "x"},
        "version": version,
        "location": f"{name}-{version}",
        "metadata": {"pinned": True},
    }


def test_a_list_that_the_server_keeps_is_added_to_and_a_removal_is_taken_back(here: Here, python: vsix.Vsix) -> None:
    place(here).mkdir(parents=True)
    (place(here) / "extensions.json").write_text(json.dumps([other("a.b"), other("MS-Python.python", "2023.1.0")]))
    (place(here) / ".obsolete").write_text(json.dumps({FOLDER: True, "c.d-1.0.0": True}))
    extensions.install(here, python, "vscode")
    found = json.loads((place(here) / "extensions.json").read_text())
    assert found[0] == other("a.b") and [each["version"] for each in found] == ["1.0.0", "2024.22.0"]
    assert found[1]["location"] == {"$mid": 1, "path": f"{place(here)}/{FOLDER}", "scheme": "file"}
    assert found[1]["relativeLocation"] == FOLDER
    assert json.loads((place(here) / ".obsolete").read_text()) == {"c.d-1.0.0": True}
    extensions.install(here, python, "vscode")
    assert json.loads((place(here) / "extensions.json").read_text()) == found


def test_without_a_list_none_is_made_for_the_server_makes_its_own_of_all_folders(here: Here, python: vsix.Vsix) -> None:
    extensions.install(here, python, "vscode")
    assert not (place(here) / "extensions.json").exists()


def test_one_that_the_marketplace_brought_is_there_already(here: Here, python: vsix.Vsix) -> None:
    folder = place(here) / f"{FOLDER}-linux-x64"
    folder.mkdir(parents=True)
    (folder / "package.json").write_text(json.dumps({"version": "2024.22.0"}, indent=2))
    done = extensions.install(here, python, "vscode")
    assert (done.new, done.path) == (False, str(folder)) and [path.name for path in place(here).iterdir()] == [folder.name]


def test_it_can_be_removed(here: Here, python: vsix.Vsix) -> None:
    extensions.install(here, python, "vscode")
    (place(here) / "extensions.json").write_text(json.dumps([other("a.b"), other("ms-python.python", "2024.22.0")]))
    (part,) = extensions.installed(here)
    extensions.remove(here, part)
    assert extensions.installed(here) == () and json.loads((place(here) / "extensions.json").read_text()) == [other("a.b")]


def test_servers_are_listed_where_old_and_new_versions_have_them(here: Here) -> None:
    places = {".vscode-server/bin/0123abcd": "1.85.0", ".vscode-server/cli/servers/Stable-4567/server": "1.96.4"}
    for place, version in {**places, ".cursor-server/bin/89ef": "0.43.0"}.items():
        (here.home / place).mkdir(parents=True)
        (here.home / place / "product.json").write_text(json.dumps({"nameShort": "x", "version": version}, indent=2))
    assert [
        (part.client, part.kind, part.path.removeprefix(f"{here.home}/"), part.version) for part in extensions.installed(here)
    ] == [
        *(("vscode", "server", place, version) for place, version in places.items()),
        ("cursor", "server", ".cursor-server/bin/89ef", "0.43.0"),
    ]


@pytest.mark.parametrize("content", ["{", "{}", "7"])
def test_a_damaged_list_is_said(here: Here, python: vsix.Vsix, content: str) -> None:
    place(here).mkdir(parents=True)
    (place(here) / "extensions.json").write_text(content)
    with pytest.raises(ComposegenError, match=r"extensions\.json in the container is damaged"):
        extensions.install(here, python, "vscode")


def test_a_dry_run_changes_nothing(here: Here, python: vsix.Vsix) -> None:
    done = extensions.install(here, python, "vscode", dry_run=True)
    assert not done.new and not list(place(here).iterdir())


@pytest.mark.parametrize(
    ("platform", "machine", "said"),
    [
        ("linux-x64", "x86_64", ""),
        ("universal", "aarch64", ""),
        ("linux-arm64", "x86_64", "is made for linux-arm64, and the container is Linux on x86_64"),
        ("win32-x64", "x86_64", "is made for win32-x64"),
        ("alpine-x64", "x86_64", "is made for alpine-x64"),
    ],
)
def test_one_for_another_machine_is_refused(tmp_path: Path, platform: str, machine: str, said: str) -> None:
    found = vsix.look_into(archives.vsix(tmp_path / "a.vsix", platform=platform))
    if not said:
        vsix.refuse_other_machine(found, machine)
        return
    with pytest.raises(ComposegenError, match=said):
        vsix.refuse_other_machine(found, machine)


ESCAPES = {
    "traversal": ("extension/../../x", 0o100644),
    "an absolute path": ("/etc/x", 0o100644),
    "backslashes": ("extension\\..\\..\\x", 0o100644),
    "a drive": ("C:/x", 0o100644),
    "a link": ("extension/x", 0o120777),
    "a device": ("extension/x", 0o020666),
}


@pytest.mark.parametrize(("name", "mode"), ESCAPES.values(), ids=ESCAPES.keys())
def test_what_would_land_elsewhere_is_refused(tmp_path: Path, name: str, mode: int) -> None:
    path = archives.vsix(tmp_path / "a.vsix")
    entry = zipfile.ZipInfo(name)
    entry.filename, entry.external_attr = name, mode << 16
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr(entry, "/etc/passwd")
    with pytest.raises(ComposegenError, match="not to be trusted"):
        vsix.look_into(path)


@pytest.mark.parametrize(
    "package",
    [
        None,
        "[]",
        "{",
        "{}",
        '{"publisher": "../x", "name": "y", "version": "1.0.0"}',
        '{"publisher": "x", "name": "y", "version": "1/2"}',
    ],
)
def test_a_manifest_that_names_nothing_or_leads_elsewhere_is_refused(tmp_path: Path, package: str | None) -> None:
    with zipfile.ZipFile(tmp_path / "a.vsix", "w") as archive:
        archive.writestr("extension/x" if package is None else "extension/package.json", package or "")
    with pytest.raises(ComposegenError, match=r"a\.vsix (is no extension|has )"):
        vsix.look_into(tmp_path / "a.vsix")


def test_a_damaged_file_is_said_to_be_that(tmp_path: Path) -> None:
    path = archives.vsix(tmp_path / "a.vsix")
    whole = path.read_bytes()
    broken = whole.replace(archives.noise(5000)[:50], bytes(50))
    assert broken != whole
    for content in (broken, whole[:3000], b"", b"<html>"):
        path.write_bytes(content)
        with pytest.raises(ComposegenError, match=r"a\.vsix is (no \.vsix|damaged)"):
            vsix.look_into(path)
    with pytest.raises(ComposegenError, match="No such file"):
        vsix.look_into(tmp_path / "none.vsix")


def test_the_archive_is_one_that_any_tar_reads(python: vsix.Vsix) -> None:
    content = b"".join(vsix.as_tar(python, lambda done, total: None))
    listed = subprocess.run(["tar", "-tvf", "-"], input=content, capture_output=True, check=True).stdout.decode()
    assert "package.json" in listed and "../" not in listed


def test_a_size_that_is_not_true_is_damage(tmp_path: Path) -> None:
    """The bytes after it would be read as headers by tar, whatever their names were checked for."""
    path, claimed = archives.vsix(tmp_path / "a.vsix"), 4096
    with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("extension/short", "x" * 100)
        archive.getinfo("extension/short").file_size = claimed
    with pytest.raises(ComposegenError, match=f"'extension/short' has 100 bytes, and not {claimed}"):
        vsix.look_into(path)


@pytest.mark.parametrize(
    ("folder", "package", "name", "version"),
    [
        ("a-b.c-d-1.2.3", '{"name":"c-d","version":"1.2.3"}', "a-b.c-d", "1.2.3"),
        ("a.b-1.2.3-beta.1-linux-x64", "{}", "a.b", "1.2.3-beta.1"),
        ("a.b-1.2.3", '{"needs": {\n"version": "9.9.9"\n},\n"version": "1.2.3"\n}', "a.b", "1.2.3"),
        ("a.b", "{}", "a.b", ""),
    ],
    ids=["on one line", "for a platform", "another version further up", "a folder without one"],
)
def test_the_version_is_known_whatever_package_json_looks_like(
    here: Here, folder: str, package: str, name: str, version: str
) -> None:
    (place(here) / folder).mkdir(parents=True)
    (place(here) / folder / "package.json").write_text(package)
    (part,) = extensions.installed(here)
    assert (part.id, part.version) == (name, version)


def test_what_is_left_of_one_does_not_keep_it_away(here: Here, python: vsix.Vsix) -> None:
    (place(here) / FOLDER / "out").mkdir(parents=True)
    assert extensions.install(here, python, "vscode").new
    assert {path.name for path in place(here).iterdir()} == {FOLDER, ".composegen.lock"}
