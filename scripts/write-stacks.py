"""`make stacks`: write stacks/ anew, each folder as `composegen init` writes it but without .env, and the top-level .env.example.

python scripts/write-stacks.py [TARGET]            default: stacks/
python scripts/write-stacks.py --check [TARGET]    exit 1 where TARGET holds other folders than these
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]

# folder: the words behind `composegen init`
STACKS = {
    "mindspore": ["mindspore"],
    "mindspore-cpu": ["mindspore", "--device", "cpu"],
    "mindspore-npu": ["mindspore", "--device", "npu"],
    "pytorch": ["pytorch"],
    "pytorch-cpu": ["pytorch", "--device", "cpu"],
    "pytorch-rocm": ["pytorch", "--device", "rocm"],
    "tensorflow": ["tensorflow"],
    "tensorflow-cpu": ["tensorflow", "--device", "cpu"],
    "jax": ["jax"],
    "jax-cpu": ["jax", "--device", "cpu"],
    "paddle": ["paddle"],
    "paddle-cpu": ["paddle", "--device", "cpu"],
    "cuda": ["cuda"],
    "python": ["python"],
}

SOUGHT = ("compose.yaml", ".composegen/generated.json")  # what makes a folder one that `check --all` looks at


def main() -> None:
    _, *words = sys.argv
    is_check = words[:1] == ["--check"]
    target = Path(words[-1]).resolve() if words[is_check:] else ROOT / "stacks"
    if is_check:
        sys.exit("\n".join(differences(target)) or None)
    write(target)
    if not words:
        shutil.copy(target / "python/.env.example", ROOT / ".env.example")


def differences(target: Path) -> list[str]:
    """What `composegen check --all` cannot see: a folder that is not there at all, or that nobody writes."""
    there = {path.name: path for path in target.iterdir()}
    whole = {name for name, path in there.items() if all((path / file).is_file() for file in SOUGHT)}
    missing = [f"{target.name}/ has no {name}/: run `make stacks`" for name in STACKS if name not in whole]
    return missing + [
        f"{target.name}/ has {name}, which scripts/write-stacks.py does not write" for name in sorted(there.keys() - STACKS)
    ]


def write(target: Path) -> None:
    with tempfile.TemporaryDirectory() as scratch:
        for name, words in STACKS.items():
            stack, *options = words
            init(scratch, stack, name, *options)
            shutil.rmtree(target / name, ignore_errors=True)
            shutil.copytree(Path(scratch, name), target / name, ignore=shutil.ignore_patterns(".env"))


def init(scratch: str, *arguments: str) -> None:
    """`composegen init ARGUMENTS` in `scratch`, with a HOME of its own: no key of the caller's is read or made."""
    environment = {**os.environ, "HOME": f"{scratch}/home", "XDG_CONFIG_HOME": f"{scratch}/home/.config", "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-m", "composegen", "init", *arguments],
        cwd=scratch,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
    )
    if done.returncode != 0:
        sys.exit(done.returncode)


if __name__ == "__main__":
    main()
