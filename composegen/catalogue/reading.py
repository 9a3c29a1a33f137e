"""From a catalogue file to a stack, with every problem at once, each with file, line and path."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, replace
from functools import cache as once
from pathlib import Path
from typing import TYPE_CHECKING, Any

from composegen import __version__, cache, document
from composegen.errors import CatalogueError, ComposegenError
from composegen.model.record import tuples
from composegen.model.stack import Check, Contract, Stack, Variant

if TYPE_CHECKING:
    from composegen.catalogue.shape import Problem

FACTS = Path(__file__).parent / "facts"
HINT = "docs/adding-a-stack.md says what a catalogue file holds"


def read(file: Path) -> Stack:
    """The stack in a catalogue file, kept ready-made in the user's cache: checking one takes longer than all else of `init`.

    Raises CatalogueError: the file is wrong, or cannot be read.
    """
    try:
        about = file.stat()
    except OSError as error:
        raise CatalogueError(f"cannot read '{error.filename}': {error.strerror}", hint="look at its owner and mode") from None
    return _read(file.absolute(), about.st_mtime_ns, about.st_size, shown=file)


def read_all(files: Iterable[Path]) -> list[Stack]:
    """The stack of each file. Raises CatalogueError: what is wrong with any of them, all at once."""
    outcomes = {str(file): _outcome(file) for file in files}
    wrong = [outcome for _, outcome in sorted(outcomes.items()) if isinstance(outcome, CatalogueError)]
    if wrong:
        hints = {error.hint for error in wrong}
        raise CatalogueError("\n".join(error.message for error in wrong), hint=hints.pop() if len(hints) == 1 else HINT)
    return [outcome for outcome in outcomes.values() if isinstance(outcome, Stack)]


def _outcome(file: Path) -> Stack | CatalogueError:
    try:
        return read(file)
    except CatalogueError as error:
        return error


@once
def _read(path: Path, changed: int, size: int, *, shown: Path) -> Stack:
    """`changed` and `size` tell one content of a file from the next; `shown` is what the user calls it."""
    file = shown
    try:
        content = path.read_bytes()
        shared = b"\0".join((FACTS / name).read_bytes() for name in ("systems.yaml", "cuda.yaml"))
    except OSError as error:
        raise CatalogueError(f"cannot read '{error.filename}': {error.strerror}", hint="look at its owner and mode") from None
    kept = cache.file("catalogue", b"\0".join((__version__.encode(), _OWN_CODE, shared, path.name.encode(), content)))
    if (known := _recall(kept)) is not None:
        return known
    stack = parse(_decoded(content, file), file=str(file))
    cache.keep(kept, _to_keep(stack))
    return stack


def _decoded(content: bytes, file: Path) -> str:
    try:
        return content.decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise CatalogueError(f"{file} line {line}: not UTF-8 text", hint="save it as UTF-8") from None


def parse(text: str, *, file: str) -> Stack:
    """Read a catalogue that anybody may have written. Raises CatalogueError: every problem, one a line."""
    from composegen.catalogue import schema
    from composegen.catalogue.rules import wrong
    from composegen.catalogue.shape import Problem, shaped

    try:
        loaded = document.load(text, name=file)
    except ComposegenError as error:
        raise CatalogueError(error.message, hint=error.hint) from None
    if not isinstance(loaded, dict):
        raise CatalogueError(f"{file} line 1: {'is empty' if loaded is None else 'is not a mapping'}", hint=HINT)
    written, problems = shaped(schema.Written, loaded)
    systems, cuda = _facts("systems.yaml"), _facts("cuda.yaml")
    facts = schema.Facts(systems, cuda)
    variants = list(schema.meant(written, facts))
    problems += wrong(written, variants, facts)
    if written.get("name", stem := Path(file).stem) != stem:
        problems.append(Problem(("name",), f"is '{written['name']}', and the file is called '{Path(file).name}'"))
    if problems:
        raise _refusal(file, text, problems)
    return schema.stack(written, variants, facts)


@once
def _facts(name: str) -> dict[str, dict[str, Any]]:
    loaded: dict[str, dict[str, Any]] = document.load((FACTS / name).read_text(encoding="utf-8"), name=name)
    return loaded


def _refusal(file: str, text: str, problems: Iterable[Problem]) -> CatalogueError:
    places = document.places(text)
    named = [(tuple(map(str, problem.path)), problem.message) for problem in problems]
    found = sorted(((document.line_of(path, places), path, message) for path, message in named), key=lambda each: each[0])
    said = [f"{file} line {line}: {'.'.join(path)}: {message}" for line, path, message in found]
    return CatalogueError("\n".join(said), hint=HINT)


# --- Ready-made stacks -----------------------------------------------------------------------------------------------------

# A change of what a variant is makes everything that was kept unreadable.
_OWN_CODE = repr([list(each.__dataclass_fields__) for each in (Stack, Variant, Contract, Check)]).encode()


def _recall(file: Path) -> Stack | None:
    try:
        loaded = json.loads(file.read_bytes())
        contracts = [Contract(**tuples(each)) for each in loaded.pop("contracts")]
        return Stack(**{**tuples(loaded), "variants": tuple(_variant(each, contracts) for each in loaded["variants"])})
    except (OSError, ValueError, KeyError, TypeError, IndexError):
        return None


def _variant(kept: dict[str, Any], contracts: list[Contract]) -> Variant:
    check = Check(**kept["check"]) if kept["check"] else None
    return Variant(**{**tuples(kept), "contract": contracts[kept["contract"]], "check": check})


def _to_keep(stack: Stack) -> dict[str, Any]:
    contracts = list(dict.fromkeys(variant.contract for variant in stack.variants))
    variants = [{**asdict(variant), "contract": contracts.index(variant.contract)} for variant in stack.variants]
    return {**asdict(replace(stack, variants=())), "contracts": [asdict(each) for each in contracts], "variants": variants}
