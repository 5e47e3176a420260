#!/bin/sh
# Makes a fresh Debian machine able to build and run URR: installs what is missing, says
# what it does, and touches nothing else. With --kafka also what real Kafka needs, with
# --python what tools of the tests need that come from PyPI, curl and jq, with --nix a Nix that
# evaluates and builds the flake, with --images what packs images.
#
# Installing PostgreSQL or Redis from Debian's packages normally starts a server and makes
# a database cluster. Neither is wanted here, `urr up` runs its own, so both are
# suppressed while the packages are installed, and every file is put back afterwards.
set -eu

say() { printf 'bootstrap: %s\n' "$*"; }
fail() { printf 'bootstrap: %s\n' "$*" >&2; exit 1; }

kafka=no python=no nix=no images=no
for argument in "$@"; do
    case $argument in
        --kafka) kafka=yes ;;
        --python) python=yes ;;
        --nix) nix=yes images=yes ;;
        --images) images=yes ;;
        *) fail "unknown option $argument; there are --kafka, --python, --nix and --images" ;;
    esac
done

have() { command -v "$1" >/dev/null 2>&1; }
have_postgres() { have initdb || ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1; }

have cargo || fail "Rust is missing: install it from https://rustup.rs, then run this again"

packages=
need() { packages="$packages $1"; say "$2 is missing: package $1"; }
have cc && have c++ && have make || need build-essential "a C toolchain (librdkafka and aws-lc are built from source)"
have setpriv || need util-linux "setpriv"
have_postgres || need postgresql "PostgreSQL"
have redis-server || need redis-server "Redis"
if [ $kafka = yes ]; then
    have java || need default-jre-headless "Java"
    have mvn || need maven "Maven"
fi
if [ $python = yes ]; then
    python3 -c 'import ensurepip' 2>/dev/null || need python3-venv "Python with venv"
    have curl || need curl "curl"
    have jq || need jq "jq"
fi
if [ $nix = yes ]; then
    have nix || need nix-bin "Nix"
    have jq || need jq "jq"
fi
if [ $images = yes ]; then
    have python3 || need python3 "Python"
    [ -d /usr/share/ca-certificates/mozilla ] || need ca-certificates "the certificates of public authorities"
fi
[ -n "$packages" ] || exit 0

have apt-get || fail "this is not Debian: please install$packages yourself"
if [ "$(id -u)" != 0 ]; then
    have sudo || fail "neither root nor sudo: please have somebody run apt-get install$packages"
    say "asks sudo for the right to install"
    exec sudo env "PATH=$PATH" "$0" "$@"
fi

export DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 UCF_FORCE_CONFFOLD=1
put_back=$(mktemp -d)
policy=/usr/sbin/policy-rc.d
clusters=/etc/postgresql-common/createcluster.conf

# replace FILE: FILE comes from standard input until the script ends.
replace() {
    if [ -e "$1" ]; then cp -p "$1" "$put_back/$(basename "$1")"; else : >"$put_back/$(basename "$1").absent"; fi
    cat >"$1"
}
restore() {
    for file in $policy $clusters; do
        kept=$put_back/$(basename $file)
        if [ -e "$kept" ]; then cp -p "$kept" $file; elif [ -e "$kept.absent" ]; then rm -f $file; fi
    done
    rm -rf "$put_back"
}
trap restore EXIT
trap 'exit 130' INT TERM HUP

printf '#!/bin/sh\nexit 101\n' | replace $policy
chmod 755 $policy

say "installs$packages"
apt-get -qq update
case $packages in
    *postgresql*)
        # The file that forbids the cluster comes with this package, so it goes first.
        apt-get -qq install --yes --no-install-recommends postgresql-common >/dev/null
        printf 'create_main_cluster = false\n' | replace $clusters
        ;;
esac
# shellcheck disable=SC2086 # the list is meant to be split
apt-get -qq install --yes --no-install-recommends $packages >/dev/null
say "done; no service was started and no cluster was made"
