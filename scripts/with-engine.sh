#!/usr/bin/env bash
# Run a command that needs a Docker engine: install it where it is missing, start it, and let the caller use it.
#
#   scripts/with-engine.sh COMMAND [ARGUMENT...]
set -euo pipefail

here=$(dirname "$0")
# shellcheck source=scripts/lib.sh
. "$here/lib.sh"

if ! { engine_answers && clients_are_good; }; then
    "$here/install-engine.sh"
    "$here/start-engine.sh"
fi
if engine_answers; then exec "$@"; fi

# The engine runs and this user may not use it: membership of the group `docker` takes effect at the next login, `sg` gives it now.
me=$(id -un)
if ! getent group docker | cut -d: -f4 | tr , '\n' | grep -qx "$me"; then
    confirm "The engine runs, but '$me' may not use it. This will add '$me' to the group docker." \
        "Members of that group can become root on this machine."
    as_root usermod -aG docker "$me"
fi
command -v sg >/dev/null || fail "'$me' is in the group docker from the next login on" "log in again and repeat the command"
exec sg docker -c "$(printf '%q ' "$@")"
