# shellcheck shell=bash
# What the scripts share: words to the user, root's rights, packages, and what counts as a good engine. To be sourced.
# shellcheck disable=SC2034  # some variables are for those who source it

ENGINE_MIN=23 # first Engine whose default builder is BuildKit
COMPOSE_MIN=2.24
ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

say() { printf '%s\n' "$*" >&2; }

# fail FACT HINT
fail() {
    printf 'error: %s\n  hint: %s\n' "$1" "$2" >&2
    exit 1
}

# confirm LINE...: says what will happen and asks on a terminal. Without one, or with --yes, saying is enough.
confirm() {
    printf '%s\n' "$@" >&2
    if [ "${YES:-false}" = true ] || [ "${CI:-}" = true ] || ! [ -t 0 ]; then return; fi
    local answer
    read -r -p "Go on? [y/N] " answer
    case $answer in y | Y | yes) ;; *) fail "nothing was changed" "do it your own way, then run this again" ;; esac
}

as_root() {
    if [ "$(id -u)" -eq 0 ]; then
        "$@"
    elif command -v sudo >/dev/null; then
        sudo "$@"
    else
        fail "this needs root, and there is no sudo: $*" "run it as root"
    fi
}

apt_get() {
    as_root env DEBIAN_FRONTEND=noninteractive apt-get -q -o Dpkg::Use-Pty=0 -o Acquire::Retries=2 \
        -o Acquire::http::Timeout=20 -o Acquire::https::Timeout=20 "$@"
}

# A third-party source that does not answer must not stop us: what is really missing, the installation itself will say.
refresh_packages() { apt_get update || say "Some package sources did not answer; going on without them."; }

install_packages() { apt_get install -y --no-install-recommends "$@"; }

# at_least VERSION MINIMUM
at_least() { [ -n "$1" ] && [ "$(printf '%s\n%s\n' "$2" "${1#v}" | sort -V | head -n 1)" = "$2" ]; }

engine_version() { docker version --format '{{.Server.Version}}' 2>/dev/null; }
compose_version() { docker compose version --short 2>/dev/null; }
engine_answers() { engine_version >/dev/null; }
engine_answers_root() { (as_root docker version) >/dev/null 2>&1; }
compose_is_good() { at_least "$(compose_version)" "$COMPOSE_MIN"; }
buildx_is_there() { docker buildx version >/dev/null 2>&1; }
clients_are_good() { compose_is_good && buildx_is_there; }
engine_summary() { printf 'Engine %s, Compose %s' "$(engine_version || echo none)" "$(compose_version || echo none)"; }
