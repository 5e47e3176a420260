#!/usr/bin/env bash
# cargo.sh COMMAND ARGUMENTS: runs `cargo COMMAND` with --release so that what it compiles does
# not depend on where this folder, the target directory or cargo's home are, on the time, nor on
# whose shell it runs in.
#
# rustc and the C compiler are told names for these folders in place of their paths; cargo names
# members of a workspace by their place in it, and nothing of ours writes a commit or a time into
# a program. zlib is linked in, whether or not the machine has one, and no other library is
# looked for. Of the environment only what says where things are and how a registry is reached
# goes on; flags, compilers and profiles of somebody's own do not, and a configuration of cargo
# that holds some is refused.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
target=$(realpath -m "${CARGO_TARGET_DIR:-$root/target/images}")
home=$(realpath -m "${CARGO_HOME:-$HOME/.cargo}")
fail() { echo "cargo.sh: $*" >&2; exit 1; }

# tables FILE: the first word of each table and of each key outside of one.
tables() {
	awk '
		/^[[:space:]]*\[/ { line = $0; gsub(/[[:space:]"\[]/, "", line); sub(/[].].*/, "", line); print line; inside = 1; next }
		!inside && /^[[:space:]]*[^#[:space:]]/ { line = $0; gsub(/[[:space:]"]/, "", line); sub(/[.=].*/, "", line); print line }
	' "$1"
}

# Cargo reads the configuration of every folder from here up, and that of its home.
folder=$root
configurations=("$home"/config "$home"/config.toml)
while :; do
	configurations+=("${folder%/}"/.cargo/config "${folder%/}"/.cargo/config.toml)
	[ "$folder" != / ] || break
	folder=$(dirname "$folder")
done
for file in "${configurations[@]}"; do
	[ -e "$file" ] || continue
	for table in $(tables "$file"); do
		case $table in
		source | registries | registry | http | net | term | credential-alias) ;;
		*) fail "$file sets $table, which may change what is compiled: set CARGO_HOME to another folder, or move it aside" ;;
		esac
	done
done

# The last one that fits is taken by both compilers, so what may lie in another comes after it.
rust= c=-g0
for pair in "$root=/urr" "$home=/cargo" "$target=/target"; do
	case $pair in *[[:space:]]*) fail "a compiler's flag cannot hold the space in ${pair%=*}" ;; esac
	rust="$rust --remap-path-prefix=$pair"
	c="$c -ffile-prefix-map=$pair"
done

environment=()
for name in PATH HOME CARGO_HOME CARGO_BUILD_JOBS CARGO_NET_OFFLINE RUSTUP_HOME TMPDIR \
	{http,https,all,no}_proxy {HTTP,HTTPS,ALL,NO}_PROXY SSL_CERT_FILE SSL_CERT_DIR; do
	[ -z "${!name+set}" ] || environment+=("$name=${!name}")
done

# Two words may be one command: `auditable build`.
read -r -a command <<<"$1"
shift
cd "$root"
exec env -i "${environment[@]}" CARGO_TARGET_DIR="$target" RUSTFLAGS="${rust# }" CFLAGS="$c" CXXFLAGS="$c" \
	SOURCE_DATE_EPOCH=1 CARGO_INCREMENTAL=0 SQLX_OFFLINE=true LIBZ_SYS_STATIC=1 PKG_CONFIG=false LC_ALL=C TZ=UTC \
	"${CARGO:-cargo}" "${command[@]}" --release --locked "$@"
