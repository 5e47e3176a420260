#!/bin/sh
# nix.sh COMMAND ARGUMENTS: runs `nix COMMAND` with the stand-in in place of nixpkgs.
set -eu
. "$(dirname "$0")/environment.sh"
command=$1
shift
exec nix "$command" --override-input nixpkgs "path:$cache/nixpkgs" --no-write-lock-file "$@"
