"""`connect --write-ide-config`: the interpreter that was found in the container, written down for IDEs in the folder of code."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from composegen import folder
from composegen.document.lines import plain
from composegen.errors import ComposegenError, FolderError
from composegen.folder import Folder, Plan
from composegen.ide import code_folder
from composegen.up.ways import Ways

MAIN = "main.py"  # what the run configuration starts where nothing tells


@dataclass(frozen=True)
class IdeConfig:
    plan: Plan
    kept: tuple[str, ...]  # what a person said otherwise, in words


def prepare(opened: Folder, found: Ways) -> IdeConfig:
    """What would be written.

    Raises ComposegenError: no interpreter is known. FolderError: what is there cannot be read, or leads out of the folder.
    """
    project, interpreter = found.connection.project, found.connection.interpreter
    if not interpreter:
        raise ComposegenError(f"the interpreter is not known: {found.reason}", hint="`composegen up` makes it known")
    code = opened.code
    if not code.is_dir():
        raise FolderError(f"there is no folder '{code}', where the code should be", hint="CODE_DIR in .env names it")
    run_file = code_folder.run_file(project)
    texts = {
        code_folder.VSCODE: code_folder.vscode(_there(code, code_folder.VSCODE), interpreter),
        run_file: code_folder.run_configuration(_there(code, run_file), project, interpreter, _script(code)),
    }
    changes = tuple(folder.plan_untracked(code, file, text) for file, (text, _) in texts.items())
    return IdeConfig(Plan(code, changes), tuple(said for _, kept in texts.values() for said in kept))


def _there(code: Path, file: str) -> str:
    return plain(folder.read_text(code / file) or "")


def _script(code: Path) -> str:
    """The only Python file of the code, if there is one."""
    scripts = [path.name for path in code.glob("*.py")]
    return scripts[0] if len(scripts) == 1 else MAIN


def write(config: IdeConfig) -> None:
    """New files belong to whoever the code belongs to. Raises FolderError: the disk refuses; nothing was written then."""
    owner = config.plan.directory.stat()
    folder.write(config.plan, owner=(owner.st_uid, owner.st_gid))
