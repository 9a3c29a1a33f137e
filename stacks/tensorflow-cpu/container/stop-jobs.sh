#!/bin/bash
# Written by composegen. The container stops: every program in it hears SIGTERM, and has stop_grace_period of compose.yaml to finish.
# It waits for supervisord's word (http://supervisord.org/events.html); `supervisorctl stop` and `restart` of a program end no job.
set -uo pipefail

# Shells at a prompt ignore SIGTERM, and end with SIGHUP.
shells=' bash zsh fish sh dash ksh tcsh csh '
sigterm=$((1 << 14)) # in the masks of /proc/PID/status
log_filter=$(cat /run/composegen/log-filter 2>/dev/null) || log_filter=""
declare -A name parent terminal session children held told

# Everything that runs, as /proc/PID/stat has it, but supervisord or tini, this program and the log.
look() {
  local file line pid rest
  name=() parent=() terminal=() session=() children=() held=()
  for file in /proc/[0-9]*/stat; do
    line=""
    { IFS= read -r -d '' line <"$file"; } 2>/dev/null
    pid=${line%% *}
    read -r -a rest <<<"${line##*) }" # state, parent, group, session, terminal
    case "$pid:${rest[0]:-gone}" in :* | *:Z | *:X | *:gone) continue ;; esac
    if [ "$pid" = 1 ] || [ "$pid" = $$ ] || [ "$pid" = "$log_filter" ]; then continue; fi
    line=${line#*(}
    name[$pid]=${line%)*} parent[$pid]=${rest[1]} session[$pid]=${rest[3]} terminal[$pid]=${rest[4]}
    children[${rest[1]}]=$((${children[${rest[1]}]:-0} + 1))
  done
}

# Who would end others by ending gets its turn when those are gone: whatever has made a terminal for them (tmux, screen, an IDE), and
# whoever leads one. A leader with a trap for SIGTERM knows what it does.
hold() {
  local pid above mask
  for pid in "${!name[@]}"; do
    if [ "${terminal[$pid]}" = 0 ]; then continue; fi
    above=${parent[$pid]}
    while [ "${name[$above]+known}" ]; do
      if [ "${terminal[$above]}" != "${terminal[$pid]}" ]; then held[$above]=yes; fi
      above=${parent[$above]}
    done
    if [ "${session[$pid]}" = "$pid" ] && [ "${children[$pid]:-0}" -gt 0 ]; then
      mask=$(sed -n 's/^SigCgt:\s*//p' "/proc/$pid/status" 2>/dev/null)
      if (((16#${mask:-0} & sigterm) == 0)); then held[$pid]=yes; fi
    fi
  done
}

# Nobody hears it twice, and whatever a program starts afterwards, to save its work, is that program's. A stopped one (Ctrl-Z) has to go
# on to hear it at all.
tell() {
  local pid since boss
  for pid in "${!name[@]}"; do
    if [[ ${name[$pid]} == sshd* ]] || [ "${held[$pid]:-}" ]; then continue; fi
    left+=" ${name[$pid]} ($pid)"
    since=${told[$pid]:-} boss=${told[${parent[$pid]}]:-$round}
    if [ "$since" ]; then
      if [ "${terminal[$pid]}" != 0 ] && [ "${children[$pid]:-0}" = 0 ] && [[ $shells == *" ${name[$pid]} "* ]] && ((round - since > 4)); then
        kill -HUP "$pid"
      fi
    elif [ "$boss" = "$round" ]; then
      kill -TERM "$pid" && kill -CONT "$pid"
      told[$pid]=$round
    fi
  done 2>/dev/null
}

stop_jobs() {
  local round left
  for ((round = 0; ; round++)); do
    left=""
    look
    hold
    tell
    if [ -z "$left" ]; then break; fi
    if [ "$round" = 20 ]; then echo "composegen: waiting, for as long as stop_grace_period, for$left" >&2; fi
    sleep 0.1
  done
  # Last, so that a client sees its job's last words: connections.
  for pid in "${!name[@]}"; do kill -TERM "$pid"; done 2>/dev/null
}

# supervisord stops this program as well, right after the word or, for `supervisorctl stop`, without it: so SIGTERM alone ends it only
# after a look for the word that found none.
asked=""
trap 'asked=yes' TERM
echo READY
while asked_before=$asked && ! read -r -t 5 _; do
  if [ "$asked_before" ]; then exit; fi
done
stop_jobs
printf 'RESULT 2\nOK'
# supervisord looks once a second whether its programs have ended; a request makes it look at once.
(while sleep 0.05; do curl -s -o /dev/null --unix-socket /run/supervisor.sock http://supervisor/; done) &
