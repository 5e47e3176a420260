#!/bin/sh
# nix.sh COMMAND ARGUMENTS: runs `nix COMMAND` with the stand-in in place of nixpkgs.
set -eu
. "$(dirname "$0")/environment.sh"
command=$1
shift
# `flake check` is one command of two words.
if [ "$command" = flake ]; then
    command="flake $1"
    shift
fi
# shellcheck disable=SC2086 # two words, see above
exec nix $command --override-input nixpkgs "path:$cache/nixpkgs" --no-write-lock-file "$@"
