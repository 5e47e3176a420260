# Stands in for the nixpkgs input where only package registries can be reached:
#   nix build .#urr --override-input nixpkgs path:<directory written by prepare.sh>
# It offers just the part of nixpkgs that nix/*.nix use, built with the machine's own Rust
# and C toolchains, whose versions (host.json) are part of every hash. README.md says what
# that proves and what it does not.
{
  outputs = _: {
    lib = import ./lib.nix;
    legacyPackages = builtins.listToAttrs (
      map (system: {
        name = system;
        value = import ./pkgs.nix {
          inherit system;
          host = builtins.fromJSON (builtins.readFile ./host.json);
          attributes = builtins.filter (line: line != "") (
            builtins.filter builtins.isString (builtins.split "\n" (builtins.readFile ./attributes.txt))
          );
        };
      }) [ "x86_64-linux" "aarch64-linux" ]
    );
  };
}
