#!/bin/sh
# Runs a server that speaks Amazon's S3 and SQS in the foreground, for tests: moto.
#
#   moto.sh [port]      (9324)
#   moto.sh --fetch     only fetches it
#
# Needs Python 3.10 or later with venv. The first time it is fetched from PyPI, in the
# versions of moto.txt, into $URR_CACHE/moto, by default ~/.cache/urr/moto, outside the tree.
# It keeps nothing and checks no signature.
set -eu

versions="$(dirname "$0")/moto.txt"
home="${URR_CACHE:-$HOME/.cache/urr}/moto/$(sha256sum "$versions" | cut -c1-12)"

# Python's environments cannot be moved, so one is done when its mark is there.
if [ ! -e "$home/fetched" ]; then
    python3 -c 'import venv' || { echo "moto.sh: Python's venv is missing (Debian: python3-venv)" >&2; exit 1; }
    echo "moto.sh: fetching moto into $home" >&2
    python3 -m venv --clear "$home"
    "$home/bin/pip" install --quiet --disable-pip-version-check --requirement "$versions" >&2
    touch "$home/fetched"
fi
[ "${1:-}" = --fetch ] && exit 0

exec "$home/bin/python" -m moto.server -H 127.0.0.1 -p "${1:-9324}"
