#!/usr/bin/env bash
# Packs a folder as a container image of one layer, in the archive form that `docker load`,
# `ctr images import` and skopeo read. The same folder and words give the same bytes.
#
#   pack.sh FOLDER NAME ROOT ENTRYPOINT [LABEL=VALUE...]
#
# packs ROOT into FOLDER/NAME-TAG.tar and prints that path. The tag is the first half of the
# image's id, the hash of all that is in it: a tag never stands for two contents. It runs as user 65532: by number, so that `runAsNonRoot` can be checked without a passwd file.
set -euo pipefail
umask 022
folder=$(realpath -m "$1") name=$2 root=$(realpath "$3") entrypoint=$4
shift 4

# Words go into JSON as they are: one that would need an escape is refused.
for word in "$name" "$entrypoint" "$@"; do
	plain='^[[:alnum:] ./:_+@=,-]*$'
	[[ $word =~ $plain ]] || { echo "pack.sh: not in a name or label: $word" >&2; exit 64; }
done

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"

# archive_of FOLDER FILES...: in order, of one time and owner.
archive_of() {
	local from=$1; shift
	tar --create --sort=name --mtime=@1 --owner=0 --group=0 --numeric-owner --format=gnu -C "$from" "$@"
}
hash_of() { sha256sum "$1" | cut -d' ' -f1; }

labels() {
	local label separator=
	for label in "$@"; do
		printf '%s"%s":"%s"' "$separator" "${label%%=*}" "${label#*=}"
		separator=,
	done
}

case $(uname -m) in
x86_64) architecture=amd64 ;;
aarch64) architecture=arm64 ;;
*) echo "pack.sh: what do images call $(uname -m)?" >&2; exit 1 ;;
esac

archive_of "$root" . >layer.tar
printf '{"architecture":"%s","config":{"Entrypoint":["%s"],"Labels":{%s},"User":"65532:65532","WorkingDir":"/"},"created":"1970-01-01T00:00:01Z","os":"linux","rootfs":{"diff_ids":["sha256:%s"],"type":"layers"}}' \
	$architecture "$entrypoint" "$(labels "$@")" "$(hash_of layer.tar)" >config
id=$(hash_of config)
tag=${id:0:32}
mv config "$id.json"
printf '[{"Config":"%s.json","Layers":["layer.tar"],"RepoTags":["%s:%s"]}]' "$id" "$name" "$tag" >manifest.json

mkdir -p "$folder"
archive=$folder/$name-$tag.tar
archive_of . "$id.json" layer.tar manifest.json >"$archive.new"
mv "$archive.new" "$archive"
echo "$archive"
