#!/bin/sh
# cargo.sh COMMAND ARGUMENTS: runs `cargo COMMAND` with --release so that what it compiles does
# not depend on where this folder, the target directory or cargo's home are, nor on the time.
#
# rustc and the C compiler are told names for these folders in place of their paths. That is
# all there is to it: cargo names members of a workspace by their place in it, and nothing of
# ours writes a commit or a time into a program. And zlib is linked in, whether or not the
# machine has one.
set -eu
root=$(cd "$(dirname "$0")/.." && pwd)
target=$(realpath -m "${CARGO_TARGET_DIR:-$root/target/images}")
home=$(realpath -m "${CARGO_HOME:-$HOME/.cargo}")

# The last one that fits is taken by both compilers, so what may lie in another comes after it.
rust= c=-g0
for pair in "$root=/urr" "$home=/cargo" "$target=/target"; do
    case $pair in *[[:space:]]*) echo "cargo.sh: a compiler's flag cannot hold the space in ${pair%=*}" >&2; exit 1 ;; esac
    rust="$rust --remap-path-prefix=$pair"
    c="$c -ffile-prefix-map=$pair"
done

command=$1
shift
cd "$root"
unset CARGO_ENCODED_RUSTFLAGS
export CARGO_TARGET_DIR="$target" RUSTFLAGS="${rust# }" CFLAGS="$c" CXXFLAGS="$c" \
    SOURCE_DATE_EPOCH=1 CARGO_INCREMENTAL=0 SQLX_OFFLINE=true LIBZ_SYS_STATIC=1 LC_ALL=C
# shellcheck disable=SC2086 # `auditable build` is two words
exec "${CARGO:-cargo}" $command --release --locked "$@"
