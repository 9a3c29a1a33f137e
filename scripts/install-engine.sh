#!/usr/bin/env bash
# Give this machine a Docker Engine with Compose and BuildKit, unless a good one is there already.
#
#   scripts/install-engine.sh [--yes]
#
# On a terminal it says what it will install and asks; with --yes, or without a terminal, it says so and goes on.
# An engine that is already installed is never replaced, however old: that is its owner's decision.
set -euo pipefail

# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/lib.sh"

for argument in "$@"; do
    case $argument in
        --yes | -y) YES=true ;;
        *) fail "unknown argument '$argument'" "usage: $0 [--yes]" ;;
    esac
done

DOCKER_REPOSITORY=https://download.docker.com/linux # https://docs.docker.com/engine/install/
DOCKER_PACKAGES=(docker-ce docker-ce-cli containerd.io docker-buildx-plugin docker-compose-plugin)
DEBIAN_PACKAGES=(docker.io docker-cli docker-compose docker-buildx containerd tini-static)
UBUNTU_PACKAGES=(docker.io docker-compose-v2 docker-buildx)

# download URL FILE, with apt's own client: a bare machine has neither curl nor wget.
download() {
    local helper=/usr/lib/apt/apt-helper
    [ -x "$helper" ] && as_root "$helper" -o Acquire::Retries=0 -o Acquire::https::Timeout=5 download-file "$1" "$2" >/dev/null 2>&1
}

docker_repository_answers() {
    local release
    release=$(mktemp -u)
    download "$DOCKER_REPOSITORY/$ID/dists/$VERSION_CODENAME/Release" "$release" && as_root rm -f "$release"
}

install_from_docker() {
    confirm "$wanted From Docker's own package repository this will install:" "  ${DOCKER_PACKAGES[*]}"
    as_root install -m 0755 -d /etc/apt/keyrings
    as_root rm -f /etc/apt/keyrings/docker.asc
    download "$DOCKER_REPOSITORY/$ID/gpg" /etc/apt/keyrings/docker.asc || fail "Docker's signing key could not be fetched" "try again"
    as_root chmod a+r /etc/apt/keyrings/docker.asc
    printf 'deb [arch=%s signed-by=/etc/apt/keyrings/docker.asc] %s/%s %s stable\n' \
        "$(dpkg --print-architecture)" "$DOCKER_REPOSITORY" "$ID" "$VERSION_CODENAME" |
        as_root tee /etc/apt/sources.list.d/docker.list >/dev/null
    refresh_packages
    install_packages "${DOCKER_PACKAGES[@]}" iptables
}

# The address of the mirror this machine already uses for its own release, so that proxies and local mirrors keep working.
own_mirror() {
    # shellcheck disable=SC2016  # apt's own placeholders
    apt-get indextargets --format '$(CREATED_BY) $(RELEASE) $(REPO_URI)' |
        awk -v release="$VERSION_CODENAME" '$1 == "Packages" && $2 == release && !found++ { print $3 }'
}

# Debian's stable releases carry an engine too old for Compose 2.24, so take it from the newest suite, pinned to these packages.
install_from_newest_debian_suite() {
    local suite=unstable mirror
    confirm "$wanted Docker's own package repository does not answer." \
        "From Debian's suite '$suite', pinned so that nothing else is upgraded, this will install:" "  ${DEBIAN_PACKAGES[*]}"
    # A fresh machine has no package lists yet, and without them apt does not say where they come from.
    [ -n "$(own_mirror)" ] || refresh_packages
    mirror=$(own_mirror)
    [ -n "$mirror" ] || fail "no package source for '$VERSION_CODENAME' in this machine's apt configuration" "check /etc/apt/sources.list*"
    printf 'deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] %s %s main\n' "$mirror" "$suite" |
        as_root tee /etc/apt/sources.list.d/composegen-engine.list >/dev/null
    printf '%s\n' \
        "# Written by composegen's scripts/install-engine.sh: only the engine comes from this suite." \
        "Package: *" "Pin: release a=$suite" "Pin-Priority: -1" "" \
        "Package: ${DEBIAN_PACKAGES[*]}" "Pin: release a=$suite" "Pin-Priority: 990" |
        as_root tee /etc/apt/preferences.d/composegen-engine >/dev/null
    refresh_packages
    install_packages "${DEBIAN_PACKAGES[@]}" iptables
}

install_from_ubuntu() {
    confirm "$wanted Docker's own package repository does not answer." "From Ubuntu this will install:" "  ${UBUNTU_PACKAGES[*]}"
    refresh_packages
    install_packages "${UBUNTU_PACKAGES[@]}" iptables
}

install_all() {
    if ! [ -e /etc/ssl/certs/ca-certificates.crt ]; then
        confirm "$wanted To ask Docker's own package repository, over https, this will install:" "  ca-certificates"
        refresh_packages
        install_packages ca-certificates
    fi
    if docker_repository_answers; then
        install_from_docker
    elif [ "$ID" = debian ]; then
        install_from_newest_debian_suite
    else
        install_from_ubuntu
    fi
}

# An engine is there, its command line or plugins are not, as after an installation that was cut short: same source, same version.
install_what_is_missing() {
    local owner
    owner=$(dpkg -S "$(readlink -f "$(command -v dockerd)")" 2>/dev/null | cut -d: -f1)
    case $owner in
        docker-ce) confirm "$wanted This will install:" "  ${DOCKER_PACKAGES[*]:1}" && refresh_packages && install_packages "${DOCKER_PACKAGES[@]:1}" ;;
        docker.io) if [ "$ID" = debian ]; then install_from_newest_debian_suite; else install_from_ubuntu; fi ;;
        *) fail "$wanted The engine came from neither docker-ce nor docker.io" "add Compose $COMPOSE_MIN or newer and buildx the way you installed it" ;;
    esac
}

installed=$({ dockerd --version 2>/dev/null || true; } | sed -n 's/^Docker version \([0-9.]*\).*/\1/p')
answering=$(engine_version || true)
if [ -n "${answering:-$installed}" ] && ! at_least "${answering:-$installed}" "$ENGINE_MIN"; then
    fail "Docker Engine ${answering:-$installed} is older than $ENGINE_MIN" "upgrade it yourself: composegen never replaces an engine"
fi
if [ -n "${answering:-$installed}" ] && clients_are_good; then
    say "A good engine is there: Engine ${answering:-$installed}, Compose $(compose_version)"
    exit 0
fi
if [ -n "$answering" ] && [ -z "$installed" ]; then
    fail "an engine answers from elsewhere, but here is no Compose $COMPOSE_MIN with BuildKit: $(engine_summary)" \
        "add the Compose and buildx plugins to this machine's docker command"
fi

[ -r /etc/os-release ] || fail "this system does not say what it is (no /etc/os-release)" "install Docker Engine $ENGINE_MIN or newer yourself"
# shellcheck source=/dev/null
. /etc/os-release
case ${ID:-} in
    debian | ubuntu) ;;
    *) fail "this script knows Debian and Ubuntu, not '${ID:-unknown}'" "https://docs.docker.com/engine/install/ has the way for yours" ;;
esac
if [ -n "$installed" ]; then
    wanted="Docker Engine $installed is there, its command line, Compose or BuildKit is missing."
    install_what_is_missing
else
    wanted="Docker Engine is missing."
    install_all
fi
