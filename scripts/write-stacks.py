"""`make stacks`: write stacks/ anew, each folder as `composegen init` writes it but without .env, and the top-level .env.example.

python scripts/write-stacks.py [TARGET]        default: stacks/
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


def main() -> None:
    target = Path(sys.argv[1]).resolve() if sys.argv[1:] else ROOT / "stacks"
    with tempfile.TemporaryDirectory() as scratch:
        for name, words in STACKS.items():
            stack, *options = words
            init(scratch, stack, name, *options)
            shutil.rmtree(target / name, ignore_errors=True)
            shutil.copytree(Path(scratch, name), target / name, ignore=shutil.ignore_patterns(".env"))
    if not sys.argv[1:]:
        shutil.copy(target / "python/.env.example", ROOT / ".env.example")


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
