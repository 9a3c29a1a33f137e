#!/usr/bin/env bash
# `make demo`: MindSpore (CPU) in a container, reachable over SSH, its own check run over SSH. The folder is demo/; a second run takes seconds.
set -euo pipefail

# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/lib.sh"
cd "$ROOT"

OFFICIAL=python:3.11-slim-bookworm
LOCAL="composegen-base:bookworm"
composegen=.venv/bin/composegen

registry_answers() { timeout 5 docker manifest inspect "$OFFICIAL" >/dev/null 2>&1; }

# Sets BASE, and says where it comes from.
choose_base() {
    if docker image inspect "$OFFICIAL" >/dev/null 2>&1; then
        say "Base image: $OFFICIAL, which this engine has already"
        BASE=$OFFICIAL
    elif registry_answers && docker pull --quiet "$OFFICIAL" >/dev/null; then
        say "Base image: $OFFICIAL, from the registry"
        BASE=$OFFICIAL
    else
        scripts/bootstrap-base.sh "$LOCAL"
        say "Base image: $LOCAL, made from Debian packages, since no image registry answers"
        BASE=$LOCAL
    fi
}

# setting NAME VALUE: into demo/.env, where init leaves `# NAME=` for what was not asked for
setting() {
    if [ -z "$2" ]; then return; fi
    sed -i "s|^# $1=\$|$1='$2'|" demo/.env
    say "  $1=$2, as this machine's own environment has it"
}

# What this machine needs to reach a package index, a build on it needs as well.
inherit_network_settings() {
    if [ -n "${SSL_CERT_FILE:-}${PIP_CERT:-}${REQUESTS_CA_BUNDLE:-}" ]; then
        setting CA_BUNDLE "${PIP_CERT:-${REQUESTS_CA_BUNDLE:-$SSL_CERT_FILE}}"
    fi
    setting PIP_INDEX_URL "${PIP_INDEX_URL:-$(.venv/bin/pip config get global.index-url 2>/dev/null || true)}"
}

if ! [ -e demo/compose.yaml ]; then
    choose_base
    base=()
    if [ "$BASE" != "$OFFICIAL" ]; then base=(--base "$BASE"); fi
    "$composegen" init mindspore demo --device cpu "${base[@]}" </dev/null
    inherit_network_settings
fi
connect=$("$composegen" up demo --no-test)
"$composegen" test demo
printf '\n%s\n' "$connect"
say "The folder is demo/: .venv/bin/composegen ssh demo, and .venv/bin/composegen down demo when you are done."
