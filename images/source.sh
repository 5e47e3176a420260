#!/usr/bin/env bash
# Prints the hash of what the programs are made of: files that git knows, as they are now,
# without documents, tests and what only CI runs. nix/packages.nix names the same ones.
set -euo pipefail
cd "$(dirname "$0")/.."
{
	git ls-files -z -- Cargo.toml Cargo.lock migrations operator services e2e/Cargo.toml \
		':!*.md' ':!*.snap' ':!*.sh' ':(exclude,glob)**/test-*' ':(exclude,glob)services/*/tests/**' ':(exclude,glob)operator/**/tests/**'
	git ls-files -z -- services/kit/kafka.sh
} | LC_ALL=C sort --zero-terminated |
	tar --create --null --files-from=- --mtime=@1 --owner=0 --group=0 --numeric-owner --mode=a=rX,u+w --format=gnu |
	sha256sum | cut -c1-32
