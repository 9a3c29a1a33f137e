#!/bin/bash
# Make this Debian look as a contract says. The variables are the arguments of the Dockerfile, empty where there is nothing to reproduce.
set -euo pipefail

here=$(dirname "$0")
system_python=$(readlink /usr/bin/python3) # python3.11

quirk() { [[ " $QUIRKS " == *" $1 "* ]]; }

# deb822 where the system has come to it, and what every image of Debian and Ubuntu has: no fsync of unpacked files, no kept packages.
package_sources() {
  local uri suite components
  echo force-unsafe-io >/etc/dpkg/dpkg.cfg.d/docker-apt-speedup
  echo 'DPkg::Post-Invoke { "rm -f /var/cache/apt/archives/*.deb || true"; };' >/etc/apt/apt.conf.d/docker-clean
  if [ "$APT_SOURCES" = deb822 ]; then
    while read -r _ uri suite components; do
      printf 'Types: deb\nURIs: %s\nSuites: %s\nComponents: %s\n' "$uri" "$suite" "$components"
      printf 'Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg\n\n'
    done </etc/apt/sources.list >"/etc/apt/sources.list.d/${OS%%[0-9]*}.sources"
    rm /etc/apt/sources.list
  fi
}

# own_python PREFIX: one that is not the distribution's. It has pip, and sees no module outside its prefix.
own_python() {
  mkdir -p "$1/bin" "$1/lib/python3" "$1/share"
  cp "/usr/bin/$system_python" "$1/bin/"
  cp -a "/usr/lib/$system_python" "$1/lib/"
  cp -a /usr/lib/python3/dist-packages "$1/lib/python3/"
  # Debian 11's pip keeps parts of itself there.
  if [ -e /usr/share/python-wheels ]; then cp -a /usr/share/python-wheels "$1/share/"; fi
  rm -f "$1/lib/$system_python/EXTERNALLY-MANAGED"
  ln -s "$system_python" "$1/bin/python3"
  printf '#!/bin/sh\nexec %s -m pip "$@"\n' "$1/bin/python3" >"$1/bin/pip"
  chmod 755 "$1/bin/pip"
  if [ "$1/bin/python" = "$INTERPRETER" ]; then ln -s python3 "$INTERPRETER"; else ln -s "$1/bin/python3" "$INTERPRETER"; fi
}

remove_system_python() { dpkg-query -W -f '${Package}\n' '*python3*' | xargs apt-get purge -qq -y >/dev/null; }

# /usr/bin/python3 leads to a Python that cannot import what the distribution's programs need; the distribution's keeps its full name.
relink_python() {
  local named=$INTERPRETER
  INTERPRETER=/usr/bin/python3.15
  own_python /opt/relinked
  INTERPRETER=$named
  ln -sfn python3.15 /usr/bin/python3
}

interpreter() {
  # Names of the base that this is made from.
  rm -f /usr/local/bin/{python,pip}{,3}
  case $INTERPRETER in
    '') remove_system_python ;;
    /usr/bin/*)
      if quirk relinked-python; then relink_python; fi
      if [ "$INTERPRETER" != /usr/bin/python3 ]; then ln -s python3 "$INTERPRETER"; fi
      if quirk externally-managed; then printf '[externally-managed]\n' >"/usr/lib/$system_python/EXTERNALLY-MANAGED"; fi
      ;;
    */venv/*)
      apt-get update -qq
      apt-get install -qq -y --no-install-recommends python3-venv >/dev/null
      python3 -m venv "$(dirname "$(dirname "$INTERPRETER")")"
      ;;
    *)
      own_python "$PREFIX"
      remove_system_python
      ;;
  esac
  if quirk conda; then mkdir -p "$PREFIX/conda-meta" && touch "$PREFIX/conda-meta/history"; fi
  if [ -n "$PIP_CONSTRAINT_FILE" ]; then install -D /dev/null "$PIP_CONSTRAINT_FILE"; fi
}

users() {
  if [ "$SH" = bash ]; then ln -sfn bash /bin/sh; fi
  if [ -n "$USER_1000" ]; then useradd -m -u 1000 -U -G adm,sudo -s /bin/bash "$USER_1000"; fi
  if [ "$IMAGE_USER" != root ]; then useradd -m "$IMAGE_USER"; fi
}

# The container's log and every process behind it tell whether it ran.
entrypoint() {
  if [ -n "$ENTRYPOINT" ] && [ ! -e "$ENTRYPOINT" ]; then install -D -m 755 "$here/entrypoint.sh" "$ENTRYPOINT"; fi
}

# NVIDIA's package source as images from before April 2022 have it: signed by a key that they do not know.
rotated_key() {
  local source=/srv//developer.download.nvidia.com/compute/cuda/repos key
  apt-get update -qq
  apt-get install -qq -y --no-install-recommends gnupg >/dev/null
  for key in old new; do gpg --batch --quiet --passphrase '' --quick-generate-key "$key" default sign never; done
  gpg --export old >/etc/apt/trusted.gpg.d/cuda.gpg
  mkdir -p "$source"
  : >"$source/Packages"
  printf 'Date: %s\nSHA256:\n %s 0 Packages\n' "$(date -Ru)" "$(sha256sum <"$source/Packages" | cut -d' ' -f1)" |
    gpg --batch --local-user new --clearsign >"$source/InRelease"
  echo "deb file:$source /" >/etc/apt/sources.list.d/cuda.list
  echo "deb file:$source /" >/etc/apt/sources.list.d/nvidia-ml.list
  apt-get purge -qq -y --autoremove gnupg >/dev/null
  rm -rf /root/.gnupg
}

# What sshd of that age does not know, it refuses; the package's own is put behind a wrapper before it comes.
old_sshd() {
  dpkg-divert --quiet --local --rename --divert /usr/sbin/sshd.real --add /usr/sbin/sshd
  install -m 755 "$here/old-sshd.sh" /usr/sbin/sshd
}

# What says the version of the C library says an older one; all else of it stays as it is.
old_glibc() {
  dpkg-divert --quiet --local --rename --divert /usr/bin/getconf.real --add /usr/bin/getconf
  # shellcheck disable=SC2016  # the arguments are its own
  printf '#!/bin/sh\nif [ "$1" = GNU_LIBC_VERSION ]; then echo glibc %s; else exec getconf.real "$@"; fi\n' "$1" >/usr/bin/getconf
  chmod 755 /usr/bin/getconf
}

package_sources
interpreter
users
entrypoint
if quirk nvidia-key-rotated; then rotated_key; fi
if quirk old-sshd; then old_sshd; fi
if [ -n "$OLD_GLIBC" ]; then old_glibc "$OLD_GLIBC"; fi
rm -rf /var/lib/apt/lists/* /var/cache/apt/* /var/log/*
