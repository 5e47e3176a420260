# Sourced by the scripts beside it: where things are kept, and how Nix is to behave.
cache=${URR_CACHE:-$HOME/.cache/urr}/nix
root=$(cd "$(dirname "$0")/../.." && pwd)
toolchain=$(cd "$root" && rustc --print sysroot)

# A real sandbox: no network, the machine's toolchains read-only, nothing of anybody's home.
export NIX_CONFIG="
experimental-features = nix-command flakes
build-users-group =
sandbox = true
sandbox-fallback = false
sandbox-paths = /bin /lib /lib64 /usr /etc/alternatives /rust=$toolchain /tools=$cache/tools
substituters =
warn-dirty = false
max-jobs = 1
cores = 0
"
