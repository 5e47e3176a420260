# The part of nixpkgs that nix/*.nix use, over the machine's own toolchains.
{
  system,
  host,
  attributes,
}:
let
  lib = import ./lib.nix;

  # A file by its own content: the rest of the stand-in is no part of a hash.
  file =
    path:
    builtins.path {
      inherit path;
      name = baseNameOf path;
    };

  mkDerivation =
    attrs:
    let
      env = attrs.env or { };
      drv = derivation (
        {
          inherit system;
          name = if attrs.version or "" == "" then attrs.pname else "${attrs.pname}-${attrs.version}";
          builder = "/bin/bash";
          args = [ "-euo" "pipefail" (file ./build.sh) ];
          PATH = lib.concatMapStrings (input: "${input}/bin:") (attrs.nativeBuildInputs or [ ]) + "/rust/bin:/tools/bin:/usr/bin:/bin";
          SOURCE_DATE_EPOCH = "1";
          HOST = builtins.toJSON host;
          nativeBuildInputs = [ ];
        }
        // removeAttrs attrs [ "env" "meta" "passthru" ]
        // env
      );
    in
    drv
    // (attrs.passthru or { })
    // {
      inherit (attrs) pname;
      version = attrs.version or "";
      meta = attrs.meta or { };
      overrideAttrs = f: mkDerivation (attrs // f ({ nativeBuildInputs = [ ]; } // attrs));
    };

  runCommand =
    name: attrs: script:
    mkDerivation (attrs // { pname = name; installPhase = script; });

  writeText = name: text: runCommand name { inherit text; } "printf %s \"$text\" > $out";

  # What a linked binary loads, from the machine's C library and from its compiler's.
  machines =
    name: files:
    runCommand name { } ''
      mkdir -p $out/lib
      for file in ${toString files}; do cp -L /usr/lib/x86_64-linux-gnu/$file $out/lib/; done
    '';
  glibc = machines "glibc-${host.libc}" [
    "ld-linux-x86-64.so.2"
    "libc.so.6"
    "libm.so.6"
  ];
  libgcc = machines "gcc-${host.cc}-lib" [ "libgcc_s.so.1" ];

  # Fixed outputs with the names and hashes that nixpkgs' importCargoLock gives them.
  # prepare.sh puts them into the store, so that nothing is downloaded here.
  fetchCrate =
    { name, version, checksum, ... }:
    derivation {
      inherit system;
      name = "crate-${name}-${version}.tar.gz";
      builder = "/bin/sh";
      args = [ "-c" "echo 'not in the store: run nix/offline/prepare.sh' >&2; exit 1" ];
      outputHashMode = "flat";
      outputHashAlgo = "sha256";
      outputHash = checksum;
    };

  importCargoLock =
    { lockFile }:
    let
      crates = builtins.filter (package: package ? checksum) (lib.importTOML lockFile).package;
    in
    runCommand "cargo-vendor-dir" { } (
      "mkdir $out\n"
      + lib.concatMapStrings (crate: ''
        tar -xzf ${fetchCrate crate} -C $out
        echo '{"files":{},"package":"${crate.checksum}"}' > $out/${crate.name}-${crate.version}/.cargo-checksum.json
      '') crates
    );

  buildRustPackage =
    { cargoLock, cargoBuildFlags ? [ ], ... }@args:
    let
      cargoDeps = importCargoLock cargoLock;
    in
    mkDerivation (
      {
        inherit cargoDeps;
        RUSTFLAGS = toString [
          "-Clink-arg=-Wl,--dynamic-linker=${glibc}/lib/ld-linux-x86-64.so.2"
          "-Clink-arg=-Wl,-rpath,${glibc}/lib:${libgcc}/lib"
          "--remap-path-prefix=/build/vendor=/vendor"
          "--remap-path-prefix=/build=/src"
        ];
        CFLAGS = "-ffile-prefix-map=/build=/src -g0";
        # Build scripts of C libraries copy their sources with the modes they find: read-only
        # ones, as in the store, could not be built in place. So, as in nixpkgs, a copy.
        postUnpack = ''
          cargoDepsCopy=/build/vendor
          cp -r $cargoDeps $cargoDepsCopy
          chmod -R u+w $cargoDepsCopy
        '';
        configurePhase = ''
          export CARGO_HOME=$TMPDIR/cargo
          mkdir -p $CARGO_HOME
          printf '[source.crates-io]\nreplace-with = "vendored"\n[source.vendored]\ndirectory = "%s"\n' \
            $cargoDepsCopy > $CARGO_HOME/config.toml
        '';
        # As nixpkgs does: the list of crates goes into the binary.
        buildPhase = "cargo auditable build --release --locked --offline ${toString cargoBuildFlags}";
        checkPhase = "cargo test --release --locked --offline ${toString cargoBuildFlags}";
        doCheck = true;
        installPhase = "find target/release -maxdepth 1 -type f -executable -exec install -Dm755 -t $out/bin {} +";
      }
      // removeAttrs args [ "cargoLock" "cargoBuildFlags" ]
    );

  # The bundle under the name that nixpkgs' cacert has; prepare.sh takes it from Debian's package.
  caCertificates = runCommand "ca-certificates" { bundle = file ./certificates.crt; } ''
    install -Dm644 $bundle $out/etc/ssl/certs/ca-bundle.crt
  '';

  # As nixpkgs' does: every store path becomes one that is not there, but those after -e.
  nukeReferences = runCommand "nuke-references" { script = file ./nuke-refs.sh; } ''
    install -Dm755 $script $out/bin/nuke-refs
  '';

  streamLayeredImage =
    { name, contents ? [ ], config }:
    derivation {
      inherit system;
      name = "stream-${name}";
      __structuredAttrs = true;
      builder = "/bin/bash";
      args = [ "-euo" "pipefail" (file ./image.sh) ];
      PATH = "/usr/bin:/bin";
      exportReferencesGraph.closure = contents ++ [ (writeText "config.json" (builtins.toJSON config)) ];
      inherit contents;
      image = { inherit name config; };
    };

  writeShellApplication =
    { name, runtimeInputs, text }:
    runCommand name { script = "#!/bin/bash\nset -euo pipefail\nPATH=${lib.makeBinPath runtimeInputs}:$PATH\n${text}\n"; } ''
      mkdir -p $out/bin && printf %s "$script" > $out/bin/${name} && chmod +x $out/bin/${name}
    '';

  # Programs that only shells and apps name: an empty package each, under the names of
  # nixpkgs that attributes.txt records. The machine's own are found in PATH.
  named = lib.genAttrs attributes (name: runCommand name { } "mkdir $out");
in
named
// {
  inherit lib mkDerivation runCommand writeShellApplication nukeReferences;
  stdenv.cc = {
    libc = glibc // { version = host.libc; };
    cc = libgcc // { version = host.cc; };
  };
  # Named by its version only; caCertificates are what is shipped.
  cacert.version = lib.fileContents ./certificates.version;
  rustPlatform = { inherit buildRustPackage importCargoLock; };
  rustc = named.rustc // { version = host.rustcVersion; };
  dockerTools = { inherit caCertificates streamLayeredImage; };
  mkShell = attrs: runCommand "nix-shell" { tools = attrs.packages; } "mkdir $out";
}
