#!/usr/bin/env bash
# What the tests call on this machine besides Docker and the OpenSSH client: a real sshd, sshpass to type a password, a reader of
# desktop entries and what opens links by them.
set -euo pipefail

# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/lib.sh"

POLICY=/usr/sbin/policy-rc.d

missing=()
command -v sshpass >/dev/null || missing+=(sshpass)
[ -x /usr/sbin/sshd ] || missing+=(openssh-server)
command -v desktop-file-validate >/dev/null || missing+=(desktop-file-utils)
command -v xdg-open >/dev/null || missing+=(xdg-utils)
if [ ${#missing[@]} -eq 0 ]; then exit 0; fi
command -v apt-get >/dev/null || fail "missing here: ${missing[*]}" "install them with this system's package manager"
confirm "For the tests this will install from this machine's own package sources (no service is started):" "  ${missing[*]}"
refresh_packages
# The tests start their own sshd; nobody asked for one that listens on this machine, now or after the next boot.
if ! [ -e "$POLICY" ]; then
    printf '#!/bin/sh\nexit 101\n' | as_root tee "$POLICY" >/dev/null
    as_root chmod +x "$POLICY"
    trap 'as_root rm -f "$POLICY"' EXIT
fi
install_packages "${missing[@]}"
if [[ " ${missing[*]} " == *" openssh-server "* ]] && [ -d /run/systemd/system ]; then
    as_root systemctl disable --quiet ssh.service ssh.socket 2>/dev/null || true
fi
