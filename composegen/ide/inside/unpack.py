"""An archive into a folder of the login user's home, as it comes over the line: no second copy there, and whole or not at all."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from composegen.errors import ComposegenError
from composegen.ide.inside.container import command
from composegen.ide.vendor.download import Progress
from composegen.ssh import Session

CHUNK = 256 * 1024
SLOWEST = 250_000  # bytes a second that a line to the container has at least
BUSY = 75  # exit status

# `$1`: the folder, `$2`: the name in it, `$3`: a file that must be in there, and then the options of tar. What is unfinished has a
# name that nobody looks for; who holds the lock may take what another one left.
SCRIPT = rf"""
set -e
umask 022
mkdir -p ~/"$1"
cd ~/"$1"
name=$2
probe=$3
shift 3
exec 9>.composegen.lock
flock -n 9 || exit {BUSY}
rm -rf .composegen.new.*
new=$(mktemp -d "$PWD/.composegen.new.XXXXXX")
trap 'rm -rf "$new"' EXIT
trap 'exit 1' HUP INT TERM
chmod 755 "$new"
tar "$@" --no-same-owner --no-same-permissions -C "$new" -f -
test -e "$new/$probe"
if [ -e "$name" ] && ! [ -e "$name/$probe" ]; then
  old=$(mktemp -d "$PWD/.composegen.new.XXXXXX")
  trap 'rm -rf "$new" "$old"' EXIT
  mv -T "$name" "$old/damaged"
fi
mv -T "$new" "$name"
"""


def unpack(
    session: Session, folder: str, name: str, probe: str, options: tuple[str, ...], content: Iterable[bytes], size: int
) -> None:
    """Make `content`, an archive of about `size` bytes, the folder `name` in `folder` of the home; `probe` must be in it.

    A folder of that name without `probe` is what is left of one, and goes away. Raises
    ComposegenError: it cannot be unpacked there, or another installation goes on. SshError: the connection ended.
    """
    said = session.run(command(SCRIPT, folder, name, probe, *options), timeout=600 + size / SLOWEST, stdin=content)
    if said.status == BUSY:
        raise ComposegenError("another installation goes on in this container", hint="wait for it, and try again")
    if not said.ok:
        last = (said.output.strip().splitlines() or [f"exit code {said.status}"])[-1]
        raise ComposegenError(
            f"{name} could not be unpacked in the container: {last}", hint="nothing of it is left there", said=said.output
        )


def parts(archive: Path, progress: Progress) -> Iterator[bytes]:
    """The content of a file."""
    size, done = archive.stat().st_size, 0
    with archive.open("rb") as file:
        while chunk := file.read(CHUNK):
            yield chunk
            done += len(chunk)
            progress(done, size)
