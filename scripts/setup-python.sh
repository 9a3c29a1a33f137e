#!/usr/bin/env bash
# Make .venv with composegen and everything its tests need, at the versions of constraints.txt. Does nothing where it is up to date.
set -euo pipefail

# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/lib.sh"

VENV=$ROOT/.venv
STAMP=$VENV/.up-to-date

up_to_date() {
    [ -e "$STAMP" ] && [ "$STAMP" -nt "$ROOT/pyproject.toml" ] && [ "$STAMP" -nt "$ROOT/constraints.txt" ] && "$VENV/bin/python" -c ''
}

# usable PYTHON: 3.10 or newer, able to make virtual environments (Debian splits that off)
usable() { "$1" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 10))' 2>/dev/null; }

find_python() {
    local python
    for python in "${PYTHON:-}" python3 python3.14 python3.13 python3.12 python3.11 python3.10; do
        if [ -n "$python" ] && command -v "$python" >/dev/null && usable "$python"; then
            echo "$python"
            return
        fi
    done
    return 1
}

# What the tests and `composegen ssh` call besides Python and Docker.
install_tools() {
    local missing=()
    command -v ssh >/dev/null || missing+=(openssh-client)
    command -v git >/dev/null || missing+=(git)
    command -v ip >/dev/null || missing+=(iproute2)
    find_python >/dev/null || missing+=(python3 python3-venv)
    if [ ${#missing[@]} -eq 0 ]; then return; fi
    command -v apt-get >/dev/null || fail "missing here: ${missing[*]}" "install them with this system's package manager"
    confirm "This will install from this machine's own package sources:" "  ${missing[*]}"
    refresh_packages
    install_packages "${missing[@]}"
}

if up_to_date; then exit 0; fi
install_tools
python=$(find_python) || fail "no Python 3.10 or newer that can make virtual environments" "install one, or set PYTHON=/path/to/python3"
say "Setting up .venv with $("$python" --version) (about a minute)"
if ! { [ -x "$VENV/bin/python" ] && usable "$VENV/bin/python"; }; then "$python" -m venv --clear "$VENV"; fi
cd "$ROOT"
# Groups of dependencies need pip 25.1.
"$VENV/bin/python" -m pip install -qq --disable-pip-version-check --upgrade --constraint constraints.txt pip
"$VENV/bin/python" -m pip install -qq --disable-pip-version-check --constraint constraints.txt --editable . --group dev
touch "$STAMP"
