# What `nix flake check` runs. Tests that need Postgres, Redis, Kafka or a Kubernetes are
# `make test` and `make e2e`; here stands what needs the source only.
{
  lib,
  runCommand,
  clippy,
  rustfmt,
  jq,
  gnutar,
  binaries,
  images,
}:
let
  # The workspace's own build environment with another command; the result is empty.
  cargo =
    name: tools: command:
    binaries.workspace.overrideAttrs (old: {
      pname = "urr-${name}";
      nativeBuildInputs = old.nativeBuildInputs ++ tools;
      buildPhase = command;
      installPhase = "touch $out";
    });

  # 60 MB is the limit of the image of `urr`; both are held to it.
  limitBytes = 60 * 1024 * 1024;

  contents =
    name: image:
    runCommand "urr-check-${name}"
      {
        nativeBuildInputs = [
          jq
          gnutar
        ];
      }
      ''
        ${image} > image.tar
        mkdir image && tar -xf image.tar -C image
        manifest=image/manifest.json
        config=image/$(jq -r '.[0].Config' $manifest)
        jq -r '.[0].Layers[]' $manifest | while read -r layer; do tar -tf "image/$layer"; done > files

        fail() { echo "${name}: $1" >&2; exit 1; }
        [ "$(jq -r .config.User "$config")" = 65532:65532 ] || fail "does not run as user 65532"
        [ "$(jq -r '.config.Labels["internal.urr.source-hash"]' "$config")" = ${binaries.sourceHash} ] || fail "has another source's label"
        ! grep -E '/bin/(ba|da|a|k|z)?sh$|busybox' files || fail "holds a shell"
        grep -q 'ca-bundle.crt$\|ca-certificates.crt$' files || fail "holds no certificates"
        size=$(stat -c %s image.tar)
        [ "$size" -le ${toString limitBytes} ] || fail "is $size bytes, more than ${toString limitBytes}"
        echo "$size bytes, $(wc -l < files) entries" > $out
      '';
in
{
  inherit (binaries) urr urr-operator;

  fmt = cargo "fmt" [ rustfmt ] "cargo fmt --all --check";
  clippy =
    cargo "clippy" [ clippy ]
      "cargo clippy --offline --locked --workspace --all-targets -- -D warnings";
  tests = cargo "tests" [ ] ''
    cargo test --offline --locked --lib \
      --package urr-contract --package urr-operator-api --package urr-operator-plan
  '';

  crds = runCommand "urr-check-crds" { } ''
    ${lib.getExe binaries.urr-operator} crd > generated.yaml
    diff ${binaries.crds}/ticketingevents.yaml generated.yaml
    touch $out
  '';
}
// lib.mapAttrs contents images
