# What `nix flake check` runs. Tests that need Postgres, Redis, Kafka or a Kubernetes are
# `make test` and `make e2e`; here stands what needs the source only.
{
  lib,
  runCommand,
  cargo,
  clippy,
  rustfmt,
  jq,
  gnutar,
  binaries,
  images,
}:
let
  # Everything that a lint or a test of the crates reads.
  src = binaries.sources [
    ../Cargo.toml
    ../Cargo.lock
    ../clippy.toml
    ../rustfmt.toml
    ../migrations
    ../operator
    ../services
    ../crds
    ../e2e/Cargo.toml
    ../e2e/src
    ../e2e/tests
  ];

  # A command over the workspace; the result is empty.
  run =
    name: tools: command:
    binaries.build {
      pname = "urr-${name}";
      inherit src;
      nativeBuildInputs = tools;
      buildPhase = command;
      installPhase = "touch $out";
    };

  # 60 MB is the limit of the image of `urr`; both are held to it.
  limitBytes = 60 * 1024 * 1024;

  storeName = path: baseNameOf (builtins.unsafeDiscardStringContext "${path}");

  contents =
    name: image: program:
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
        ! grep '[.]rs$' files || fail "holds sources"
        others=$(grep -E '^[./]*nix/store/[^/]+/.*[^/]$' files |
          grep -vF -e ${storeName program}/ -e ${storeName binaries.runtime}/ |
          grep -vE -e '-(ca-certificates|nss-cacert-[0-9.]+)/' || true)
        [ -z "$others" ] || fail "holds more than a program, its libraries and certificates: $others"
        for needed in bin/${program.meta.mainProgram} lib/libc.so.6; do grep -q "/$needed\$" files || fail "lacks $needed"; done
        grep -q 'ca-bundle.crt$\|ca-certificates.crt$' files || fail "holds no certificates"
        size=$(stat -c %s image.tar)
        [ "$size" -le ${toString limitBytes} ] || fail "is $size bytes, more than ${toString limitBytes}"
        echo "$size bytes, $(wc -l < files) entries" > $out
      '';
in
{
  inherit (binaries) urr urr-operator;

  fmt =
    runCommand "urr-check-fmt"
      {
        nativeBuildInputs = [
          cargo
          rustfmt
        ];
      }
      ''
        cd ${src}
        cargo fmt --all --check
        touch $out
      '';
  clippy =
    run "clippy" [ clippy ]
      "cargo clippy --offline --locked --workspace --all-targets -- -D warnings";
  tests = run "tests" [ ] ''
    cargo test --offline --locked --lib \
      --package urr-contract --package urr-operator-api --package urr-operator-plan
  '';

  crds = runCommand "urr-check-crds" { } ''
    ${lib.getExe binaries.urr-operator} crd > generated.yaml
    diff ${binaries.crds}/ticketingevents.yaml generated.yaml
    touch $out
  '';

  image-urr = contents "image-urr" images.image-urr binaries.urr;
  image-operator = contents "image-operator" images.image-operator binaries.urr-operator;
}
