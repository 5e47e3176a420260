# The Rust that everything is built with: nixpkgs' own, which has to be the release that
# rust-toolchain.toml pins, so that `cargo build` and `nix build` see the same compiler.
{
  lib,
  rustPlatform,
  rustc,
}:
let
  pinned = (lib.importTOML ../rust-toolchain.toml).toolchain.channel;
in
assert lib.assertMsg (
  rustc.version == pinned
) "nixpkgs has rustc ${rustc.version}, but rust-toolchain.toml pins ${pinned}: move one of them";
rustPlatform
