#!/usr/bin/env bash
# Start the installed Docker Engine unless one answers: through systemd where it runs, else `dockerd` by hand.
set -euo pipefail

# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/lib.sh"

LOG=${DOCKERD_LOG:-/var/log/dockerd.log}
WAIT_SECONDS=60

if engine_answers; then exit 0; fi
if [ -n "${DOCKER_HOST:-}" ]; then
    fail "DOCKER_HOST is '$DOCKER_HOST' and no engine answers there" "start that engine, or unset DOCKER_HOST"
fi
command -v dockerd >/dev/null || as_root sh -c 'command -v dockerd' >/dev/null ||
    fail "dockerd is not installed" "run scripts/install-engine.sh first"
if engine_answers_root; then exit 0; fi # it runs; whether the caller may use it is scripts/with-engine.sh's question

if [ -d /run/systemd/system ]; then
    as_root systemctl start docker
else
    say "Starting dockerd by hand, since this machine has no systemd (log: $LOG)"
    # The pid file of a killed daemon would make dockerd refuse to start. dockerd outlives this script and its terminal.
    as_root sh -c "rm -f /var/run/docker.pid; setsid dockerd >>'$LOG' 2>&1 </dev/null &"
fi
for ((waited = 0; waited < WAIT_SECONDS * 5; waited++)); do
    if engine_answers || engine_answers_root; then
        say "The engine is up."
        exit 0
    fi
    sleep 0.2
done
as_root tail -n 20 "$LOG" >&2 2>/dev/null || true
fail "the engine did not answer within $WAIT_SECONDS s" "its log is $LOG, or: journalctl -u docker"
