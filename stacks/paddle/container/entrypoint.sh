#!/bin/bash
# Written by composegen. The container's first process: it makes the user, prepares SSH with sshd.sh, and becomes supervisord.
#   entrypoint.sh               start the container
#   entrypoint.sh check         fail unless the configuration is sound (used by the build)
#   entrypoint.sh installed     list the packages that somebody asked for, as `apt NAME` and `pip NAME==VERSION`
#   entrypoint.sh banner        fail unless sshd answers (used by the healthcheck)
#   entrypoint.sh keys          replace the authorized keys by those on standard input, at once
#   entrypoint.sh password      replace the password by the line on standard input, at once; an empty line: keys only
#   entrypoint.sh new-password  give the login users a new random password and print it; `new-password` is short for it
#   entrypoint.sh host-keys     make new host keys, which sshd shows at once, and print the fingerprint; open sessions stay
set -Eeuo pipefail
trap 'say "entrypoint failed at line $LINENO: $BASH_COMMAND" >&2' ERR

say() { printf 'composegen: %s\n' "$*"; }

login_users() {
  echo root
  if [ -s $run/user ]; then cat $run/user; fi
}

# shellcheck source=sshd.sh
. /etc/composegen/sshd.sh

start() {
  # An image's own NVIDIA entrypoint sets up forward compatibility; it runs first and comes back here.
  if [ -x /opt/nvidia/nvidia_entrypoint.sh ] && [ -z "${COMPOSEGEN_ENTERED:-}" ]; then
    COMPOSEGEN_ENTERED=1 exec /opt/nvidia/nvidia_entrypoint.sh "$0"
  fi
  prepare
  if compgen -G "$here/services/*.conf" >/dev/null; then
    "$(<$here/supervisor-python)" $here/supervisord.py start "$(login_users | tail -n 1)" || true
  fi
  exec > >(filter_log) 2>&1
  # supervisord looks at its programs once a second; a request makes it look at once, so that sshd starts without that second.
  (for _ in {1..100}; do if curl -s -o /dev/null --unix-socket /run/supervisor.sock http://supervisor/; then break; fi; sleep 0.02; done) &
  exec "$(<$here/supervisor-python)" "$(command -v supervisord)" -c $here/supervisord.conf
}

prepare() {
  # /run may be a fresh tmpfs, so nothing in it can come from the image.
  install -d -m 755 /run/sshd $run
  rm -f /run/sshd.pid $run/sshd_config
  # A base stripped of its logs lacks this file, and sshd complains of it in every terminal.
  touch /var/log/lastlog
  make_host_keys
  make_user
  keep_ide_files
  allow_logins
  # Debian's /etc/profile resets PATH in login shells, after sshd has set it; this file is read later.
  printf "# Written by composegen at every start.\nexport PATH='%s'\n" "${PATH//\'/\'\\\'\'}" >/etc/profile.d/zz-composegen.sh
  write_sshd_config
  # In the background: a network that hangs must not keep anybody from logging in.
  explain_code_folder &
}

# The user of the host's uid, so that files in the code volume have the right owner. An image's own user of that uid is renamed.
make_user() {
  local name=${SSH_USER:-root} uid=${USER_UID:-0} gid=${USER_GID:-0} taken free=999
  : >$run/user
  if [ "$name" = root ] || [ "$uid" = 0 ]; then return; fi
  if ! can_be_made "$name" "$uid" "$gid"; then
    say "warning: there can be no user '$name' with uid '$uid' and gid '$gid'; only root logs in" >&2
    return
  fi
  if ! getent group "$gid" >/dev/null; then
    if getent group "$name" >/dev/null; then groupmod -g "$gid" "$name"; else groupadd -g "$gid" "$name"; fi
  fi
  taken=$(getent passwd "$uid" | cut -d: -f1) || true
  if [ -n "$taken" ] && [ "$taken" != "$name" ]; then
    case $(getent passwd "$taken" | cut -d: -f6) in
      /home/*)
        if getent passwd "$name" >/dev/null; then userdel "$name"; fi
        usermod -l "$name" -d "/home/$name" -m "$taken"
        ;;
      # An account of the system's own keeps its name, and its home, which may be /bin: it gets another number.
      *)
        while getent passwd $free >/dev/null; do free=$((free - 1)); done
        usermod -u $free "$taken"
        ;;
    esac
  fi
  if getent passwd "$name" >/dev/null; then
    if [ "$(id -u "$name"):$(id -g "$name")" != "$uid:$gid" ]; then usermod -u "$uid" -g "$gid" "$name"; fi
  else
    useradd -m -u "$uid" -g "$gid" -s /bin/bash "$name"
  fi
  own_home "$name"
  # Images give their users /bin/sh or no shell at all; IDEs need a full one. A chosen one, such as zsh, stays.
  case $(getent passwd "$name" | cut -d: -f7) in */bash | */zsh | */fish) ;; *) usermod -s /bin/bash "$name" ;; esac
  # Without PAM, sshd refuses an account whose password is locked with '!'; '*' has no password either.
  if [[ $(getent shadow "$name" | cut -d: -f2) == '!'* ]]; then usermod -p '*' "$name"; fi
  join_device_groups "$name"
  echo "$name" >$run/user
}

# A mount below a home makes the engine create the home, and what is on the way, as root's.
own_home() {
  local home at owner
  home=$(getent passwd "$1" | cut -d: -f6) owner=$(id -u "$1"):$(id -g "$1")
  while read -r _ _ _ _ at _; do
    while [[ $at == "$home"/* ]]; do
      at=${at%/*}
      if ! mounted "$at" && [ "$(stat -c %u "$at")" = 0 ]; then chown "$owner" "$at"; fi
    done
  done </proc/self/mountinfo
}

# What useradd takes, and no account of the system's own that somebody would have to log in as.
can_be_made() {
  local had
  [[ $1 =~ ^[a-z_][a-z0-9_-]{0,31}$ && $2 =~ ^[0-9]{1,10}$ && $3 =~ ^[0-9]{1,10}$ ]] || return 1
  [ "$2" -lt 4294967295 ] && [ "$3" -lt 4294967295 ] || return 1
  had=$(getent passwd "$1" | cut -d: -f3) || return 0
  [ "$had" = "$2" ] || { [ "$had" -ge 1000 ] && [ "$had" != 65534 ]; }
}

# The groups of compose.yaml's group_add have this process in them; a login would come without.
join_device_groups() {
  local gid
  for gid in $(id -G); do
    if [ "$gid" = 0 ]; then continue; fi
    getent group "$gid" >/dev/null || groupadd -g "$gid" "devices-$gid"
    usermod -aG "$(getent group "$gid" | cut -d: -f1)" "$1"
  done
}

# What IDEs download into a home goes to the named volume, so that re-creating the container does not lose it.
keep_ide_files() {
  local name kept
  for name in $(login_users); do
    kept=/var/lib/ide/$name
    mkdir -p "$kept"
    # New, or of another USER_UID.
    if [ "$(stat -c %u "$kept")" != "$(id -u "$name")" ]; then chown -R "$name:$(id -g "$name")" "$kept"; fi
    # As that user, so that every folder on the way is theirs.
    runuser -u "$name" -- "$0" link-ide-files "$(getent passwd "$name" | cut -d: -f6)" "$kept" ||
      say "warning: not all that IDEs download for $name is kept when the container is made anew" >&2
  done
}

link_ide_files() {
  local home=$1 kept=$2 path
  for path in .cache .config/JetBrains .local/share/JetBrains .vscode-server .cursor-server .zed_server; do
    mkdir -p "$kept/$path"
    if [ -L "$home/$path" ] || meets_mount "$home/$path"; then continue; fi
    mkdir -p "$(dirname "$home/$path")"
    if [ -d "$home/$path" ]; then
      cp -an "$home/$path/." "$kept/$path/"
      rm -rf "${home:?}/$path"
    fi
    ln -s "$kept/$path" "$home/$path"
  done
}

# Whether something is mounted at, above or below a path: then what is there is somebody else's, and never moved or removed.
meets_mount() {
  local at
  while read -r _ _ _ _ at _; do
    if [ "$at" != / ] && { [[ $at/ == "$1"/* ]] || [[ $1/ == "$at"/* ]]; }; then return 0; fi
  done </proc/self/mountinfo
  return 1
}

# A volume may refuse root or the user in spite of every mode that is shown. Nothing is changed: the files are the host's.
explain_code_folder() {
  local code=/home/code owner name
  owner=$(stat -c %u $code 2>/dev/null) || owner="somebody unknown"
  for name in $(login_users); do
    if runuser -u "$name" -- sh -c "test -r $code && test -w $code && test -x $code" 2>/dev/null; then continue; fi
    case $name:$owner in
      *:65534) say "$name cannot use $code: it belongs to nobody here, so the engine maps users; 'userns_mode: host' or a folder of the mapped uid helps" ;;
      *:0) say "$name cannot use $code, which is root's: log in as root (SSH_USER=root), who under a rootless engine is you on the host" ;;
      root:*) say "root cannot use $code, which belongs to uid $owner: a network folder that squashes root (NFS root_squash); log in as that uid (SSH_USER, USER_UID)" ;;
      *) say "$name (uid $(id -u "$name")) cannot use $code, which belongs to uid $owner, mode $(stat -c %a $code 2>/dev/null): set USER_UID and USER_GID in .env to its owner's" ;;
    esac
  done
}

# Everything the container says, without the lines that each healthcheck leaves behind and supervisor's worry about its local socket.
filter_log() {
  echo $BASHPID >$run/log-filter
  exec grep --line-buffered -vE '(Connection (closed|reset) by|Received disconnect from) 127\.0\.0\.1 |reaped unknown pid|without any HTTP authentication|No file matches via include'
}

# The container stops: every program in it hears SIGTERM, and has stop_grace_period of compose.yaml to finish.
stop_jobs() {
  local round left pid log shells=' bash zsh fish sh dash ksh tcsh csh '
  local -A name parent terminal session children held told=()
  set +e
  trap - ERR
  log=$(cat $run/log-filter 2>/dev/null)
  for ((round = 0; ; round++)); do
    left=""
    look; hold; tell
    if [ -z "$left" ]; then break; fi
    if [ "$round" = 20 ]; then say "waiting, for as long as stop_grace_period, for$left" >&2; fi
    sleep 0.1
  done
  # Last, so that a client sees its job's last words: connections.
  for pid in "${!name[@]}"; do kill -TERM "$pid"; done 2>/dev/null
}

# Everything that runs, as /proc/PID/stat has it, but supervisord or tini, this program and the log.
look() {
  local file line rest
  name=() parent=() terminal=() session=() children=() held=()
  for file in /proc/[0-9]*/stat; do
    line=""
    { IFS= read -r -d '' line <"$file"; } 2>/dev/null
    pid=${line%% *}
    read -r -a rest <<<"${line##*) }" # state, parent, group, session, terminal
    case "$pid:${rest[0]:-gone}" in 1:* | $$:* | "$log":* | *:Z | *:X | *:gone) continue ;; esac
    line=${line#*(}
    name[$pid]=${line%)*} parent[$pid]=${rest[1]} session[$pid]=${rest[3]} terminal[$pid]=${rest[4]}
    children[${rest[1]}]=$((${children[${rest[1]}]:-0} + 1))
  done
}

# Who would end others by ending gets its turn when those are gone: whatever has made a terminal for them (tmux, screen, an IDE), and
# whoever leads one. A leader with a trap for SIGTERM (bit 14 of the mask) knows what it does.
hold() {
  local above mask
  for pid in "${!name[@]}"; do
    if [ "${terminal[$pid]}" = 0 ]; then continue; fi
    above=${parent[$pid]}
    while [ "${name[$above]+known}" ]; do
      if [ "${terminal[$above]}" != "${terminal[$pid]}" ]; then held[$above]=yes; fi
      above=${parent[$above]}
    done
    if [ "${session[$pid]}" = "$pid" ] && [ "${children[$pid]:-0}" -gt 0 ]; then
      mask=$(sed -n 's/^SigCgt:\s*//p' "/proc/$pid/status" 2>/dev/null)
      if (((16#${mask:-0} >> 14 & 1) == 0)); then held[$pid]=yes; fi
    fi
  done
}

# Nobody hears it twice, and whatever a program starts afterwards, to save its work, is that program's. A stopped one (Ctrl-Z) has to go
# on to hear it at all. Shells at a prompt ignore SIGTERM, and end with SIGHUP.
tell() {
  local since boss
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

# As supervisord's listener (http://supervisord.org/events.html), which waits for the word that all stops; `supervisorctl stop` and
# `restart` of a program end no job. supervisord stops the listener as well, right after the word or, for `supervisorctl stop`, without
# it: so SIGTERM alone ends it only after a look for the word that found none.
await_stop() {
  local asked="" asked_before
  trap 'asked=yes' TERM
  echo READY
  while asked_before=$asked && ! read -r -t 5 _; do
    if [ "$asked_before" ]; then exit; fi
  done
  stop_jobs
  printf 'RESULT 2\nOK'
  # supervisord looks once a second whether its programs have ended; a request makes it look at once.
  (while sleep 0.05; do curl -s -o /dev/null --unix-socket /run/supervisor.sock http://supervisor/; done) &
}

check() {
  check_sshd_config
  local python
  # supervisor is the distribution's and needs the distribution's Python; in some images the name `python3` leads to another one.
  for python in "$(sed -n '1s/^#! *//p' "$(command -v supervisord)")" $(compgen -G '/usr/bin/python[23].*' | grep -E '/python[23]\.[0-9]+$'); do
    if "$python" $here/supervisord.py write; then
      echo "$python" >$here/supervisor-python
      "$python" $here/supervisord.py check
      return
    fi
  done
  say "no Python here can run the distribution's supervisor; \`composegen init --init tini\` does without" >&2
  return 1
}

installed() {
  local python
  python=$(<$here/interpreter)
  apt-mark showmanual | sed 's/^/apt /' | sort
  if [ -n "$python" ]; then { "$python" -m pip list --not-required --format=freeze 2>/dev/null || true; } | sed 's/^/pip /' | sort; fi
}

command=${1:-start}
if [ "${0##*/}" = new-password ]; then command='new-password'; fi
case $command in
  start | check | installed | banner) "$command" ;;
  keys) replace_keys ;;
  password) replace_password ;;
  new-password)
    new_password
    apply_password
    ;;
  host-keys) renew_host_keys ;;
  # What this program runs itself.
  link-ide-files) link_ide_files "$2" "$3" ;;
  sshd) keep_sshd ;;
  stop-jobs) await_stop ;;
  *)
    echo "usage: $0 [check | installed | banner | keys | password | new-password | host-keys]" >&2
    exit 2
    ;;
esac
