#!/bin/sh
# Builds cluster, coredns and helm into a directory: build.sh DIRECTORY VERSION
#
# The flags are the same everywhere, or Go's own cache is missed. Cold: about 13 CPU minutes,
# 3.4 GB of cache, at most 2.3 GB of memory; so never beside a build of the Rust crates.
set -eu
out=$1 version=$2
here=$(cd "$(dirname "$0")" && pwd)
go=$("$here/go.sh")
cd "$here"

minor=${version#v1.}
minor=${minor%%.*}
set -- -s -w -X helm.sh/helm/v3/internal/version.version=v3.19.5
for package in k8s.io/component-base/version k8s.io/client-go/pkg/version; do
    set -- "$@" -X $package.gitVersion="$version" -X $package.gitMajor=1 -X $package.gitMinor="$minor" \
        -X $package.gitTreeState=clean
done
# What helm takes for the cluster's version where it does not ask one.
for package in chartutil lint/rules; do
    set -- "$@" -X helm.sh/helm/v3/pkg/$package.k8sVersionMajor=1 -X helm.sh/helm/v3/pkg/$package.k8sVersionMinor="$minor"
done

exec env -u GOFLAGS CGO_ENABLED=0 GOTOOLCHAIN=local nice -n "${K8S_NICE:-0}" \
    "$go" build -trimpath -buildvcs=false -ldflags "$*" -o "$out/" . ./coredns helm.sh/helm/v3/cmd/helm
