#!/usr/bin/env bash
# Whether what `make images` builds is the same wherever it is built: compiles in two folders,
# each with a target directory and a home of cargo of its own, and compares.
#
#   images/reproducible.sh sample   a small program that links libraries of ours and of others,
#                                   Rust and C, with the same flags but unoptimised; and that
#                                   the comparison finds a path where a program holds one.
#                                   Once, until the compiler, a dependency or a flag changes
#   images/reproducible.sh all      urr and urr-operator as they are shipped: two release builds
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
homes=("$work/cargo" "$work/homes/of/another/cargo")
registry=${CARGO_HOME:-$HOME/.cargo}/registry

cargo fetch --locked --quiet
for i in 0 1; do
	mkdir -p "${places[i]}" "${homes[i]}"
	git ls-files -z | tar --create --null --files-from=- | tar --extract -C "${places[i]}"
	ln -s "$registry" "${homes[i]}/registry"
done

# compile INDEX ARGUMENTS...
compile() {
	local i=$1; shift
	env -u CARGO_TARGET_DIR CARGO_HOME="${homes[i]}" "${places[i]}/images/cargo.sh" build --offline --quiet "$@"
}

# same PROGRAM: whether both have it, and have the same.
same() {
	cmp --silent "${places[0]}/target/images/release/$1" "${places[1]}/target/images/release/$1"
}

# sample: compiles the program that it reads.
sample() {
	local program i
	program=$(cat)
	export CARGO_PROFILE_RELEASE_OPT_LEVEL=0
	for i in 0 1; do
		mkdir -p "${places[i]}/services/contract/src/bin"
		echo "$program" >"${places[i]}/services/contract/src/bin/sample.rs"
		compile $i --package urr-contract --bin sample
	done
}

case $what in
sample)
	sample <<-'END'
		//! Verifies a token, with libraries of Rust and C.
		use urr_contract::tokens::{AccessClaims, TokenKey};
		fn main() {
		    let key = TokenKey::session("a secret that is long enough for this key").expect("a key");
		    println!("{:?}", key.verify_signature::<AccessClaims>("no token").is_err());
		}
	END
	same sample || fail "the sample differs"
	! grep --quiet --fixed-strings --text "$work" "${places[0]}/target/images/release/sample" || fail "a path is in the sample"
	say "the sample is the same in two places"
	sample <<-'END'
		//! Holds a path.
		fn main() {
		    println!("{}", env!("CARGO_MANIFEST_DIR"));
		}
	END
	! same sample || fail "a program that holds a path was not found to differ"
	say "and a program that holds a path is found"
	mkdir -p "${seen%/*}"
	: >"$seen"
	;;
all)
	for i in 0 1; do compile $i --package urr-urr --package urr-operator; done
	for program in urr urr-operator; do
		same $program || fail "$program differs"
		say "$program: $(sha256sum "${places[0]}/target/images/release/$program" | cut -d' ' -f1)"
	done
	;;
esac
