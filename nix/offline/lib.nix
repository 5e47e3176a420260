# The functions of nixpkgs' lib that nix/*.nix use, with the same results.
let
  inherit (builtins)
    any
    attrNames
    concatStringsSep
    isAttrs
    listToAttrs
    map
    stringLength
    substring
    ;

  under = parent: path: path == parent || substring 0 (stringLength parent + 1) path == parent + "/";

  # A set of files is a predicate over absolute paths; a path stands for all below it.
  asFileset =
    value:
    if isAttrs value then
      value
    else
      {
        holds = path: _name: under (toString value) path;
        roots = [ (toString value) ];
      };
in
rec {
  concatMapStrings = f: list: concatStringsSep "" (map f list);
  nameValuePair = name: value: { inherit name value; };
  mapAttrs' = f: set: listToAttrs (map (name: f name set.${name}) (attrNames set));
  mapAttrs = builtins.mapAttrs;
  genAttrs = names: f: listToAttrs (map (name: nameValuePair name (f name)) names);
  importTOML = path: fromTOML (builtins.readFile path);
  assertMsg = condition: message: if condition then true else throw message;
  fileContents = path: builtins.head (builtins.split "\n" (builtins.readFile path));
  getLib = package: package;
  hasPrefix = prefix: text: substring 0 (stringLength prefix) text == prefix;
  getExe = package: "${package}/bin/${package.meta.mainProgram or package.pname}";
  makeBinPath = packages: concatStringsSep ":" (map (package: "${package}/bin") packages);
  licenses.asl20.spdxId = "Apache-2.0";
  platforms.linux = [ "x86_64-linux" "aarch64-linux" ];

  fileset = {
    maybeMissing = asFileset;
    unions =
      values:
      let
        sets = map asFileset values;
      in
      {
        holds = path: name: any (set: set.holds path name) sets;
        roots = builtins.concatLists (map (set: set.roots) sets);
      };
    difference =
      value: without:
      let
        kept = asFileset value;
        removed = asFileset without;
      in
      {
        holds = path: name: kept.holds path name && !removed.holds path name;
        inherit (kept) roots;
      };
    fileFilter = predicate: root: {
      holds =
        path: name:
        under (toString root) path
        && predicate {
          inherit name;
          hasExt = extension: builtins.match ".*\\.${extension}" name != null;
        };
      roots = [ (toString root) ];
    };
    toSource =
      { root, fileset }:
      let
        set = asFileset fileset;
        # A folder without a file of the set is left out, as in nixpkgs.
        isEmpty =
          folder:
          let
            entries = builtins.readDir folder;
            isKept =
              name:
              let
                path = "${folder}/${name}";
              in
              if entries.${name} == "directory" then !isEmpty path else set.holds path name;
          in
          !any isKept (attrNames entries);
        mayHold = path: any (kept: under kept path || under path kept) set.roots;
      in
      builtins.path {
        path = root;
        name = "source";
        filter =
          path: type:
          if type == "directory" then
            mayHold path && !isEmpty path
          else
            set.holds path (baseNameOf path);
      };
  };
}
