#!/bin/bash
# Written by composegen. The container's first process: it prepares SSH, then becomes supervisord.
#   entrypoint.sh               start the container
#   entrypoint.sh check         fail unless the configuration is sound (used by the build)
#   entrypoint.sh installed     list the packages that somebody asked for, as `apt NAME` and `pip NAME==VERSION`
#   entrypoint.sh banner        fail unless sshd answers (used by the healthcheck)
#   entrypoint.sh keys          replace the authorized keys by those on standard input, at once
#   entrypoint.sh password      replace the password by the line on standard input, at once; an empty line: keys only
#   entrypoint.sh new-password  give the login users a new random password and print it
#   entrypoint.sh host-keys     make new host keys, which sshd shows at once, and print the fingerprint; open sessions stay
set -Eeuo pipefail
trap 'say "entrypoint failed at line $LINENO: $BASH_COMMAND" >&2' ERR

here=/etc/composegen
run=/run/composegen
# sshd_config without what this sshd is too old for.
known=$here/known_sshd_config
host_keys=/etc/ssh/host_keys
ide=/var/lib/ide
# Written once a password was set, so that a restart keeps it; its content says where the password came from.
password_source=$here/password-source

say() { printf 'composegen: %s\n' "$*"; }

# NAME=VALUE of this container, byte for byte, except what belongs to a session and what is secret.
each_variable() {
  local entry
  while IFS= read -r -d '' entry; do
    case ${entry%%=*} in
      HOME | USER | LOGNAME | SHELL | PWD | OLDPWD | TERM | SHLVL | HOSTNAME | BASH_ENV | ENV | _ | SSH_PASSWORD | COMPOSEGEN_ENTERED) continue ;;
      SUPERVISOR_ENABLED | SUPERVISOR_SERVER_URL | SUPERVISOR_PROCESS_NAME | SUPERVISOR_GROUP_NAME) continue ;;
    esac
    if [[ $entry == *$'\n'* ]]; then
      say "warning: ${entry%%=*} holds a line break and cannot reach SSH sessions" >&2
    else
      printf '%s\0' "$entry"
    fi
  done </proc/$$/environ
}

login_users() {
  echo root
  if [ -s $run/user ]; then cat $run/user; fi
}

make_host_keys() {
  mkdir -p $host_keys
  rm -rf $host_keys/.new.*
  # An interrupted ssh-keygen leaves an empty or half-written key, so each key appears under its name only when it is whole.
  if [ ! -s $host_keys/ssh_host_ed25519_key ]; then make_host_key ed25519; fi
  # RSA, for clients that know nothing newer, takes seconds: sshd starts meanwhile and offers it from its next start.
  if [ ! -s $host_keys/ssh_host_rsa_key ]; then make_host_key rsa -b 3072 & fi
}

# In the running container, on purpose. RSA comes later here as well; until then nobody is shown the old one.
renew_host_keys() {
  local rsa=$host_keys/ssh_host_rsa_key
  exec 9>/run/composegen-host-keys.lock
  flock 9
  make_host_key ed25519
  rm -f $rsa $rsa.pub
  if [ -e $run/sshd_config ]; then sed -i "\|^HostKey $rsa\$|d" $run/sshd_config; fi
  reload_sshd
  say "new host key: $(ssh-keygen -lf $host_keys/ssh_host_ed25519_key.pub | cut -d ' ' -f 2)"
  setsid "$0" rsa-host-key </dev/null >/dev/null 2>&1 &
}

renew_rsa_host_key() {
  make_host_key rsa -b 3072
  if [ -e $run/sshd_config ]; then sed -i "1a HostKey $host_keys/ssh_host_rsa_key" $run/sshd_config; fi
  reload_sshd
}

make_host_key() {
  local key=$host_keys/ssh_host_$1_key new
  new=$(mktemp -d $host_keys/.new.XXXXXX)
  nice ssh-keygen -q -N '' -C '' -t "$@" -f "$new/key"
  mv "$new/key.pub" "$key.pub"
  mv "$new/key" "$key"
  rmdir "$new"
}

# The user of the host's uid, so that files in the code volume have the right owner. An image's own user of that uid is renamed.
make_user() {
  local name=${SSH_USER:-root} uid=${USER_UID:-0} gid=${USER_GID:-0} taken
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
      *) usermod -u "$(free_system_uid)" "$taken" ;;
    esac
  fi
  if getent passwd "$name" >/dev/null; then
    if [ "$(id -u "$name"):$(id -g "$name")" != "$uid:$gid" ]; then usermod -u "$uid" -g "$gid" "$name"; fi
  else
    useradd -m -u "$uid" -g "$gid" -s /bin/bash "$name"
  fi
  # Images give their users /bin/sh or no shell at all; IDEs need a full one. A chosen one, such as zsh, stays.
  case $(getent passwd "$name" | cut -d: -f7) in */bash | */zsh | */fish) ;; *) usermod -s /bin/bash "$name" ;; esac
  # Without PAM, sshd refuses an account whose password is locked with '!'; '*' has no password either.
  if [[ $(getent shadow "$name" | cut -d: -f2) == '!'* ]]; then usermod -p '*' "$name"; fi
  join_device_groups "$name"
  echo "$name" >$run/user
}

# What useradd takes, and no account of the system's own that somebody would have to log in as.
can_be_made() {
  local had
  [[ $1 =~ ^[a-z_][a-z0-9_-]{0,31}$ && $2 =~ ^[0-9]{1,10}$ && $3 =~ ^[0-9]{1,10}$ ]] || return 1
  [ "$2" -lt 4294967295 ] && [ "$3" -lt 4294967295 ] || return 1
  had=$(getent passwd "$1" | cut -d: -f3) || return 0
  [ "$had" = "$2" ] || { [ "$had" -ge 1000 ] && [ "$had" != 65534 ]; }
}

free_system_uid() {
  local uid=999
  while getent passwd $uid >/dev/null; do uid=$((uid - 1)); done
  echo $uid
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
  local name
  for name in $(login_users); do
    install -d -o "$name" -g "$(id -g "$name")" "$ide/$name"
    # As that user, so that every folder on the way is theirs.
    runuser -u "$name" -- "$0" link-ide-files "$(getent passwd "$name" | cut -d: -f6)" "$ide/$name"
  done
}

link_ide_files() {
  local home=$1 kept=$2 path
  for path in .cache .config/JetBrains .local/share/JetBrains .vscode-server .cursor-server .zed_server; do
    mkdir -p "$kept/$path" "$(dirname "$home/$path")"
    if [ -L "$home/$path" ]; then continue; fi
    if [ -d "$home/$path" ]; then
      cp -an "$home/$path/." "$kept/$path/"
      rm -rf "${home:?}/$path"
    fi
    ln -s "$kept/$path" "$home/$path"
  done
}

mounted() { grep -qF " $1 " /proc/self/mountinfo; }

# Where keys are kept that come while the container runs: a list that is mounted is somebody else's file.
later_keys() { if mounted $here/authorized_keys; then echo $here/later_keys; else echo $here/authorized_keys; fi; }

# sshd reads copies, so that no list's owner or mode can lock anyone out.
install_keys() {
  local new name file
  new=$(mktemp /etc/ssh/.authorized_keys.XXXXXX)
  for file in $here/authorized_keys $here/later_keys; do
    if [ -e "$file" ]; then tr -d '\r' <"$file" | grep -vE '^[[:space:]]*(#|$)' >>"$new" || true; fi
  done
  chmod 644 "$new"
  mv "$new" /etc/ssh/authorized_keys
  for name in $(login_users); do
    file=$(getent passwd "$name" | cut -d: -f6)/.ssh/authorized_keys
    rm -f "/etc/ssh/authorized_keys.$name"
    if [ -f "$file" ] && { mounted "$file" || mounted "${file%/*}"; }; then install -m 644 "$file" "/etc/ssh/authorized_keys.$name"; fi
  done
}

set_password() {
  local name
  # chpasswd would take the next line for another user's.
  if [[ $1 == *$'\n'* ]]; then return 1; fi
  for name in $(login_users); do printf '%s:%s\n' "$name" "$1"; done | chpasswd && echo "$2" >$password_source
}

new_password() {
  local password
  # 100 bits; no letter or digit that looks like another.
  password=$(LC_ALL=C tr -dc 'a-hjkmnp-z2-9' </dev/urandom | head -c 20 | sed -E 's/.{5}/&-/g; s/-$//') || true
  set_password "$password" generated
  say "password for $(login_users | paste -sd, | sed 's/,/ and /'): $password (generated, shown once; 'new-password' makes another)"
}

# A key or a password from .env is used as it is. With neither, and only then, one is generated and printed.
allow_logins() {
  local password=""
  touch $here/authorized_keys 2>/dev/null || true
  install_keys
  if [ -f $here/password ]; then password=$(tail -n +2 $here/password); fi
  if [ -n "$password" ] && ! set_password "$password" given; then
    say "warning: SSH_PASSWORD was not taken: it is one line of 511 bytes at most" >&2
    password=""
  fi
  if [ -n "$password" ]; then
    # Only its hash stays in the container. (A read-only mount cannot be emptied, and need not be.)
    : 2>/dev/null >$here/password || true
  elif [ -s /etc/ssh/authorized_keys ] && ! grep -qs given $password_source; then
    rm -f $password_source
  elif [ ! -s /etc/ssh/authorized_keys ] && [ ! -e $password_source ]; then
    new_password
  fi
}

change_password() {
  local password name
  IFS= read -r password || true
  if [ -n "$password" ]; then
    set_password "$password" given
  else
    for name in $(login_users); do usermod -p '*' "$name"; done
    rm -f $password_source
  fi
}

password_authentication() {
  if [ -e $password_source ]; then echo "PasswordAuthentication yes"; else echo "PasswordAuthentication no"; fi
}

agent_forwarding() {
  if [ "${SSH_FORWARD_AGENT:-no}" = yes ]; then echo "AllowAgentForwarding yes"; else echo "AllowAgentForwarding no"; fi
}

# Open sessions stay. An sshd that is not there reads everything when it comes.
reload_sshd() {
  local pid
  if [ ! -e /run/sshd.pid ]; then return; fi
  pid=$(</run/sshd.pid)
  # sshd writes it anew once it listens again; until then nobody is let in.
  rm -f /run/sshd.pid
  kill -HUP "$pid" || return 0
  for _ in {1..100}; do if [ -e /run/sshd.pid ]; then return; fi; sleep 0.05; done
}

# In the running container: the first line of sshd's configuration, and sshd reads it again. Open sessions stay.
# A container that is still starting has neither yet and will read what was set.
apply_password() {
  if [ -e $run/sshd_config ]; then sed -i "1s/.*/$(password_authentication)/" $run/sshd_config; fi
  reload_sshd
}

# sshd_accepts OPTION [KEY]: whether this sshd, with that host key, knows the option. Without any file, which may be broken.
sshd_accepts() { /usr/sbin/sshd -t -f /dev/null -h "${2:-$host_keys/ssh_host_ed25519_key}" -o "$1" 2>/dev/null; }

# ask_sshd [KEY]: sshd_config as this sshd can read it, line by line; an option or the name of an algorithm that it does not know would keep
# it from starting.
ask_sshd() {
  local option
  # Penalties are on by default since OpenSSH 9.8; behind the engine's proxy everybody shares one address and one penalty. Short RSA keys can
  # be told apart since 9.1.
  for option in "PerSourcePenalties no" "RequiredRSASize 2048"; do
    if sshd_accepts "$option" "$@"; then echo "$option"; fi
  done >$known.options
  known_lines >$known
}

known_lines() {
  local line
  while IFS= read -r line || [ -n "$line" ]; do
    case ${line%% *} in
      KexAlgorithms) known_names kex "$line" ;;
      Ciphers) known_names cipher "$line" ;;
      MACs) known_names mac "$line" ;;
      HostKeyAlgorithms | PubkeyAcceptedKeyTypes) known_names key "$line" ;;
      *) echo "$line" ;;
    esac
  done <$here/sshd_config
}

# known_names WHAT "KEYWORD NAME,NAME": `ssh -Q WHAT` lists what the package was built with, ssh and sshd alike. It lists keys, not what is
# signed with them; both ways of RSA are older than any sshd here.
known_names() {
  local names
  names=$(tr ',' '\n' <<<"${2#* }" | grep -Fxf <(/usr/bin/ssh -Q "$1" && printf 'rsa-sha2-512\nrsa-sha2-256\n') | paste -sd,)
  echo "${2%% *} $names"
}

write_sshd_config() {
  local LC_ALL=C key entry longer grammar=none set_env="SetEnv" count=0
  local -a left=()
  # SetEnv came with OpenSSH 7.8; before 8.7 a quote cannot be said in it, and `#` ends any line.
  if sshd_accepts 'SetEnv "A=\" B C=d"'; then grammar=escapes; elif sshd_accepts "SetEnv A=b"; then grammar=plain; fi
  while IFS= read -r -d '' entry; do
    count=$((count + 1))
    # sshd ends every login that would have 1,000 variables; before 7.8 it reads a line of more than 4 KiB as several.
    if [ $count -gt 900 ] || { [ $grammar = none ] && [ -n "${entry:4094}" ]; }; then
      say "warning: ${entry%%=*} is too much for this sshd and cannot reach SSH sessions" >&2
      continue
    fi
    longer=$entry
    if [ $grammar = escapes ]; then longer=${longer//\\/\\\\} && longer=${longer//\"/\\\"}; fi
    longer="$set_env \"$longer\""
    # A configuration of more than 256 KiB does not arrive at the process that serves a login.
    if [ $grammar = none ] || [[ $grammar = plain && $entry == *[\"#]* ]] || [ -n "${longer:200000}" ]; then
      left+=("$entry")
    else
      set_env=$longer
    fi
  done < <(each_variable)
  # The build has asked; somebody may have edited it in the container since.
  if [ ! $known -nt $here/sshd_config ]; then ask_sshd; fi
  {
    password_authentication
    agent_forwarding
    for key in "$host_keys"/ssh_host_*_key; do echo "HostKey $key"; done
    if [ $grammar != none ]; then printf '%s\n' "$set_env"; fi
    if [ -n "${left[*]}" ]; then echo "PermitUserEnvironment yes"; fi
    # Before OpenSSH 7.8 the list of signatures is one of key types, and without theirs RSA keys would be refused.
    if [ $grammar = none ]; then sed -n '/^PubkeyAcceptedKeyTypes/s/$/,ssh-rsa/p' $known; fi
    cat $known.options $known
  } >$run/sshd_config
  chmod 600 $run/sshd_config
  if [ -n "${left[*]}" ]; then write_user_environments "${left[@]}"; fi
}

# What SetEnv cannot say; sshd reads these files line by line.
write_user_environments() {
  local name home
  for name in $(login_users); do
    home=$(getent passwd "$name" | cut -d: -f6)
    { install -d -m 700 -o "$name" "$home/.ssh" &&
      printf '%s\n' "$@" | install -m 600 -o "$name" /dev/stdin "$home/.ssh/environment"; } ||
      say "warning: $home/.ssh/environment cannot be written; SSH sessions of $name lack some variables" >&2
  done
}

# Debian's /etc/profile resets PATH in login shells, after sshd has set it; this file is read later.
write_profile() {
  printf "# Written by composegen at every start.\nexport PATH='%s'\n" "${PATH//\'/\'\\\'\'}" >/etc/profile.d/zz-composegen.sh
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
  write_profile
  write_sshd_config
  # In the background: a network that hangs must not keep anybody from logging in.
  explain_code_folder &
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

# sshd, and sshd again whenever it ends. Sessions are processes of their own and go on.
keep_sshd() {
  local listener="" began status pause=0
  trap 'kill "$listener" 2>/dev/null || true; exit' TERM
  # One whose keeper was killed still has the port.
  listener=$(cat /run/sshd.pid 2>/dev/null) || true
  if [ "$(cat "/proc/${listener:-none}/comm" 2>/dev/null)" = sshd ]; then kill "$listener" && rest 0.2; fi
  while true; do
    /usr/sbin/sshd -D -e -f $run/sshd_config &
    listener=$! began=$SECONDS status=0
    wait "$listener" || status=$?
    # One that will not start (255) is tried less and less often, and its reason looked for; a killed one starts at once.
    if [ "$status" = 255 ] && [ $((SECONDS - began)) -lt 3 ]; then
      pause=$((pause < 15 ? 2 * pause + 1 : 30))
      await_sound_configuration
    else
      pause=0
    fi
    rest $pause.05
  done
}

# Unlike a plain sleep, this ends with SIGTERM.
rest() {
  sleep "$1" &
  wait $! || true
}

# With a configuration that sshd refuses, the container stays up without SSH, says why once, and looks every second whether it is mended.
await_sound_configuration() {
  local reason said=""
  until reason=$(sound_configuration 2>&1); do
    if [ "$reason" != "$said" ]; then
      say "no SSH: sshd refuses its configuration. Mend it in the container, with \`docker exec\`, and SSH is back in a second:"
      say "$reason"
      said=$reason
    fi
    rest 1
  done
  if [ -n "$said" ]; then say "sshd accepts its configuration again"; fi
}

# Whoever mends it is told the file that they mend, and its line.
sound_configuration() {
  local file reason
  if [ -n "$(/usr/sbin/sshd -t -f $run/sshd_config 2>&1)" ]; then write_sshd_config; fi
  for file in $known $run/sshd_config; do
    if reason=$(/usr/sbin/sshd -t -f "$file" -h $host_keys/ssh_host_ed25519_key 2>&1); then continue; fi
    echo "${reason//$known/$here/sshd_config}"
    return 1
  done
}

check() {
  local key
  install -d -m 755 /run/sshd
  key=$(mktemp -u)
  ssh-keygen -q -t ed25519 -N '' -f "$key"
  ask_sshd "$key"
  /usr/sbin/sshd -t -f $known -h "$key"
  rm -f "$key" "$key.pub"
  find_supervisor_python
  "$(<$here/supervisor-python)" $here/services.py check
}

# supervisor is the distribution's and needs the distribution's Python; in some images the name `python3` leads to another one.
find_supervisor_python() {
  local python
  for python in "$(sed -n '1s/^#! *//p' "$(command -v supervisord)")" $(compgen -G '/usr/bin/python[23].*' | grep -E '/python[23]\.[0-9]+$'); do
    if "$python" -c "from supervisor.options import ServerOptions; ServerOptions().realize(['-c', '$here/supervisord.conf'])"; then
      echo "$python" >$here/supervisor-python
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

banner() {
  local answer
  exec 3<>/dev/tcp/127.0.0.1/22
  # Saying who we are keeps sshd from logging an error; filter_log drops the line that is left.
  printf 'SSH-2.0-healthcheck\r\n' >&3
  read -r -t 3 answer <&3
  [[ $answer == SSH-2.0-* ]]
}

# Everything the container says, without the lines that each healthcheck leaves behind and supervisor's worry about its local socket.
filter_log() {
  echo $BASHPID >$run/log-filter
  exec grep --line-buffered -vE '(Connection (closed|reset) by|Received disconnect from) 127\.0\.0\.1 |reaped unknown pid|without any HTTP authentication|No file matches via include'
}

start() {
  # An image's own NVIDIA entrypoint sets up forward compatibility; it runs first and comes back here.
  if [ -x /opt/nvidia/nvidia_entrypoint.sh ] && [ -z "${COMPOSEGEN_ENTERED:-}" ]; then
    COMPOSEGEN_ENTERED=1 exec /opt/nvidia/nvidia_entrypoint.sh "$0"
  fi
  prepare
  if compgen -G "$here/services/*.conf" >/dev/null; then
    "$(<$here/supervisor-python)" $here/services.py "$(login_users | tail -n 1)" || true
  fi
  exec > >(filter_log) 2>&1
  # supervisord looks at its programs once a second; a request makes it look at once, so that sshd starts without that second.
  (for _ in {1..100}; do if curl -s -o /dev/null --unix-socket /run/supervisor.sock http://supervisor/; then break; fi; sleep 0.02; done) &
  exec "$(<$here/supervisor-python)" "$(command -v supervisord)" -c $here/supervisord.conf
}

case ${1:-start} in
  start) start ;;
  check) check ;;
  installed) installed ;;
  banner) banner ;;
  sshd) keep_sshd ;;
  keys)
    # A container that is still starting looks first whether it was given any.
    for _ in {1..100}; do if [ -e $run/sshd_config ]; then break; fi; sleep 0.1; done
    cat >"$(later_keys)"
    install_keys
    ;;
  link-ide-files) link_ide_files "$2" "$3" ;;
  host-keys) renew_host_keys ;;
  rsa-host-key) renew_rsa_host_key ;;
  password)
    change_password
    apply_password
    ;;
  new-password)
    new_password
    apply_password
    ;;
  *)
    echo "usage: $0 [check | installed | banner | keys | password | new-password | host-keys]" >&2
    exit 2
    ;;
esac
