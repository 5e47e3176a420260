# `nix run .` starts the local platform with nixpkgs' Postgres and Redis.
{
  lib,
  writeShellApplication,
  postgresql,
  redis,
  util-linux,
  urr,
}:
let
  app = name: description: {
    type = "app";
    meta = { inherit description; };
    program = lib.getExe (writeShellApplication {
      name = "urr-${name}";
      runtimeInputs = [
        postgresql
        redis
        util-linux # setpriv: an engine ends with the program that started it
        urr
      ];
      text = ''exec urr ${name} "$@"'';
    });
  };
  up = app "up" "Runs the whole platform on this machine";
in
{
  default = up;
  inherit up;
  crowd = app "crowd" "Simulated fans against a platform that runs";
  audit = app "audit" "Checks the books of a platform";
}
