"""Texts ↔ disk: what is compared three ways, and what a write that fails leaves behind."""

from __future__ import annotations

import errno
import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from composegen import folder
from composegen.errors import FolderError, Told, UsageError
from composegen.folder import Plan
from composegen.folder.atomic import Staging, all_or_nothing

COMPOSE = "# x\nservices: {}\nx-composegen:\n  schema: 1\n  stack: python\n  device: cpu\n"
TEXTS = {"compose.yaml": COMPOSE, "Dockerfile": "FROM x\n", "container/entrypoint.sh": "exec sshd\n", "code/.gitkeep": ""}


def kinds(plan: Plan) -> dict[str, str]:
    return {change.path: change.kind for change in plan.changes if change.path != folder.GENERATED}


@pytest.fixture
def made(tmp_path: Path) -> Path:
    directory = tmp_path / "mindspore"
    folder.write(folder.plan(directory, TEXTS))
    return directory


def snapshot(directory: Path) -> dict[str, str]:
    return {str(path.relative_to(directory)): path.read_text() for path in directory.rglob("*") if path.is_file()}


def test_planning_touches_nothing(tmp_path: Path) -> None:
    plan = folder.plan(tmp_path / "new", TEXTS)
    assert set(kinds(plan).values()) == {"create"} and not (tmp_path / "new").exists()
    assert "+FROM x\n" in plan.diff and "/dev/null" in plan.diff


def test_writing_makes_every_file_and_the_record_of_it(made: Path) -> None:
    record = json.loads((made / ".composegen/generated.json").read_text())
    assert {path: (made / path).read_text() for path in TEXTS} == TEXTS
    assert record["version"] == 1
    assert {path: "\n".join(lines) for path, lines in record["files"].items()} == TEXTS


def test_the_same_again_is_identical(made: Path) -> None:
    plan = folder.plan(made, TEXTS)
    assert set(kinds(plan).values()) == {"identical"} and plan.pending == () and plan.diff == ""


def test_an_untouched_file_follows_the_template(made: Path) -> None:
    plan = folder.plan(made, TEXTS | {"Dockerfile": "FROM y\n"})
    assert kinds(plan)["Dockerfile"] == "update"
    folder.write(plan)
    assert (made / "Dockerfile").read_text() == "FROM y\n"
    assert folder.plan(made, TEXTS | {"Dockerfile": "FROM y\n"}).pending == ()


def test_an_edited_file_stays(made: Path) -> None:
    (made / "Dockerfile").write_text("FROM mine\n")
    plan = folder.plan(made, TEXTS)
    assert kinds(plan)["Dockerfile"] == "keep"
    folder.write(plan)
    assert (made / "Dockerfile").read_text() == "FROM mine\n"


def test_an_edit_that_the_template_arrives_at_too_is_no_conflict(made: Path) -> None:
    (made / "Dockerfile").write_text("FROM y\n")
    assert kinds(folder.plan(made, TEXTS | {"Dockerfile": "FROM y\n"}))["Dockerfile"] == "identical"


def test_an_edit_that_cannot_be_merged_stays_and_the_new_text_comes_beside_it(made: Path) -> None:
    (made / "Dockerfile").write_text("FROM mine\n")
    plan = folder.plan(made, TEXTS | {"Dockerfile": "FROM y\n", "compose.yaml": COMPOSE + "# new\n"})
    assert plan.conflicts == ("Dockerfile",) and kinds(plan)["compose.yaml"] == "update"
    folder.write(plan)
    assert (made / "Dockerfile").read_text() == "FROM mine\n"
    assert (made / "Dockerfile.new").read_text() == "FROM y\n"
    with pytest.raises(Told, match="Dockerfile") as caught:
        plan.explain_conflicts()
    assert caught.value.hint and "Dockerfile.new" in caught.value.hint


def test_a_deleted_file_comes_back(made: Path) -> None:
    (made / "Dockerfile").unlink()
    assert kinds(folder.plan(made, TEXTS))["Dockerfile"] == "create"


def test_a_file_that_is_generated_no_longer_goes_unless_it_was_edited(made: Path) -> None:
    fewer = {path: text for path, text in TEXTS.items() if path != "Dockerfile"}
    folder.write(folder.plan(made, fewer))
    assert not (made / "Dockerfile").exists()
    (made / "container/entrypoint.sh").write_text("mine\n")
    folder.write(folder.plan(made, {"compose.yaml": COMPOSE}))
    assert (made / "container/entrypoint.sh").read_text() == "mine\n"


def test_what_others_put_there_is_never_touched(made: Path) -> None:
    (made / "code/train.py").write_text("print(1)\n")
    (made / "notes.txt").write_text("mine\n")
    folder.write(folder.plan(made, {"compose.yaml": COMPOSE}))
    assert (made / "code/train.py").exists() and (made / "notes.txt").exists()


def test_line_ends_and_a_byte_order_mark_are_no_edits(made: Path) -> None:
    (made / "Dockerfile").write_bytes(b"\xef\xbb\xbfFROM x\r\n")
    assert kinds(folder.plan(made, TEXTS))["Dockerfile"] == "identical"
    assert kinds(folder.plan(made, TEXTS | {"Dockerfile": "FROM y\n"}))["Dockerfile"] == "update"


def test_without_the_record_a_different_file_is_a_conflict(made: Path) -> None:
    (made / ".composegen/generated.json").unlink()
    assert kinds(folder.plan(made, TEXTS | {"Dockerfile": "FROM y\n"}))["Dockerfile"] == "conflict"


@pytest.mark.parametrize("text", ["{", "[]", '{"version": 1}', '{"version": 1, "files": {"a": 1}}'])
def test_a_damaged_record_is_as_good_as_none_and_is_mended(made: Path, text: str) -> None:
    before = snapshot(made)
    (made / ".composegen/generated.json").write_text(text)
    assert kinds(folder.plan(made, TEXTS | {"Dockerfile": "FROM y\n"}))["Dockerfile"] == "conflict"
    folder.write(folder.plan(made, TEXTS))
    assert snapshot(made) == before


def test_a_record_of_a_newer_composegen_is_refused(made: Path) -> None:
    (made / ".composegen/generated.json").write_text('{"version": 2, "files": {}}')
    with pytest.raises(FolderError, match=r"generated\.json' is of version 2"):
        folder.plan(made, TEXTS)


def test_a_folder_that_is_not_ours_is_refused(tmp_path: Path) -> None:
    (tmp_path / "README.md").write_text("mine\n")
    with pytest.raises(FolderError, match="did not write it"):
        folder.plan(tmp_path, TEXTS)


def test_an_empty_folder_and_an_empty_repository_may_be_filled(tmp_path: Path) -> None:
    (tmp_path / ".git").mkdir()
    folder.write(folder.plan(tmp_path, TEXTS))
    assert (tmp_path / "Dockerfile").exists()


def test_a_file_where_the_folder_should_be_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for directory in (tmp_path / "file", tmp_path / "file" / "under"):
        with pytest.raises(FolderError):
            folder.write(folder.plan(directory, TEXTS))


def test_a_folder_where_a_file_should_be_is_refused(made: Path) -> None:
    (made / "Dockerfile").unlink()
    (made / "Dockerfile").mkdir()
    with pytest.raises(FolderError, match="is a folder"):
        folder.plan(made, TEXTS)


def test_a_binary_file_is_refused_not_overwritten(made: Path) -> None:
    (made / "Dockerfile").write_bytes(b"\xff\xfe")
    with pytest.raises(FolderError, match="UTF-8"):
        folder.plan(made, TEXTS)


# --- Links -----------------------------------------------------------------------------------------------------------------


def test_nothing_is_written_through_a_link_that_leads_out(made: Path, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "Dockerfile").write_text("FROM x\n")
    (made / "Dockerfile").unlink()
    (made / "Dockerfile").symlink_to(outside / "Dockerfile")
    with pytest.raises(FolderError, match="outside the folder"):
        folder.plan(made, TEXTS | {"Dockerfile": "FROM y\n"})
    assert (outside / "Dockerfile").read_text() == "FROM x\n"


def test_a_linked_folder_and_a_dangling_link_lead_out_as_well(made: Path, tmp_path: Path) -> None:
    (tmp_path / "outside").mkdir()
    (made / "new").symlink_to(tmp_path / "outside")
    (made / "dangling").symlink_to(tmp_path / "nowhere")
    for path in ("new/file", "dangling"):
        with pytest.raises(FolderError, match="outside the folder"):
            folder.plan(made, TEXTS | {path: "x\n"})
    with pytest.raises(FolderError, match="outside the folder"):
        (made / ".env").symlink_to(tmp_path / "env")
        folder.plan_env(made, "A=1\n")


def test_a_link_inside_the_folder_keeps_being_one(made: Path) -> None:
    (made / "Dockerfile").rename(made / "Dockerfile.real")
    (made / "Dockerfile").symlink_to("Dockerfile.real")
    folder.write(folder.plan(made, TEXTS | {"Dockerfile": "FROM y\n"}))
    assert (made / "Dockerfile").is_symlink() and (made / "Dockerfile.real").read_text() == "FROM y\n"


def test_the_folder_itself_may_be_a_link(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")
    folder.write(folder.plan(tmp_path / "link", TEXTS))
    assert (tmp_path / "real/Dockerfile").exists()


# --- All or nothing --------------------------------------------------------------------------------------------------------


class Full(Staging):
    """A disk that takes the first files and then no more."""

    room = 3

    def text(self, path: Path, text: str, *, private: bool = False) -> None:
        if len(self._staged) == self.room:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))
        super().text(path, text, private=private)


def test_a_full_disk_leaves_nothing_of_a_new_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("composegen.folder.atomic.Staging", Full)
    with pytest.raises(FolderError, match="No space left"):
        folder.write(folder.plan(tmp_path / "a/b", TEXTS))
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_leaves_an_existing_folder_as_it_was(made: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("composegen.folder.atomic.Staging", Full)
    before = snapshot(made)
    with pytest.raises(FolderError):
        folder.write(folder.plan(made, {path: f"{text}# new\n" for path, text in TEXTS.items()} | {"new/file": "x"}))
    assert snapshot(made) == before and not (made / "new").exists()


@pytest.mark.parametrize("failure", [OSError(errno.EIO, "bad disk"), KeyboardInterrupt()], ids=["disk", "Ctrl-C"])
@pytest.mark.parametrize("at", range(5))
def test_a_failure_between_two_renames_is_undone(
    made: Path, monkeypatch: pytest.MonkeyPatch, failure: BaseException, at: int
) -> None:
    before = snapshot(made)
    renames = 0
    real = Path.replace

    def replace(self: Path, target: Path) -> Path:
        nonlocal renames
        renames += 1
        if renames == at + 1:
            raise failure
        return real(self, target)

    monkeypatch.setattr(Path, "replace", replace)
    plan = folder.plan(made, {path: f"{text}# new\n" for path, text in TEXTS.items()} | {"new/file": "x"})
    with pytest.raises((FolderError, KeyboardInterrupt)):
        folder.write(plan)
    assert snapshot(made) == before and not (made / "new").exists()


def test_a_removal_is_undone_as_well(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("a")
    with pytest.raises(FileNotFoundError), all_or_nothing() as staging:
        staging.text(tmp_path / "b", "b")
        staging.removal(tmp_path / "a")
        staging.removal(tmp_path / "gone meanwhile")
    assert snapshot(tmp_path) == {"a": "a"}


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 32 KiB with a folder of ours."""
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=32k", "composegen-test", tmp_path], capture_output=True)
    if mounted.returncode != 0:
        pytest.skip("mounting a small disk needs root")
    try:
        folder.write(folder.plan(tmp_path / "w", TEXTS))
        yield tmp_path
    finally:
        subprocess.run(["umount", tmp_path], check=True)


def test_a_disk_that_is_really_full_keeps_what_it_had(small_disk: Path) -> None:
    before = snapshot(small_disk)
    with pytest.raises(FolderError, match="No space left"):
        folder.write(folder.plan(small_disk / "w", TEXTS | {"Dockerfile": "FROM y\n", "big": "x" * 40_000}))
    with pytest.raises(FolderError, match="No space left"):
        folder.write(folder.plan(small_disk / "new", TEXTS | {"big": "x" * 40_000}))
    assert snapshot(small_disk) == before and not (small_disk / "new").exists()


def test_a_disk_that_is_really_read_only_is_said(small_disk: Path) -> None:
    subprocess.run(["mount", "-o", "remount,ro", small_disk], check=True)
    for directory in ("w", "new"):
        with pytest.raises(FolderError, match="Read-only file system"):
            folder.write(folder.plan(small_disk / directory, TEXTS | {"Dockerfile": "FROM y\n"}))


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_read_only_folder_is_said_and_nothing_is_left(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    try:
        with pytest.raises(FolderError, match="Permission denied"):
            folder.write(folder.plan(tmp_path / "new", TEXTS))
        assert list(tmp_path.iterdir()) == []
    finally:
        tmp_path.chmod(0o700)


def test_a_disk_that_cannot_be_written_is_said() -> None:
    with pytest.raises(FolderError, match="cannot write"):
        folder.write(folder.plan(Path("/proc/composegen"), TEXTS))


# --- Modes and owners ------------------------------------------------------------------------------------------------------


def test_env_is_for_its_owner_only_and_the_rest_follows_the_umask(made: Path) -> None:
    (made / ".env").write_text("A=1\n")
    (made / ".env").chmod(0o644)
    before = os.umask(0o027)
    try:
        plan = folder.plan(made, TEXTS | {"new": "x\n"})
        folder.write(Plan(made, (*plan.changes, folder.plan_env(made, "A=2\n"))))
    finally:
        os.umask(before)
    assert (made / ".env").stat().st_mode & 0o777 == 0o600
    assert (made / "new").stat().st_mode & 0o777 == 0o640


def test_an_updated_file_keeps_its_mode(made: Path) -> None:
    (made / "container/entrypoint.sh").chmod(0o755)
    folder.write(folder.plan(made, TEXTS | {"container/entrypoint.sh": "new\n"}))
    assert (made / "container/entrypoint.sh").stat().st_mode & 0o777 == 0o755


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
def test_new_files_belong_to_the_owner_that_is_named(tmp_path: Path) -> None:
    folder.write(folder.plan(tmp_path / "new", TEXTS), owner=(1234, 1235))
    made = [tmp_path / "new", *(tmp_path / "new").rglob("*")]
    assert {(path.stat().st_uid, path.stat().st_gid) for path in made} == {(1234, 1235)}


def test_no_temporary_file_is_left(made: Path) -> None:
    folder.write(folder.plan(made, TEXTS | {"Dockerfile": "FROM y\n"}))
    assert not [path for path in made.rglob("*") if "composegen" in path.name and path.name != ".composegen"]


# --- Secrets in a diff -----------------------------------------------------------------------------------------------------


def test_the_diff_of_env_shows_no_secret(made: Path) -> None:
    (made / ".env").write_text("SSH_PASSWORD='old s3cret'\nSSH_PORT=2222\n")
    change = folder.plan_env(made, "SSH_PASSWORD='new s3cret'\nSSH_PORT=2300\n")
    assert "s3cret" not in change.diff and "+SSH_PORT=2300" in change.diff


# --- Opening ---------------------------------------------------------------------------------------------------------------


def test_opening_gives_the_choices_and_the_settings(made: Path) -> None:
    (made / ".env").write_bytes(
        b"\xef\xbb\xbfCOMPOSE_PROJECT_NAME=work\r\nSSH_PORT=2300\r\nSSH_AUTHORIZED_KEYS='ssh-ed25519 A a\r\nssh-rsa B b'\r\n"
    )
    opened = folder.open_folder(made, {})
    assert (opened.path, opened.choices.stack, opened.settings.project_name, opened.settings.port) == (made, "python", "work", 2300)
    assert opened.settings.authorized_keys == ("ssh-ed25519 A a", "ssh-rsa B b")


def test_an_exported_variable_beats_env_and_is_named(made: Path) -> None:
    (made / ".env").write_text("SSH_PORT=2300\nSSH_USER=alice\nUSER_UID=1000\n")
    opened = folder.open_folder(made, {"SSH_PORT": "2400", "SSH_USER": "alice", "GPUS": "0"})
    assert (opened.settings.port, opened.settings.gpus, opened.shadowed) == (2400, "0", ("SSH_PORT", "GPUS"))


@pytest.mark.parametrize(("text", "exported"), [("SSH_USER=ada\n", {}), ("", {"SSH_USER": "ada"})], ids=["env", "exported"])
def test_a_user_who_would_have_the_uid_of_root_is_explained(made: Path, text: str, exported: dict[str, str]) -> None:
    """The container makes no such user, and the key of one that is not there is refused without a reason."""
    (made / ".env").write_text(text)
    with pytest.raises(UsageError, match=r"SSH_USER is 'ada', who cannot have root's USER_UID, 0") as error:
        folder.open_folder(made, exported)
    assert "for example USER_UID=1000" in (error.value.hint or "")


def test_an_exported_empty_variable_means_the_default_as_in_compose(made: Path) -> None:
    (made / ".env").write_text("SSH_PORT=2300\n")
    opened = folder.open_folder(made, {"SSH_PORT": ""})
    assert (opened.settings.port, opened.shadowed) == (2222, ("SSH_PORT",))


def test_a_folder_without_a_compose_file_of_ours_is_not_opened(tmp_path: Path) -> None:
    with pytest.raises(FolderError, match=r"no compose\.yaml"):
        folder.open_folder(tmp_path)
    (tmp_path / "compose.yaml").write_text("services: {}\n")
    with pytest.raises(FolderError, match="x-composegen"):
        folder.open_folder(tmp_path)
