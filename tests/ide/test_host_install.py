"""Gateway and Toolbox on this machine: real archives with the real layouts, unpacked, started, replaced and taken away again."""

from __future__ import annotations

import fcntl
import os
import shutil
import stat
import subprocess
from pathlib import Path

import pytest

from composegen.errors import ComposegenError
from composegen.ide import products
from composegen.ide.host import programs
from composegen.ide.host.installing import INSTALLED, REMOVED, THERE, WOULD, WOULD_REMOVE, Outcome, install, remove
from composegen.ide.host.places import Places, own
from composegen.ide.vendor.obtain import Wanted
from tests.ide.test_desktop import fields, needs_validator
from tests.support import archives
from tests.support.feed import Site
from tests.support.host_archives import gateway, toolbox

GATEWAY, TOOLBOX = products.named("gateway"), products.named("toolbox")
NEWER = ("251.1.2", "2025.1")


@pytest.fixture
def there(tmp_path: Path) -> Places:
    root = tmp_path / "root"
    root.mkdir()
    return Places(root / "opt", root / "usr/local/bin", root / "usr/local/share/applications")


def put(archive: Path, there: Places, product: products.Product = GATEWAY, *, dry_run: bool = False) -> Outcome:
    return install(product, Wanted(archive=str(archive)), places=(there,), architecture="x86_64", environ={}, dry_run=dry_run)


def tree(places: Places) -> dict[str, str]:
    """Everything below the root of those places: {relative path: kind and content}."""
    root = places.opt.parent
    return {
        str(path.relative_to(root)): str(path.readlink())
        if path.is_symlink()
        else ""
        if path.is_dir()
        else path.read_text("latin-1")
        for path in root.rglob("*")
    }


def said_by(path: Path, *arguments: str) -> str:
    return subprocess.run([str(path), *arguments], capture_output=True, text=True, check=True).stdout.strip()


@needs_validator
@pytest.mark.parametrize(
    ("product", "make", "command", "icon"),
    [
        (GATEWAY, gateway, "gateway", "bin/gateway.svg"),
        (TOOLBOX, toolbox, "jetbrains-toolbox", "bin/toolbox.svg"),
    ],
    ids=["gateway", "toolbox"],
)
def test_it_starts_from_path_and_from_the_menu_and_opens_its_links(
    tmp_path: Path, there: Places, product: products.Product, make: object, command: str, icon: str
) -> None:
    archive = make(tmp_path)  # type: ignore[operator]
    found = put(archive, there, product)
    assert found.state == INSTALLED
    assert said_by(there.bin / command, "a") == f"{product.name} {found.record.build} a"
    entry = there.applications / f"jetbrains-{product.name}.desktop"
    shown = fields(entry.read_text())
    assert shown["Exec"] == f"{there.bin / command} %u" and shown["Name"] == product.title
    assert Path(shown["Icon"]).read_bytes().startswith(b"<svg") and shown["Icon"].endswith(icon)
    said = subprocess.run(["desktop-file-validate", str(entry)], capture_output=True, text=True)
    assert (said.returncode, said.stdout + said.stderr) == (0, "")
    scheme = {"gateway": "jetbrains-gateway", "toolbox": "jetbrains"}[product.name]
    # What xdg-open asks: written by update-desktop-database.
    assert f"x-scheme-handler/{scheme}={entry.name};" in (there.applications / "mimeinfo.cache").read_text()


def test_the_toolbox_of_before_2_6_is_one_program_with_any_icon(tmp_path: Path, there: Places) -> None:
    found = put(toolbox(tmp_path, "1.28.1.15219", of_1=True), there, TOOLBOX)
    assert (found.record.version, found.record.start) == ("1.28.1.15219", "jetbrains-toolbox")
    assert fields((there.applications / "jetbrains-toolbox.desktop").read_text())["Icon"] == "applications-development"


def test_what_is_there_is_for_all_to_read_and_the_callers_whatever_the_umask(tmp_path: Path, there: Places) -> None:
    archive = gateway(tmp_path)
    old = os.umask(0o077)
    try:
        put(archive, there)
    finally:
        os.umask(old)
    for path in there.opt.parent.rglob("*"):
        status = path.lstat()
        assert (status.st_uid, status.st_gid) == (os.geteuid(), os.getegid())
        if not path.is_symlink():
            assert stat.S_IMODE(status.st_mode) in (0o755, 0o644), path


def test_uninstall_leaves_no_trace(tmp_path: Path, there: Places) -> None:
    there.bin.mkdir(parents=True)
    (there.bin / "other").write_text("mine")
    before = tree(there)
    put(gateway(tmp_path), there)
    assert tree(there) != before
    found = remove(GATEWAY, places=(there,))
    assert found.state == REMOVED and found.notes == ()
    assert tree(there) == before
    with pytest.raises(ComposegenError, match="composegen has not installed JetBrains Gateway here"):
        remove(GATEWAY, places=(there,))


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may give files away")
def test_a_folder_of_another_users_is_not_gone_into(tmp_path: Path, there: Places) -> None:
    """He could change what everybody starts, and what a record says is removed."""
    put(gateway(tmp_path), there)
    os.chown(there.opt / "jetbrains-gateway", 4321, 4321)
    before = tree(there)
    with pytest.raises(ComposegenError, match="jetbrains-gateway belongs to"):
        put(gateway(tmp_path, *NEWER), there)
    with pytest.raises(ComposegenError, match="jetbrains-gateway belongs to"):
        remove(GATEWAY, places=(there,))
    assert tree(there) == before


def test_uninstall_leaves_what_came_from_elsewhere_and_says_so(tmp_path: Path, there: Places) -> None:
    found = put(gateway(tmp_path), there)
    folder = there.opt / "jetbrains-gateway" / found.record.folder
    (folder / "lib/mine.jar").write_text("mine")
    (there.opt / "jetbrains-gateway/notes").write_text("mine")
    entry = there.applications / "jetbrains-gateway.desktop"
    entry.write_text(entry.read_text() + "X-Mine=1\n")
    (there.bin / "gateway").unlink()
    (there.bin / "gateway").write_text("mine")
    found = remove(GATEWAY, places=(there,))
    assert len(found.notes) == 3 and f"{folder} stays: 1 files in it are not composegen's, such as lib/mine.jar" in found.notes
    files = {path for path in there.opt.parent.rglob("*") if path.is_file() and path.name != "mimeinfo.cache"}
    assert files == {folder / "lib/mine.jar", there.opt / "jetbrains-gateway/notes", entry, there.bin / "gateway"}


def test_a_newer_one_takes_the_place_of_the_older_and_uninstall_still_leaves_no_trace(tmp_path: Path, there: Places) -> None:
    put(gateway(tmp_path), there)
    found = put(gateway(tmp_path, *NEWER), there)
    assert (found.state, found.replaced) == (INSTALLED, "2024.3.1")
    assert said_by(there.bin / "gateway") == "gateway 251.1.2"
    assert sorted(path.name for path in (there.opt / "jetbrains-gateway").iterdir()) == [
        "JetBrainsGateway-251.1.2",
        "JetBrainsGateway-251.1.2.json",
    ]
    assert "JetBrainsGateway-251.1.2/" in fields((there.applications / "jetbrains-gateway.desktop").read_text())["Icon"]
    remove(GATEWAY, places=(there,))
    assert tree(there) == {}


def test_the_same_one_again_changes_nothing_and_a_damaged_one_is_mended(tmp_path: Path, there: Places) -> None:
    archive = gateway(tmp_path)
    first = put(archive, there)
    before = tree(there)
    assert put(archive, there).state == THERE and tree(there) == before
    (there.opt / "jetbrains-gateway" / first.record.folder / "lib/app.jar").unlink()
    again = put(archive, there)
    assert again.state == INSTALLED and again.record.folder == "JetBrainsGateway-243.22562.220.2"
    assert said_by(there.bin / "gateway") == "gateway 243.22562.220" and len(list((there.opt / "jetbrains-gateway").iterdir())) == 2
    (there.bin / "gateway").unlink()  # by hand
    assert put(archive, there).state == INSTALLED and said_by(there.bin / "gateway") == "gateway 243.22562.220"
    remove(GATEWAY, places=(there,))
    assert tree(there) == {}


def test_an_entry_that_the_program_or_the_user_wrote_stays(tmp_path: Path, there: Places) -> None:
    """Toolbox and Gateway write one of that name themselves at their first start."""
    put(gateway(tmp_path), there)
    entry = there.applications / "jetbrains-gateway.desktop"
    entry.write_text("[Desktop Entry]\nName=its own\n")
    found = put(gateway(tmp_path, *NEWER), there)
    assert f"{entry} stays as it is: composegen did not write it, or it was edited" in found.notes
    assert "its own" in entry.read_text() and said_by(there.bin / "gateway") == "gateway 251.1.2"
    assert remove(GATEWAY, places=(there,)).notes == (f"{entry} stays: it is not what composegen wrote",)


def test_from_the_feed_only_a_newer_one_is_downloaded(site: Site, tmp_path: Path, there: Places) -> None:
    archive = gateway(tmp_path)
    site.release("GW", archive, version="2024.3.1", build="243.22562.220")
    first = install(GATEWAY, Wanted(), places=(there,), architecture="x86_64")
    assert first.verified_by == f"{site.url}/ok/{archive.name}.sha256" and first.record.version == "2024.3.1"
    site.asked.clear()
    assert install(GATEWAY, Wanted(), places=(there,), architecture="x86_64").state == THERE
    assert [path for path, _ in site.asked] == ["/products/releases"]
    site.release("GW", gateway(tmp_path, *NEWER), version="2025.1", build="251.1.2")
    assert install(GATEWAY, Wanted(), places=(there,), architecture="x86_64").state == INSTALLED


def test_toolbox_has_no_product_info_and_its_version_comes_from_the_feed(site: Site, tmp_path: Path, there: Places) -> None:
    site.release("TBA", toolbox(tmp_path), version="2.6.3", build="2.6.3.43718")
    found = install(TOOLBOX, Wanted(), places=(there,), architecture="x86_64")
    assert (found.record.version, found.record.build) == ("2.6.3", "2.6.3.43718")
    assert install(TOOLBOX, Wanted(), places=(there,), architecture="x86_64").state == THERE


def test_a_dry_run_says_what_would_be_done_and_does_nothing(site: Site, tmp_path: Path, there: Places) -> None:
    archive = gateway(tmp_path)
    site.release("GW", archive, version="2024.3.1", build="243.22562.220")
    would = install(GATEWAY, Wanted(), places=(there,), architecture="x86_64", dry_run=True)
    assert (would.state, would.source, would.size) == (WOULD, f"{site.url}/ok/{archive.name}", archive.stat().st_size)
    assert [path for path, _ in site.asked] == ["/products/releases"]
    assert put(archive, there, dry_run=True).state == WOULD
    assert tree(there) == {}
    put(archive, there)
    before = tree(there)
    assert remove(GATEWAY, dry_run=True, places=(there,)).state == WOULD_REMOVE and tree(there) == before


# --- Refused, and nothing changed ------------------------------------------------------------------------------------------


def refused(archive: Path, there: Places, match: str, product: products.Product = GATEWAY) -> str:
    before = tree(there)
    with pytest.raises(ComposegenError, match=match) as raised:
        put(archive, there, product)
    assert tree(there) == before
    return f"{raised.value.hint}"


def test_the_wrong_archive_is_refused(tmp_path: Path, there: Places) -> None:
    pycharm = archives.ide(tmp_path / "pycharm-2024.3.1.tar.gz")
    hint = refused(pycharm, there, "pycharm-2024.3.1.tar.gz is PyCharm, not JetBrains Gateway")
    assert "composegen ide install pycharm" in hint
    refused(pycharm, there, "is PyCharm, not JetBrains Toolbox", TOOLBOX)
    refused(gateway(tmp_path), there, "is JetBrains Gateway, not JetBrains Toolbox", TOOLBOX)
    refused(toolbox(tmp_path), there, "is something without product-info.json, not JetBrains Gateway")
    refused(gateway(tmp_path, machine="aarch64"), there, "is made for aarch64, and this is x86_64")
    other = archives.write(tmp_path / "other.tar.gz", {"other/readme": b"hello"})
    refused(other, there, "has no bin/jetbrains-toolbox or jetbrains-toolbox, which starts", TOOLBOX)


def test_a_broken_or_hostile_archive_is_refused(tmp_path: Path, there: Places) -> None:
    whole = gateway(tmp_path)
    cut = tmp_path / "cut.tar.gz"
    cut.write_bytes(whole.read_bytes()[:-20])
    refused(cut, there, "cut.tar.gz is cut off or damaged")
    out = archives.write(tmp_path / "out.tar.gz", {"a/b": b"", "a/../../evil": b"x"})
    refused(out, there, "is not to be trusted")
    whole.with_name(f"{whole.name}.sha256").write_text(f"{'0' * 64} *{whole.name}\n")
    refused(whole, there, "has SHA-256 .*, and JetBrainsGateway-2024.3.1.tar.gz.sha256 says 0000")


@pytest.mark.parametrize("what", ["launcher", "folder", "file"])
def test_what_is_not_ours_is_never_overwritten(tmp_path: Path, there: Places, what: str) -> None:
    home = there.opt / "jetbrains-gateway"
    there.opt.mkdir()
    if what == "launcher":
        there.bin.mkdir(parents=True)
        (there.bin / "gateway").symlink_to("/opt/JetBrainsGateway-233.1/bin/gateway.sh")  # as the article leaves it
        refused(gateway(tmp_path), there, "gateway is there, and is not composegen's")
    elif what == "folder":
        home.mkdir()
        (home / "notes").write_text("mine")
        refused(gateway(tmp_path), there, "jetbrains-gateway is there, and composegen did not make it")
    else:
        home.write_text("mine")
        refused(gateway(tmp_path), there, "jetbrains-gateway is there, and is no folder of composegen's")


def test_a_disk_that_is_full_is_noticed_before_and_while_it_is_unpacked(
    tmp_path: Path, there: Places, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(gateway(tmp_path), there)

    class Usage:
        free = 4096

    with monkeypatch.context() as patched:
        patched.setattr(shutil, "disk_usage", lambda path: Usage())
        refused(gateway(tmp_path, *NEWER), there, "GB free, and unpacked it takes")
    assert said_by(there.bin / "gateway") == "gateway 243.22562.220"


def test_two_at_a_time_are_not_possible(tmp_path: Path, there: Places) -> None:
    put(gateway(tmp_path), there)
    other = os.open(there.opt / "jetbrains-gateway", os.O_RDONLY)
    fcntl.flock(other, fcntl.LOCK_EX)
    try:
        refused(gateway(tmp_path, *NEWER), there, "another composegen is at work")
    finally:
        os.close(other)


def test_what_an_interrupted_run_left_is_cleared_away_by_the_next(tmp_path: Path, there: Places) -> None:
    home = there.opt / "jetbrains-gateway"
    (home / ".new-abc/JetBrainsGateway-1/bin").mkdir(parents=True)
    put(gateway(tmp_path), there)
    shutil.copytree(home / "JetBrainsGateway-243.22562.220", home / "JetBrainsGateway-1", symlinks=True)
    record = (home / "JetBrainsGateway-243.22562.220.json").read_text()
    (home / "JetBrainsGateway-1.json").write_text(
        record.replace('"folder": "JetBrainsGateway-243.22562.220"', '"folder": "JetBrainsGateway-1"')
    )
    put(gateway(tmp_path, *NEWER), there)
    assert sorted(path.name for path in home.iterdir()) == ["JetBrainsGateway-251.1.2", "JetBrainsGateway-251.1.2.json"]


def test_a_failure_in_the_last_step_puts_everything_back(tmp_path: Path, there: Places) -> None:
    """A folder lies where the new entry is to be prepared."""
    put(gateway(tmp_path), there)
    (there.applications / f".jetbrains-gateway.desktop.{os.getpid()}.composegen").mkdir()
    before = tree(there)
    with pytest.raises(ComposegenError, match="Is a directory"):
        put(gateway(tmp_path, *NEWER), there)
    assert tree(there) == before and said_by(there.bin / "gateway") == "gateway 243.22562.220"


def test_a_record_cannot_lead_uninstall_out_of_its_folder(tmp_path: Path, there: Places) -> None:
    found = put(gateway(tmp_path), there)
    record = there.opt / "jetbrains-gateway" / f"{found.record.folder}.json"
    victim = tmp_path / "victim"
    victim.write_text("mine")
    record.write_text(record.read_text().replace('"lib/app.jar"', f'"../../../../victim", "{victim}"'))
    remove(GATEWAY, places=(there,))
    assert victim.read_text() == "mine"


# --- What is said ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("environ", "said"),
    [
        (
            {"PATH": "/usr/bin", "SHELL": "/bin/bash"},
            'is not on PATH; add this line to ~/.profile, and log in again: export PATH="',
        ),
        ({"PATH": "/usr/bin", "SHELL": "/usr/bin/fish"}, "is not on PATH; once: fish_add_path "),
        ({"PATH": "{first}:{bin}"}, "{first}/gateway comes before {bin}/gateway on PATH"),
        (
            {"PATH": "{bin}", "SSH_CONNECTION": "192.0.2.7 1 192.0.2.1 22"},
            "you came over SSH: this program belongs on the machine in front",
        ),
        ({"PATH": "{bin}"}, "the Toolbox App is its successor: `composegen ide install toolbox`"),
    ],
)
def test_what_else_there_is_to_do_is_said(tmp_path: Path, there: Places, environ: dict[str, str], said: str) -> None:
    first = tmp_path / "first"
    first.mkdir()
    (first / "gateway").write_text("#!/bin/sh\n")
    (first / "gateway").chmod(0o755)
    names = {"first": str(first), "bin": str(there.bin)}
    found = install(
        GATEWAY,
        Wanted(archive=str(gateway(tmp_path))),
        places=(there,),
        architecture="x86_64",
        environ={name: value.format(**names) for name, value in environ.items()},
    )
    assert any(said.format(**names) in note for note in found.notes), found.notes


def test_own_places_are_those_of_the_base_directory_specification(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    local = tmp_path / ".local"
    assert own({}) == Places(local / "opt", local / "bin", local / "share/applications")
    assert own({"XDG_DATA_HOME": "/data"}).applications == Path("/data/applications")
    assert own({"XDG_DATA_HOME": "relative"}).applications == local / "share/applications"


@pytest.mark.parametrize(
    ("platform", "said", "way"),
    [
        ("darwin", "and this is macOS", "brew install --cask jetbrains-gateway"),
        ("win32", "and this is Windows", "winget install -e --id JetBrains.Gateway"),
        ("freebsd14", "and this is freebsd14", "https://www.jetbrains.com/remote-development/gateway/"),
    ],
)
def test_elsewhere_than_on_linux_the_vendors_way_is_shown(platform: str, said: str, way: str) -> None:
    with pytest.raises(ComposegenError, match=said) as raised:
        programs.refuse_elsewhere(GATEWAY, platform)
    assert way in str(raised.value.hint) and "successor" in str(raised.value.hint)
    programs.refuse_elsewhere(GATEWAY, "linux")


def test_every_program_of_this_machine_is_a_product_and_the_other_way_round() -> None:
    assert {each.product for each in programs.PROGRAMS} == {each.name for each in products.PRODUCTS if each.kind == "host"}
