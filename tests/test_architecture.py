"""The house of docs/architecture.md: who may import whom, one library per room, modules that can be read in one sitting."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from composegen import catalogue, render
from composegen.model import SERVICES, Choices, record

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "composegen"
MODULES = sorted(path for path in PACKAGE.rglob("*.py") if "templates" not in path.parts)

# From the ground up. A room imports rooms of the floors below it, and none of its own floor.
FLOORS = (
    {"errors"},
    {"model", "host", "dotenv", "passwords", "cache"},
    {"document", "engine", "ssh"},
    {"catalogue", "render", "folder", "convert", "smoke", "doctor", "ide", "cluster"},
    {"init", "drift", "diagnosis", "server"},
    {"up"},
    {"testing", "mending", "converting"},
    {"cli"},
    {"__main__"},
)

# Same-floor imports that are meant, each with its reason.
NEIGHBOURS: dict[tuple[str, str], str] = {}

# library: the one room that knows it
LIBRARIES = {
    "typer": "cli",
    "rich": "cli",
    "jinja2": "render",
    "ruamel": "document",
    "python_on_whales": "engine",
    "paramiko": "ssh",
    "cryptography": "ssh",
    "zxcvbn": "passwords",
}

PRINTS = {"print", "exit", "quit", "sys.exit", "os._exit", "SystemExit", "sys.stdout.write", "sys.stderr.write"}
# Builds and pulls take minutes: what docker says of its progress goes straight to the terminal it was made for.
FORWARDS = {"composegen/engine/command.py": {"sys.stderr.write"}}

LONGEST_MODULE = 300  # lines
LONGEST_FUNCTION = 50


def room(module: Path) -> str:
    """The first part of a module's name under the package: `composegen/ssh/keys.py` is in the room `ssh`."""
    return module.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imports(module: Path) -> Iterator[str]:
    """Every module name that a file imports, wherever in the file it does so."""
    for node in ast.walk(ast.parse(module.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{module}:{node.lineno} relative import"
            yield from (
                (f"{node.module}.{alias.name}" for alias in node.names) if node.module == "composegen" else [node.module or ""]
            )


def rooms_imported_by(module: Path) -> set[str]:
    names = (name.split(".") for name in imports(module))
    return {parts[1] for parts in names if parts[0] == "composegen" and len(parts) > 1 and parts[1] != "__version__"} - {
        room(module)
    }


def floor(name: str) -> int:
    found = [number for number, rooms in enumerate(FLOORS) if name in rooms]
    assert found, f"'{name}' stands on no floor: put it on one in FLOORS, and into docs/architecture.md"
    return found[0]


def identifier(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("module", MODULES, ids=identifier)
def test_a_room_imports_only_rooms_below_it(module: Path) -> None:
    here = room(module)
    if here == "__init__":
        assert not rooms_imported_by(module)
        return
    wrong = [name for name in sorted(rooms_imported_by(module)) if floor(name) >= floor(here) and (here, name) not in NEIGHBOURS]
    assert not wrong, f"{identifier(module)} imports {', '.join(wrong)}"


@pytest.mark.parametrize("module", MODULES, ids=identifier)
def test_a_library_is_known_to_one_room_only(module: Path) -> None:
    used = {name.split(".")[0] for name in imports(module)}
    wrong = sorted(library for library in used & LIBRARIES.keys() if LIBRARIES[library] != room(module))
    assert not wrong, (
        f"{identifier(module)} imports {', '.join(wrong)}, which belongs to {', '.join(LIBRARIES[each] for each in wrong)}"
    )


@pytest.mark.parametrize("module", MODULES, ids=identifier)
def test_a_module_can_be_read_in_one_sitting(module: Path) -> None:
    text = module.read_text(encoding="utf-8")
    assert text.count("\n") <= LONGEST_MODULE
    too_long = [
        f"{node.name} ({length} lines)"
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and (length := (node.end_lineno or node.lineno) - node.lineno + 1 - parameter_lines(node)) > LONGEST_FUNCTION
    ]
    assert not too_long


def parameter_lines(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """A command's options stand one to a line; they are a table, not code."""
    return function.body[0].lineno - function.lineno - 1


@pytest.mark.parametrize("module", [module for module in MODULES if room(module) not in ("cli", "__main__")], ids=identifier)
def test_only_the_command_line_prints_and_exits(module: Path) -> None:
    calls = [node.func for node in ast.walk(ast.parse(module.read_text(encoding="utf-8"))) if isinstance(node, ast.Call)]
    found = {ast.unparse(called) for called in calls} & PRINTS
    assert found == FORWARDS.get(identifier(module), set())


@pytest.mark.parametrize("module", [module for module in MODULES if room(module) == "cli"], ids=identifier)
def test_a_command_module_costs_nothing_at_import(module: Path) -> None:
    """Only typer and the error tree (app also its neighbours), so that `--help` stays as fast as `docker compose version`."""
    cheap = {"typer", "composegen.errors", "composegen.cli"}
    body = ast.parse(module.read_text(encoding="utf-8")).body
    found = {
        name
        for node in body
        if isinstance(node, ast.Import | ast.ImportFrom)
        for name in ([node.module or ""] if isinstance(node, ast.ImportFrom) else [alias.name for alias in node.names])
    }
    heavy = {
        name
        for name in found
        if name.split(".")[0] not in sys.stdlib_module_names
        and not any(name == each or name.startswith(f"{each}.") for each in cheap)
    }
    assert not heavy


# --- What is made by machine is as the machine makes it --------------------------------------------------------------------


def test_the_committed_stacks_equal_a_fresh_render(tmp_path: Path) -> None:
    subprocess.run([sys.executable, str(ROOT / "scripts/write-stacks.py"), str(tmp_path)], check=True)

    assert texts(ROOT / "stacks") == texts(tmp_path), "run `make stacks`"


def texts(directory: Path) -> dict[str, str]:
    """Every file below a directory but a person's .env and code: {relative path: text}."""
    return {
        str(path.relative_to(directory)): path.read_text(encoding="utf-8")
        for path in sorted(directory.rglob("*"))
        if path.is_file() and path.name != ".env" and (path.parent.name != "code" or path.name == ".gitkeep")
    }


def test_the_top_level_env_example_is_the_one_of_a_produced_folder() -> None:
    assert (ROOT / ".env.example").read_text(encoding="utf-8") == render.env_example()


def test_no_template_is_an_orphan() -> None:
    """Each is a produced file of some choice, a machine's own, or included by another."""
    templates = PACKAGE / "render/templates"
    found = {str(path.relative_to(templates)) for path in templates.rglob("*") if path.is_file()}
    produced = {path for choices in every_choice() for path in render.render(choices, catalogue.stack(choices.stack))}
    included = {
        name
        for path in found
        for name in re.findall(r"(?:{%|#%) include \"([^\"]+)\"", (templates / path).read_text(encoding="utf-8"))
    }

    assert found == produced - {record.FILE} | included | {"env", "gpus"}


def every_choice() -> Iterator[Choices]:
    for name in catalogue.names():
        for device in catalogue.stack(name).devices:
            yield Choices(name, device)
            yield Choices(name, device, init="tini", sudo=True, devcontainer=True)
            yield Choices(name, device, services=tuple(SERVICES))
