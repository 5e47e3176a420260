#!/bin/bash
# nuke-refs [-e STORE-PATH]... FILES: makes every store path that the files mention one that is
# not there, but those after -e.
set -euo pipefail
kept=
while getopts e: option; do
  case $option in
    e) kept+="(?!$(basename "$OPTARG" | cut -d- -f1))" ;;
    *) exit 64 ;;
  esac
done
shift $((OPTIND - 1))
LC_ALL=C exec perl -i -pe "s|/nix/store/${kept}[a-z0-9]{32}-|/nix/store/eeeeeeeeeeeeeeeeeeeeeeeeeeeeeeee-|g" "$@"
