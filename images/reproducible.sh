#!/usr/bin/env bash
# Whether what `make images` builds is the same wherever it is built: builds in two places and
# compares. Each has a folder, a target directory, a home and a copy of cargo's registry of its
# own; the second also another mask of modes, time zone, language, number of jobs and, where the
# kernel lets it, user.
#
#   images/reproducible.sh sample   a small program that links libraries of ours and of others,
#                                   Rust and C, with the same flags but unoptimised; and that
#                                   the comparison finds a path where a program holds one.
#                                   Once, until the compiler, a dependency or a flag changes
#   images/reproducible.sh all      what make.sh makes: programs, archives and lists of what is
#                                   linked. Two release builds
set -euo pipefail
cd "$(dirname "$0")/.."
what=${1:?images/reproducible.sh sample|all}
case $what in sample | all) ;; *) echo "reproducible.sh: sample or all, not $what" >&2; exit 64 ;; esac

say() { echo "reproducible: $*"; }
fail() { echo "reproducible: $*" >&2; exit 1; }

# What the sample depends on beside itself.
key=$({ rustc -vV; cc --version; cat Cargo.lock Cargo.toml images/cargo.sh images/reproducible.sh; } | sha256sum | cut -c1-16)
seen=${URR_CACHE:-$HOME/.cache/urr}/reproducible/$key
if [ "$what" = sample ] && [ -e "$seen" ]; then
	say "the sample was compared before"
	exit
fi

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
# Of another length too: padding hides a difference as well as it shows one.
places=("$work/one" "$work/two/in/another/place")
homes=("$work/home" "$work/homes/of/another")
cargo_home=$(realpath "${CARGO_HOME:-$HOME/.cargo}")
rustup_home=$(realpath -m "${RUSTUP_HOME:-$HOME/.rustup}")

# A name of this user that is another one to all who ask.
another_user=()
if unshare --user --map-user=4242 --map-group=4242 true 2>/dev/null; then
	another_user=(unshare --user --map-user=4242 --map-group=4242)
else
	say "both places are built by one user: this kernel gives no other"
fi

# registry HOME: a copy of what cargo downloaded, by links where they can be made. Cargo unpacks
# it there anew.
registry() {
	local part
	mkdir -p "$1/.cargo/registry"
	for part in "$cargo_home"/registry/{cache,index}; do
		cp -al "$part" "$1/.cargo/registry/" 2>/dev/null || cp -a "$part" "$1/.cargo/registry/"
	done
	[ ! -e "$cargo_home/config.toml" ] || cp "$cargo_home/config.toml" "$1/.cargo/"
}

cargo fetch --locked --quiet
for i in 0 1; do
	mkdir -p "${places[i]}" "${homes[i]}"
	git ls-files -z | tar --create --null --files-from=- | tar --extract -C "${places[i]}"
	git -C "${places[i]}" init --quiet
	git -C "${places[i]}" add --all
	registry "${homes[i]}"
done

# at INDEX COMMAND...: in a place, as it is there.
at() {
	local i=$1 settings=()
	shift
	settings=(HOME="${homes[i]}" CARGO_HOME="${homes[i]}/.cargo" RUSTUP_HOME="$rustup_home" PATH="$PATH" CARGO_NET_OFFLINE=true
		URR_CACHE="${URR_CACHE:-$HOME/.cache/urr}")
	(
		cd "${places[i]}"
		case $i in
		0) exec env -i "${settings[@]}" "$@" ;;
		1)
			umask 077
			exec env -i "${settings[@]}" TZ=Asia/Seoul LC_ALL=C.UTF-8 CARGO_BUILD_JOBS=3 "${another_user[@]}" "$@"
			;;
		esac
	)
}

# same FILE: whether both have it, and have the same.
same() { cmp --silent "${places[0]}/$1" "${places[1]}/$1"; }

# differs FILE: tells what of all that it was made from is not the same, and fails. Lists of
# dependencies (.d) name paths and are in no program.
differs() {
	local file
	(cd "${places[0]}" && find target/images/release/{deps,build} -type f \( -name '*.rlib' -o -path '*/out/*' \) -not -name '*.d') |
		LC_ALL=C sort | while read -r file; do
		same "$file" || say "not the same: $file"
	done
	fail "$1 differs"
}

# holds_path FILE: whether the first one's holds a folder of this machine.
holds_path() {
	grep --quiet --fixed-strings --text -e "$work" -e "$cargo_home" -e "$HOME/" "${places[0]}/$1"
}

# sample: compiles the program that it reads.
sample() {
	local program i
	program=$(cat)
	for i in 0 1; do
		mkdir -p "${places[i]}/services/contract/src/bin"
		echo "$program" >"${places[i]}/services/contract/src/bin/sample.rs"
		at $i images/cargo.sh build --quiet --package urr-contract --bin sample --config profile.release.opt-level=0
	done
}

case $what in
sample)
	program=target/images/release/sample
	sample <<-'END'
		//! Verifies a token, with libraries of Rust and C.
		use urr_contract::tokens::{AccessClaims, TokenKey};
		fn main() {
		    let key = TokenKey::session("a secret that is long enough for this key").expect("a key");
		    println!("{:?}", key.verify_signature::<AccessClaims>("no token").is_err());
		}
	END
	same $program || differs $program
	! holds_path $program || fail "a path is in the sample"
	say "the sample is the same in two places"
	sample <<-'END'
		//! Holds a path.
		fn main() {
		    println!("{}", env!("CARGO_MANIFEST_DIR"));
		}
	END
	! same $program || fail "a program that holds a path was not found to differ"
	holds_path $program || fail "the path that a program holds was not found"
	say "and a program that holds a path is found"
	mkdir -p "${seen%/*}"
	: >"$seen"
	;;
all)
	for i in 0 1; do at $i images/make.sh made; done
	diff <(ls "${places[0]}/made") <(ls "${places[1]}/made") || fail "the images have other names"
	for file in target/images/release/{urr,urr-operator} $(cd "${places[0]}" && ls made/*); do
		same "$file" || differs "$file"
		! holds_path "$file" || fail "a path is in $file"
		say "$file: $(sha256sum "${places[0]}/$file" | cut -d' ' -f1)"
	done
	;;
esac
