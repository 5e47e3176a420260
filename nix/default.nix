# Everything of one system, from its nixpkgs: flake.nix hands these out.
pkgs:
let
  toolchain = import ./toolchain.nix { inherit (pkgs) lib rustPlatform rustc; };
  binaries = import ./packages.nix {
    inherit (pkgs)
      lib
      stdenv
      runCommand
      nukeReferences
      cacert
      cargo-cyclonedx
      python3
      ;
    inherit toolchain;
  };
  images = import ./images.nix {
    inherit (pkgs) lib dockerTools;
    inherit binaries;
  };
in
{
  inherit (binaries) urr urr-operator;

  packages = {
    inherit (binaries) workspace urr urr-operator crds charts sbom;
    default = binaries.urr;
  }
  // images;

  apps = import ./apps.nix {
    inherit (pkgs)
      lib
      writeShellApplication
      postgresql
      redis
      util-linux
      ;
    inherit (binaries) urr;
  };

  checks = import ./checks.nix {
    inherit (pkgs)
      lib
      runCommand
      cargo
      clippy
      rustfmt
      jq
      gnutar
      ;
    inherit binaries images;
  };

  devShell = import ./devshell.nix { inherit pkgs; };

  formatter = pkgs.nixfmt-tree;
}
