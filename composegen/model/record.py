"""A variant as values that JSON holds, and back. A folder keeps its own, so that it outlives the catalogue it came from."""

from __future__ import annotations

from dataclasses import MISSING, asdict
from typing import Any, TypeVar

from composegen.model.stack import Check, Contract, Variant

FILE = ".composegen/variant.json"  # in a folder
T = TypeVar("T", Variant, Contract, Check)


def record(variant: Variant) -> dict[str, Any]:
    """What differs from the defaults is all that is kept."""
    kept = _differing(variant)
    kept["contract"] = _differing(variant.contract)
    return kept


def variant_from(kept: dict[str, Any]) -> Variant:
    """Raises TypeError, KeyError or AttributeError: this is no record of a variant."""
    check = _sound(Check(**kept["check"])) if kept.get("check") else None
    contract = _sound(Contract(**tuples(kept["contract"])))
    return _sound(Variant(**{**tuples(kept), "contract": contract, "check": check}))


def _sound(value: T) -> T:
    """Raises TypeError: a field is not of its default's kind; one without a default is text."""
    for name, field in value.__dataclass_fields__.items():
        kind = str if field.default is MISSING else type(field.default)
        found = getattr(value, name)
        if name not in ("contract", "check") and not (isinstance(found, kind) and _is_plain(found)):
            raise TypeError(f"{name} is {found!r}")
    return value


def _is_plain(found: object) -> bool:
    """Text, yes or no, or tuples of these."""
    return all(map(_is_plain, found)) if isinstance(found, tuple) else isinstance(found, str | bool)


def tuples(kept: dict[str, Any]) -> dict[str, Any]:
    """JSON has lists only, the values have tuples only."""
    return {
        name: tuple(tuple(each) if isinstance(each, list) else each for each in value) if isinstance(value, list) else value
        for name, value in kept.items()
    }


def _differing(value: Variant | Contract) -> dict[str, Any]:
    defaults = {name: field.default for name, field in value.__dataclass_fields__.items()}
    return {name: found for name, found in asdict(value).items() if found != defaults[name]}
