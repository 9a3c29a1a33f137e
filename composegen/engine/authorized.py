"""Who may log in, as the container itself says: every file that sshd reads keys from, and its lines."""

from __future__ import annotations

# sshd_config's AuthorizedKeysFile: one for everybody, and one in each home.
SCRIPT = """
{ echo /etc/ssh/authorized_keys; getent passwd | cut -d: -f6 | sed 's|/*$|/.ssh/authorized_keys|'; } | sort -u |
while IFS= read -r file; do if [ -f "$file" ]; then grep -aH '' "$file" || true; fi; done
"""


def parse(said: str) -> dict[str, tuple[str, ...]]:
    """What the script says as {file: lines}."""
    found: dict[str, list[str]] = {}
    for each in said.splitlines():
        file, colon, line = each.partition(":")
        if colon:
            found.setdefault(file, []).append(line)
    return {file: tuple(lines) for file, lines in found.items()}
