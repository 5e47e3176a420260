{
  description = "URR sells tickets when everybody wants them at once";

  inputs.nixpkgs.url = "github:NixOS/nixpkgs/nixos-26.05";

  # This file only wires: what is built stands in nix/.
  outputs =
    { self, nixpkgs }:
    let
      systems = [
        "x86_64-linux"
        "aarch64-linux"
      ];
      forAllSystems = f: nixpkgs.lib.genAttrs systems (system: f (import ./nix nixpkgs.legacyPackages.${system}));
    in
    {
      packages = forAllSystems (urr: urr.packages);
      apps = forAllSystems (urr: urr.apps);
      checks = forAllSystems (urr: urr.checks);
      devShells = forAllSystems (urr: { default = urr.devShell; });
      formatter = forAllSystems (urr: urr.formatter);
      overlays.default = final: _prev: { inherit (import ./nix final) urr urr-operator; };
    };
}
