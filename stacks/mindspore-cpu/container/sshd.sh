# Written by composegen. Part of entrypoint.sh: host keys, who may log in, the configuration of sshd, and sshd itself.
# shellcheck shell=bash

here=/etc/composegen
run=/run/composegen
host_keys=/etc/ssh/host_keys
# sshd_config without what this sshd is too old for.
known=$here/known_sshd_config
# Written once a password was set, so that a restart keeps it; its content says where the password came from.
password_source=$here/password-source

make_host_keys() {
  mkdir -p $host_keys
  rm -rf $host_keys/.new.*
  # An interrupted ssh-keygen leaves an empty or half-written key, so each key appears under its name only when it is whole.
  if [ ! -s $host_keys/ssh_host_ed25519_key ]; then make_host_key ed25519; fi
  # RSA, for clients that know nothing newer, takes seconds: sshd starts meanwhile and offers it from its next start.
  if [ ! -s $host_keys/ssh_host_rsa_key ]; then make_host_key rsa -b 3072 & fi
}

# In the running container, on purpose. Both before sshd reads them: it drops who connects while it does, so that it does so once.
renew_host_keys() {
  local rsa=$host_keys/ssh_host_rsa_key
  exec 9>/run/composegen-host-keys.lock
  flock 9
  make_host_key ed25519
  make_host_key rsa -b 3072
  if [ -e $run/sshd_config ] && ! grep -qxF "HostKey $rsa" $run/sshd_config; then sed -i "1a HostKey $rsa" $run/sshd_config; fi
  reload_sshd
  say "new host key: $(ssh-keygen -lf $host_keys/ssh_host_ed25519_key.pub | cut -d ' ' -f 2)"
}

make_host_key() {
  local key=$host_keys/ssh_host_$1_key new
  new=$(mktemp -d $host_keys/.new.XXXXXX)
  nice ssh-keygen -q -N '' -C '' -t "$@" -f "$new/key"
  mv "$new/key.pub" "$key.pub"
  mv "$new/key" "$key"
  rmdir "$new"
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

# In the running container. One that is still starting looks first whether it was given any.
replace_keys() {
  for _ in {1..100}; do if [ -e $run/sshd_config ]; then break; fi; sleep 0.1; done
  cat >"$(later_keys)"
  install_keys
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

replace_password() {
  local password name
  IFS= read -r password || true
  if [ -n "$password" ]; then
    set_password "$password" given
  else
    for name in $(login_users); do usermod -p '*' "$name"; done
    rm -f $password_source
  fi
  apply_password
}

# In the running container: the first line of sshd's configuration, and sshd reads it again. One that is still starting has neither yet
# and will read what was set.
apply_password() {
  if [ -e $run/sshd_config ]; then sed -i "1s/.*/$(password_authentication)/" $run/sshd_config; fi
  reload_sshd
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

password_authentication() { echo "PasswordAuthentication $(if [ -e $password_source ]; then echo yes; else echo no; fi)"; }

# sshd_accepts OPTION [KEY]: whether this sshd, with that host key, knows the option. Without any file, which may be broken.
sshd_accepts() { /usr/sbin/sshd -t -f /dev/null -h "${2:-$host_keys/ssh_host_ed25519_key}" -o "$1" 2>/dev/null; }

# ask_sshd [KEY]: sshd_config as this sshd can read it; what it does not know, an option or an algorithm, would keep it from starting.
ask_sshd() {
  local option line what
  # Penalties are on by default since OpenSSH 9.8; behind the engine's proxy everybody shares one address and one penalty. Short RSA keys can
  # be told apart since 9.1.
  for option in "PerSourcePenalties no" "RequiredRSASize 2048"; do
    if sshd_accepts "$option" "$@"; then echo "$option"; fi
  done >$known.options
  while IFS= read -r line || [ -n "$line" ]; do
    case ${line%% *} in
      KexAlgorithms) what=kex ;;
      Ciphers) what=cipher ;;
      MACs) what=mac ;;
      HostKeyAlgorithms | PubkeyAcceptedKeyTypes) what=key ;;
      *) echo "$line" && continue ;;
    esac
    # `ssh -Q` lists what the package was built with, ssh and sshd alike. It lists keys, not what is signed with them; both ways of RSA are
    # older than any sshd here.
    echo "${line%% *} $(tr ',' '\n' <<<"${line#* }" | grep -Fxf <(/usr/bin/ssh -Q $what && printf 'rsa-sha2-512\nrsa-sha2-256\n') | paste -sd,)"
  done <$here/sshd_config >$known
}

check_sshd_config() {
  local key
  install -d -m 755 /run/sshd
  key=$(mktemp -u)
  ssh-keygen -q -t ed25519 -N '' -f "$key"
  ask_sshd "$key"
  /usr/sbin/sshd -t -f $known -h "$key"
  rm -f "$key" "$key.pub"
}

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
    if [ "${SSH_FORWARD_AGENT:-no}" != yes ]; then echo "AllowAgentForwarding no"; fi
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

banner() {
  local answer
  exec 3<>/dev/tcp/127.0.0.1/22
  # Saying who we are keeps sshd from logging an error; filter_log drops the line that is left.
  printf 'SSH-2.0-healthcheck\r\n' >&3
  read -r -t 3 answer <&3
  [[ $answer == SSH-2.0-* ]]
}
