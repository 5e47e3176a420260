# The two programs, the CRDs, the charts and the list of what was linked (SBOM).
#
# The workspace is one derivation, so that its dependencies are compiled once; each program
# is then a small package of its own, so that an image's closure holds nothing else.
{
  lib,
  runCommand,
  cargo-cyclonedx,
  toolchain,
}:
let
  manifest = (lib.importTOML ../Cargo.toml).workspace.package;
  inherit (manifest) version;

  # These files and nothing else; of them no documents, so that editing one changes no output.
  sources =
    paths:
    lib.fileset.toSource {
      root = ../.;
      fileset = lib.fileset.difference (lib.fileset.unions paths) (
        lib.fileset.fileFilter (file: file.hasExt "md") ../.
      );
    };

  src = sources [
    ../Cargo.toml
    ../Cargo.lock
    ../clippy.toml
    ../rustfmt.toml
    ../migrations
    ../operator
    ../services
    ../crds
    # A member of the workspace, so its manifest is read; nothing of it is linked.
    ../e2e/Cargo.toml
    ../e2e/src
    ../e2e/tests
  ];

  # Of the source, not of the commit: the same files give the same images.
  sourceHash = builtins.substring 0 32 (baseNameOf (toString src));

  workspace = toolchain.buildRustPackage {
    pname = "urr-workspace";
    inherit version src;
    cargoLock.lockFile = ../Cargo.lock;
    cargoBuildFlags = [
      "--package=urr-urr"
      "--package=urr-operator"
    ];
    # librdkafka is configured by scripts that ask for /usr/bin/env.
    postPatch = ''
      find "$cargoDepsCopy" -maxdepth 3 -type d -name 'rdkafka-sys-*' -print0 | xargs -0 --no-run-if-empty chmod -R u+w
      find "$cargoDepsCopy" -maxdepth 3 -type d -name 'rdkafka-sys-*' -print0 | while IFS= read -r -d "" crate; do
        patchShebangs "$crate"
      done
    '';
    # Queries are checked against services/*/.sqlx.
    env.SQLX_OFFLINE = "true";
    # Tests that need no engine are a check of their own (checks.nix); the others need
    # Postgres, Redis and Kafka, which is more than a build may ask for.
    doCheck = false;
    meta = {
      license = lib.licenses.asl20;
      platforms = lib.platforms.linux;
    };
  };

  program =
    name: description:
    runCommand "${name}-${version}"
      {
        meta = {
          inherit description;
          mainProgram = name;
          license = lib.licenses.asl20;
          platforms = lib.platforms.linux;
        };
      }
      ''
        install -Dm755 ${workspace}/bin/${name} $out/bin/${name}
      '';

  # Files as they are, links between them followed.
  copied =
    name: folder: paths:
    runCommand "${name}-${version}" { } ''
      cp -rL ${sources paths}/${folder} $out
    '';
in
{
  inherit version sourceHash workspace;

  urr = program "urr" "The ticketing platform: seven services and the local platform in one program";
  urr-operator = program "urr-operator" "Kubernetes operator for ticket sales";

  crds = copied "urr-crds" "crds" [ ../crds ];
  charts = copied "urr-charts" "charts" [
    ../charts
    ../crds
  ];

  # CycloneDX, one file a program, from the lock file that built it.
  sbom = workspace.overrideAttrs (old: {
    pname = "urr-sbom";
    nativeBuildInputs = old.nativeBuildInputs ++ [ cargo-cyclonedx ];
    buildPhase = ''
      cargo cyclonedx --format json --describe binaries --spec-version 1.5 --no-build-deps
    '';
    installPhase = ''
      install -Dm644 services/urr/urr_bin.cdx.json $out/urr.cdx.json
      install -Dm644 operator/urr-operator_bin.cdx.json $out/urr-operator.cdx.json
    '';
  });
}
