# Runs the phases that pkgs.nix sets, as much of stdenv as they need.
cd "$TMPDIR"
# Scripts find /usr/bin/env in this sandbox, which is all that stdenv's function is asked for.
patchShebangs() { :; }
if [ -n "${src:-}" ]; then cp -r "$src" source; chmod -R u+w source; fi
eval "${postUnpack:-}"
if [ -n "${src:-}" ]; then cd source; fi
eval "${postPatch:-}"
eval "${configurePhase:-}"
eval "${buildPhase:-}"
if [ -n "${doCheck:-}" ]; then eval "${checkPhase:-}"; fi
eval "$installPhase"
