"""Completes the list of what is linked in a program, as cargo-cyclonedx wrote it:

    sbom.py LIST.cdx.json PROGRAM KIND=PURL...

Crates that the program does not carry, which are macros and what they are made of, get the scope
"excluded": cargo-auditable's list in the program itself says which ones it carries. What an image
holds beside the program is added: KIND is library or data, PURL as pkg:deb/debian/libc6@2.36-9.
"""

import json
import pathlib
import subprocess
import sys
import tempfile
import urllib.parse
import zlib


def carried(program):
    """Names and versions of the crates in a program, from its section .dep-v0."""
    with tempfile.NamedTemporaryFile() as section:
        subprocess.run(
            ["objcopy", "--output-target=binary", "--only-section=.dep-v0"]
            + ["--set-section-flags=.dep-v0=alloc", program, section.name],
            check=True,
        )
        packages = json.loads(zlib.decompress(pathlib.Path(section.name).read_bytes()))["packages"]
    return {
        (package["name"], package["version"])
        for package in packages
        if package.get("kind", "runtime") == "runtime"
    }


def component(kind, purl):
    """What an image holds beside the program."""
    name, _, version = purl.partition("?")[0].rpartition("/")[2].partition("@")
    return {
        "type": kind,
        "bom-ref": purl,
        "name": name,
        "version": urllib.parse.unquote(version),
        "scope": "required",
        "purl": purl,
    }


def main():
    path, program, *beside = sys.argv[1:]
    path = pathlib.Path(path)
    listed = json.loads(path.read_text())

    crates = carried(program)
    missing = crates - {(crate["name"], crate["version"]) for crate in listed["components"]}
    # The program's own crate is what the list is about.
    own = listed["metadata"]["component"]["bom-ref"].rpartition("#")[2].partition("@")[0]
    missing = {crate for crate in missing if crate[0] != own}
    if missing:
        sys.exit(f"sbom.py: {path} lacks {sorted(missing)}")
    for crate in listed["components"]:
        if (crate["name"], crate["version"]) not in crates:
            crate["scope"] = "excluded"

    added = [component(*entry.split("=", 1)) for entry in beside]
    listed["components"] += added
    listed["dependencies"] += [{"ref": one["bom-ref"]} for one in added]
    root = listed["metadata"]["component"]["bom-ref"]
    for dependency in listed["dependencies"]:
        if dependency["ref"] == root:
            dependency["dependsOn"] = dependency.get("dependsOn", []) + [one["bom-ref"] for one in added]

    path.write_text(json.dumps(listed, indent=2, ensure_ascii=False) + "\n")


main()
