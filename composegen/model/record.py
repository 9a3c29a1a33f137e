"""A variant as values that JSON holds, and back. A folder keeps its own, so that it outlives the catalogue it came from."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from composegen.model.stack import Check, Contract, Variant

FILE = ".composegen/variant.json"  # in a folder


def record(variant: Variant) -> dict[str, Any]:
    """What differs from the defaults is all that is kept."""
    kept = _differing(variant)
    kept["contract"] = _differing(variant.contract)
    return kept


def variant_from(kept: dict[str, Any]) -> Variant:
    """Raises TypeError, KeyError or AttributeError: this is no record of a variant."""
    check = Check(**kept["check"]) if kept.get("check") else None
    return Variant(**{**tuples(kept), "contract": Contract(**tuples(kept["contract"])), "check": check})


def tuples(kept: dict[str, Any]) -> dict[str, Any]:
    """JSON has lists only, the values have tuples only."""
    return {
        name: tuple(tuple(each) if isinstance(each, list) else each for each in value) if isinstance(value, list) else value
        for name, value in kept.items()
    }


def _differing(value: Variant | Contract) -> dict[str, Any]:
    defaults = {name: field.default for name, field in value.__dataclass_fields__.items()}
    return {name: found for name, found in asdict(value).items() if found != defaults[name]}
