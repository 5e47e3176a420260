#!/bin/sh
# Prints the certificates of public authorities that an image gets: Mozilla's, from the files of
# Debian's package. The machine's own bundle would not do: it also holds authorities that were
# added to this machine, of a company or of a proxy that reads along, and whoever ran the image
# would trust them.
set -eu
fail() { echo "certificates: $*" >&2; exit 1; }

package=ca-certificates
files=$(dpkg-query --listfiles $package | grep '^/usr/share/ca-certificates/.*\.crt$' | LC_ALL=C sort) ||
    fail "the package $package is not installed"
if dpkg --verify $package | grep '/usr/share/ca-certificates/' >&2; then
    fail "not as the package $package brought them"
fi
# shellcheck disable=SC2086 # a list of files, without spaces
awk 1 $files
