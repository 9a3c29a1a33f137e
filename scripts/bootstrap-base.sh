#!/usr/bin/env bash
# Build a Debian base image from packages, for machines that reach no image registry.
#
#   scripts/bootstrap-base.sh [--plain] [IMAGE]        default: composegen-base:bookworm
#
# The tag of IMAGE says which Debian: bullseye (11), bookworm (12) or trixie (13); any other tag means bookworm.
# The image is a drop-in for python:3.*-slim-SUITE: python and pip in /usr/local/bin, no PEP 668 marker, CMD python3.
# It is Debian's own Python (3.9, 3.11, 3.13), not python.org's. --plain leaves Python out. Nothing is done where IMAGE exists already.
set -euo pipefail

# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/lib.sh"

given=("$@")
packages=ca-certificates,python3,python3-pip
if [ "${1:-}" = --plain ]; then
    packages=ca-certificates
    shift
fi
IMAGE=${1:-composegen-base:bookworm}
case ${IMAGE##*:} in bullseye | trixie) SUITE=${IMAGE##*:} ;; *) SUITE=bookworm ;; esac

if docker image inspect "$IMAGE" >/dev/null 2>&1; then exit 0; fi
if [ "$(id -u)" -ne 0 ]; then
    command -v sudo >/dev/null || fail "debootstrap needs root" "run it as root: $0 $IMAGE"
    exec sudo --preserve-env=MIRROR,DOCKER_HOST,DOCKER_CONFIG,http_proxy,https_proxy,no_proxy "$0" "${given[@]}"
fi
if ! command -v debootstrap >/dev/null; then
    say "Installing debootstrap"
    install_packages debootstrap >/dev/null 2>&1 || { refresh_packages >&2 && install_packages debootstrap >&2; } ||
        fail "debootstrap could not be installed" "apt-get update && apt-get install debootstrap"
fi

# source_of REPOSITORY: where this machine itself gets it from; nothing here knows a package mirror by name.
source_of() {
    # shellcheck disable=SC2016  # apt's own placeholders
    apt-get indextargets --format '$(CREATED_BY) $(REPO_URI)' |
        awk -v end="/$1/\$" '$1 == "Packages" && $2 ~ end && !found++ { print $2 }'
}
# A fresh machine has no package lists yet, and without them apt does not say where they come from.
[ -n "${MIRROR:-$(source_of debian)}" ] || refresh_packages >&2
mirror=${MIRROR:-$(source_of debian)}
[ -n "$mirror" ] || fail "this machine's apt configuration has no Debian source" \
    "on Ubuntu, name one: MIRROR=http://…/debian/ $0, or pull python:3-slim-$SUITE through a registry mirror"

work=$(mktemp -d)
root=$work/root log=$work/log
trap 'rm -rf "$work"' EXIT
say "Building $IMAGE from Debian packages (about half a minute)"
debootstrap --variant=minbase --include="$packages" "$SUITE" "$root" "$mirror" >"$log" 2>&1 || {
    tail -n 20 "$log" >&2
    fail "debootstrap failed" "the lines above are the end of what it said"
}

# python.org's layout, which users of python:*-slim expect.
if [ -e "$root/usr/bin/python3" ]; then
    for name in python python3; do ln -s /usr/bin/python3 "$root/usr/local/bin/$name"; done
    for name in pip pip3; do ln -s /usr/bin/pip3 "$root/usr/local/bin/$name"; done
    rm -f "$root"/usr/lib/python3.*/EXTERNALLY-MANAGED
fi
security=$(source_of debian-security)
if [ -n "$security" ]; then echo "deb $security $SUITE-security main" >>"$root/etc/apt/sources.list"; fi
rm -rf "$root"/var/lib/apt/lists/* "$root"/var/cache/apt/* "$root"/var/log/*

tar -C "$root" -c . | docker import \
    -c 'ENV PATH=/usr/local/bin:/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin' -c 'ENV LANG=C.UTF-8' -c 'CMD ["python3"]' \
    -m "Debian $SUITE from packages, by composegen's scripts/bootstrap-base.sh" - "$IMAGE" >/dev/null
say "Built $IMAGE"
