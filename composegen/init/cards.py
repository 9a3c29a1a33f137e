"""Which cards of this host: so many free ones, and whether those that were named are there. Pure, over what nvidia-smi says."""

from __future__ import annotations

from composegen.errors import UsageError
from composegen.host.nvidia import Card, Cards

BUSY = 0.1  # of a card's memory: more than a driver and a desktop take for themselves
MIB = 2**20  # bytes


def take(count: int, there: Cards) -> tuple[tuple[str, ...], list[str]]:
    """The indices of `count` cards, free ones first, then the least used; and whose the busy ones are.

    Where it cannot be told which cards are free these are the first ones, as with Docker. Raises UsageError: there are not so many.
    """
    if reason := _untold(there):
        first = tuple(map(str, range(count)))
        return first, [f"which GPUs are free cannot be told ({reason}), taking {','.join(first)}"]
    if count > len(there.cards):
        raise UsageError(
            f"--gpus {count} is more than there are: this host has {len(there.cards)}", hint=f"--gpus all takes {_named(there)}"
        )
    taken = sorted(sorted(there.cards, key=_pressure)[:count], key=lambda card: int(card.index))
    ids = tuple(card.index for card in taken)
    passed = [card for card in there.cards if _busy(card) and card not in taken and int(card.index) < int(ids[-1])]
    crowded = [card for card in taken if _busy(card)]
    notes = [f"{', '.join(map(_in_words, passed))}, taking {','.join(ids)}"] if passed else []
    if crowded:
        notes.append(f"{', '.join(map(_in_words, crowded))}, and taken all the same: not so many others are free")
    return ids, notes


def refuse_absent(ids: tuple[str, ...], there: Cards) -> None:
    """Raises UsageError: nvidia-smi answers, and has no such card."""
    if there.trouble:
        return
    absent = [each for each in ids if not _is_there(each, there)]
    if absent:
        raise UsageError(f"this host has no GPU {absent[0]}", hint=f"it has {_named(there)}: `nvidia-smi -L` lists them")


def _is_there(name: str, there: Cards) -> bool:
    if name.startswith("MIG-"):
        return name in there.mig
    if name.startswith("GPU-"):
        # As NVIDIA's tools, which take the beginning of a UUID for it.
        return any(card.uuid.lower().startswith(name.lower()) for card in there.cards)
    return name == "all" or name.partition(":")[0] in [card.index for card in there.cards]


def _untold(there: Cards) -> str:
    """Why it cannot be told which cards are free; empty where it can."""
    if there.trouble:
        return there.trouble
    if there.mig:
        return "MIG divides them; `nvidia-smi -L` lists the parts, and --gpus takes their ids"
    silent = [card.index for card in there.cards if (card.used is None or not card.memory) and not card.processes]
    return f"nvidia-smi does not tell the memory of GPU {silent[0]}, as with a vGPU" if silent else ""


def _busy(card: Card) -> bool:
    return bool(card.processes) or (card.used or 0) > BUSY * (card.memory or 0)


def _pressure(card: Card) -> tuple[bool, int, int]:
    busy = _busy(card)
    return busy, (card.used or 0) if busy else 0, int(card.index)


def _in_words(card: Card) -> str:
    users = list(dict.fromkeys(process.user or "somebody" for process in card.processes)) or ["somebody"]
    memory = "" if card.used is None else f", {card.used * MIB / 1e9:.0f} GB"
    return f"GPU {card.index} is busy ({', '.join(users)}{memory})"


def _named(there: Cards) -> str:
    return ", ".join(card.index for card in there.cards) + (f", {', '.join(there.mig)}" if there.mig else "")
