#!/bin/bash
# Stands in for OpenSSH 7.6: it refuses what came later (SetEnv: 7.8, Include: 8.2), in the words and with the status of 7.6.
# All else goes to the packaged sshd, which re-executes itself by its own path.
newer='SetEnv|Include|PubkeyAuthOptions|SecurityKeyProvider|PerSourceMaxStartups|PerSourcePenalties'
config=/etc/ssh/sshd_config

# refuse_newer WHERE, on standard input a configuration; false where something in it is not known.
refuse_newer() {
  local line number=0 status=0
  shopt -s nocasematch
  while IFS= read -r line || [ -n "$line" ]; do
    number=$((number + 1))
    if [[ $line =~ ^[[:space:]]*($newer)([[:space:]=]|$) ]]; then
      printf '%s: line %d: Bad configuration option: %s\r\n' "$1" "$number" "${BASH_REMATCH[1]}" >&2
      status=1
    fi
  done
  return $status
}

arguments=("$@")
while [ $# -gt 0 ]; do
  case $1 in
    -f) config=$2 && shift ;;
    -f*) config=${1#-f} ;;
    -o) refuse_newer command-line <<<"$2" || exit 1 && shift ;;
    -o*) refuse_newer command-line <<<"${1#-o}" || exit 1 ;;
    -[bCcEghkpu]) shift ;;
  esac
  shift
done
if ! refuse_newer "$config" < <(cat "$config"); then
  printf '%s: terminating, bad configuration options\r\n' "$config" >&2
  exit 255
fi
exec /usr/sbin/sshd.real "${arguments[@]}"
