# The two programs, the CRDs, the charts and the list of what was linked (SBOM).
#
# Both are linked in one derivation; each program is then a small package of its own, so that
# an image's closure holds nothing else.
{
  lib,
  stdenv,
  runCommand,
  nukeReferences,
  cacert,
  cargo-cyclonedx,
  python3,
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

  # What is built and shipped, without tests and what only CI runs; images/source.sh names the
  # same files. `e2e` is a member of the workspace, so cargo reads its manifest; nothing of it
  # is linked.
  src = lib.fileset.toSource {
    root = ../.;
    fileset = lib.fileset.difference shipped unshipped;
  };
  shipped = lib.fileset.unions [
    ../Cargo.toml
    ../Cargo.lock
    ../migrations
    ../operator
    ../services
    ../e2e/Cargo.toml
  ];
  unshipped = lib.fileset.unions (map testsOf crates ++ [ notCompiled ]);
  testsOf = crate: lib.fileset.maybeMissing (crate + "/tests");
  crates = [
    ../operator
    ../operator/api
    ../operator/plan
  ]
  ++ map (name: ../services + "/${name}") (builtins.attrNames (builtins.readDir ../services));
  # Of scripts, kafka.sh is part of a program.
  notCompiled = lib.fileset.fileFilter (
    file:
    builtins.any file.hasExt [
      "md"
      "snap"
    ]
    || lib.hasPrefix "test-" file.name
    || (file.hasExt "sh" && file.name != "kafka.sh")
  ) ../.;

  # What decides how the dependencies are compiled.
  manifests = sources (
    [
      ../Cargo.toml
      ../Cargo.lock
    ]
    ++ map (lib.fileset.fileFilter (file: file.name == "Cargo.toml")) [
      ../operator
      ../services
      ../e2e
    ]
  );

  # Of the source, not of the commit: the same files give the same images. And hashed once
  # more: Nix takes the hash in a store path's name, wherever it stands, for a use of that
  # path, and would put the sources into the images that carry it as a label.
  sourceHash = builtins.substring 0 32 (builtins.hashString "sha256" (baseNameOf (toString src)));

  # Crates whose sources are not there become empty ones, so that cargo accepts the workspace.
  emptyCrates = ''
    find . -mindepth 2 -name Cargo.toml -printf '%h\n' | while read -r crate; do
      [ ! -d "$crate/src" ] || continue
      mkdir "$crate/src" "$crate/tests"
      echo '//! Empty.' > "$crate/src/lib.rs"
      printf '//! Empty.\nfn main() {}\n' > "$crate/src/main.rs"
      ! grep -q '^\[build-dependencies]' "$crate/Cargo.toml" || cp "$crate/src/main.rs" "$crate/build.rs"
      for test in $(sed -n '/^\[\[test]]/,/^$/ s/^name = "\(.*\)"/\1/p' "$crate/Cargo.toml"); do
        printf '//! Empty.\nfn main() {}\n' > "$crate/tests/$test.rs"
      done
    done
  '';

  # librdkafka is configured by scripts that ask for /usr/bin/env. And all vendored files have
  # one time, that of the store, or cargo takes what was compiled from them for outdated.
  settleVendored = ''
    chmod -R u+w "$cargoDepsCopy"
    for crate in "$cargoDepsCopy"/rdkafka-sys-*; do patchShebangs "$crate"; done
    find "$cargoDepsCopy" -exec touch --no-dereference --date=@1 {} +
  '';

  # Runs cargo over our crates, in two derivations: the first does the very same over empty
  # crates and keeps what became of the dependencies, so that they are compiled again only
  # when Cargo.lock or a manifest changes; the second adds the sources to it.
  build =
    args:
    let
      common = {
        inherit version;
        cargoLock.lockFile = ../Cargo.lock;
        env = {
          # Queries are checked against services/*/.sqlx.
          SQLX_OFFLINE = "true";
          # Ours, whether or not the machine has one: an image holds no other library than libc.
          LIBZ_SYS_STATIC = "1";
          # Nor is any other library looked for, or what looks for it named in librdkafka.
          PKG_CONFIG = "false";
        };
        # Tests that need no engine are a check of their own (checks.nix); the others need
        # Postgres, Redis and Kafka, which is more than a build may ask for.
        doCheck = false;
        meta = {
          license = lib.licenses.asl20;
          platforms = lib.platforms.linux;
        };
      }
      // args;
      dependencies = toolchain.buildRustPackage (
        common
        // {
          pname = "${args.pname}-dependencies";
          src = manifests;
          postPatch = emptyCrates + settleVendored;
          # Without what came of the empty crates, and without notes that nobody reads again:
          # librdkafka's with the date, cargo's with the compiler's times, and what compilers
          # said in the order in which they happened to run. Cargo reads its own lines of it.
          installPhase = ''
            find target -depth \( -name 'urr[-_]*' -o -name 'liburr[-_]*' -o -name urr -o -name urr.d \) -exec rm -r {} +
            find target \( -name 'config.log*' -o -name config.cache \) -delete
            find target -path '*/build/*/output' -not -path '*/out/*' -exec sed -i '/^cargo:/!d' {} +
            find target -path '*/build/*/stderr' -not -path '*/out/*' -exec truncate --size=0 {} +
            rm target/.rustc_info.json
            cp -r target $out
          '';
          # They are linked as they are; nothing here is a program.
          dontFixup = true;
        }
      );
    in
    toolchain.buildRustPackage (
      common
      // {
        postPatch = emptyCrates + settleVendored + ''
          cp -r --preserve=mode,timestamps ${dependencies} target
          chmod -R u+w target
        '';
        passthru = { inherit dependencies; };
      }
    );

  workspace = build {
    pname = "urr-workspace";
    inherit src;
    cargoBuildFlags = [
      "--package=urr-urr"
      "--package=urr-operator"
    ];
  };

  # Of the C library and the compiler's, the files that a program loads: whole, with what they
  # mention, they are more than all of the rest. The name is as long as the C library's, so that
  # a program can be told of the other one in place.
  libc = lib.getLib stdenv.cc.libc;
  runtime =
    runCommand libc.name
      {
        # Nothing that these files mention is needed: name services and gcc's unwinder are found
        # among them, locales and character sets are not asked for.
        allowedReferences = [ ];
        nativeBuildInputs = [ nukeReferences ];
        meta.platforms = lib.platforms.linux;
      }
      ''
        mkdir -p $out/lib
        cp -L ${libc}/lib/{ld-linux-*.so.*,libc.so.6,libm.so.6} ${lib.getLib stdenv.cc.cc}/lib/libgcc_s.so.1 $out/lib/
        chmod u+w $out/lib/*
        nuke-refs $out/lib/*
      '';
  inPlace = lib.assertMsg (
    builtins.stringLength "${libc}" == builtins.stringLength "${runtime}"
  ) "${libc} is not as long as ${runtime}";

  program =
    name: description:
    assert inPlace;
    runCommand "${name}-${version}"
      {
        allowedReferences = [ runtime ];
        nativeBuildInputs = [ nukeReferences ];
        meta = {
          inherit description;
          mainProgram = name;
          license = lib.licenses.asl20;
          platforms = lib.platforms.linux;
        };
      }
      ''
        mkdir -p $out/bin
        strip -o $out/bin/${name} ${workspace}/bin/${name}
        LC_ALL=C sed -i 's|${libc}/|${runtime}/|g' $out/bin/${name}
        nuke-refs -e ${runtime} $out/bin/${name}

        readelf -d $out/bin/${name} | sed -n 's/.*(NEEDED).*\[\(.*\)]/\1/p' | while read -r library; do
          [ -e ${runtime}/lib/$library ] || { echo "${name} needs $library" >&2; exit 1; }
        done
        readelf --wide --sections $out/bin/${name} | grep -q '[.]dep-v0' || { echo "${name} has lost the list of what is linked" >&2; exit 1; }
        $out/bin/${name} --version
      '';

  urr = program "urr" "The ticketing platform: seven services and the local platform in one program";
  urr-operator = program "urr-operator" "Kubernetes operator for ticket sales";

  # What an image holds beside its program, as images/sbom.py takes it.
  beside =
    builtins.replaceStrings [ "+" ] [ "%2B" ]
      "library=pkg:generic/glibc@${libc.version} library=pkg:generic/libgcc@${stdenv.cc.cc.version} data=pkg:generic/cacert@${cacert.version}";

  # Files as they are, links between them followed.
  copied =
    name: folder: paths:
    runCommand "${name}-${version}" { } ''
      cp -rL ${sources paths}/${folder} $out
    '';
in
{
  inherit
    version
    sources
    sourceHash
    build
    workspace
    runtime
    urr
    urr-operator
    ;

  crds = copied "urr-crds" "crds" [ ../crds ];
  charts = copied "urr-charts" "charts" [
    ../charts
    ../crds
  ];

  # CycloneDX, one file a program and its image, from the lock file that built it and the list
  # in the program itself.
  sbom = toolchain.buildRustPackage {
    pname = "urr-sbom";
    inherit version src;
    cargoLock.lockFile = ../Cargo.lock;
    postPatch = emptyCrates;
    nativeBuildInputs = [
      cargo-cyclonedx
      python3
    ];
    buildPhase = ''
      cargo cyclonedx --format json --describe binaries --spec-version 1.5 --no-build-deps
    '';
    installPhase = ''
      install -Dm644 services/urr/urr_bin.cdx.json $out/urr.cdx.json
      install -Dm644 operator/urr-operator_bin.cdx.json $out/urr-operator.cdx.json
      python3 ${../images/sbom.py} $out/urr.cdx.json ${lib.getExe urr} ${beside}
      python3 ${../images/sbom.py} $out/urr-operator.cdx.json ${lib.getExe urr-operator} ${beside}
    '';
    doCheck = false;
  };
}
