# Sourced by scripts that make images out of programs of this machine.

# new_root: a new folder that becomes the root of an image, with what programs expect there.
new_root() {
	local root
	root=$(mktemp -d "${TMPDIR:-/tmp}/image.XXXXXX")
	chmod 755 "$root"
	rootfs "$root"
	echo "$root"
}

# rootfs DIR: the directories and files that programs expect of a root.
rootfs() {
	mkdir -p "$1"/{tmp,etc,proc,sys,dev,run,bin}
	chmod 1777 "$1/tmp"
	printf '%s\n' 'root:x:0:0::/:/bin/sh' 'nonroot:x:65532:65532::/tmp:/bin/false' \
		'nobody:x:65534:65534::/:/bin/false' >"$1/etc/passwd"
	printf '%s\n' 'root:x:0:' 'nonroot:x:65532:' 'nogroup:x:65534:' >"$1/etc/group"
}

# add DIR PROGRAM [PATH]: a program, and the shared libraries that it needs.
add() {
	local to=$1${3:-$2}
	mkdir -p "${to%/*}"
	cp -L "$2" "$to"
	libraries "$1" "$2"
}

# libraries DIR PROGRAM: the shared libraries that it needs, at their own places, and not what
# somebody's shell loads before them.
libraries() {
	local library
	for library in $(env -u LD_PRELOAD -u LD_LIBRARY_PATH ldd "$2" 2>/dev/null | grep -o '/[^ ]*'); do
		case $library in "$1"/*) continue ;; esac
		[ -e "$1$library" ] || { mkdir -p "$1${library%/*}" && cp -L "$library" "$1$library"; }
	done
}

# busybox DIR: a shell and tools. (Debian's busybox 1.35 crashes at "wget -T"; use "timeout 5 wget".)
busybox() {
	local applet
	add "$1" "$(type -P busybox)" /bin/busybox
	for applet in $("$(type -P busybox)" --list); do
		[ "$applet" = busybox ] || ln -s busybox "$1/bin/$applet"
	done
}

# pack OUT TAG DIR ARGUMENTS...: makes the image.
pack() {
	local out=$1 tag=$2 root=$3; shift 3
	cluster image -tag "$tag" -root "$root" -o "$out" "$@"
}
