# Runs the phases that pkgs.nix sets, as much of stdenv as they need.
cd "$TMPDIR"
if [ -n "${src:-}" ]; then cp -r "$src" source; chmod -R u+w source; cd source; fi
eval "${configurePhase:-}"
eval "${buildPhase:-}"
if [ -n "${doCheck:-}" ]; then eval "${checkPhase:-}"; fi
eval "$installPhase"
