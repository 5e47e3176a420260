package main

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
)

type listFlag []string

func (l *listFlag) String() string     { return strings.Join(*l, " ") }
func (l *listFlag) Set(s string) error { *l = append(*l, s); return nil }

// makeImage packs a root directory as a one-layer container image, in the
// archive form that "ctr images import" and "docker load" read:
//
//	cluster image -tag localhost/app:1 -root DIR -entrypoint /app -o app.tar
//
// The same input gives the same bytes: times are zero, the order is sorted, and all files
// belong to root.
func makeImage(args []string) error {
	flags := flag.NewFlagSet("image", flag.ExitOnError)
	tag := flags.String("tag", "", "image name and tag")
	root := flags.String("root", "", "directory that becomes /")
	out := flags.String("o", "", "file to write")
	user := flags.String("user", "", "user, as UID[:GID]")
	workdir := flags.String("workdir", "/", "working directory")
	var entrypoint, env listFlag
	flags.Var(&entrypoint, "entrypoint", "one word of the entry point (repeatable)")
	flags.Var(&env, "env", "NAME=VALUE (repeatable)")
	_ = flags.Parse(args)
	if *tag == "" || *root == "" || *out == "" {
		return fmt.Errorf("-tag, -root and -o are needed")
	}

	layer, err := os.CreateTemp(filepath.Dir(*out), ".layer-*")
	if err != nil {
		return err
	}
	defer os.Remove(layer.Name())
	defer layer.Close()
	sum := sha256.New()
	if err := packTree(io.MultiWriter(layer, sum), *root); err != nil {
		return err
	}
	diffID := "sha256:" + hex.EncodeToString(sum.Sum(nil))

	if len(env) == 0 {
		env = listFlag{"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"}
	}
	config, err := json.Marshal(map[string]any{
		"architecture": runtime.GOARCH,
		"os":           "linux",
		"config":       map[string]any{"Entrypoint": entrypoint, "Env": env, "User": *user, "WorkingDir": *workdir},
		"rootfs":       map[string]any{"type": "layers", "diff_ids": []string{diffID}},
	})
	if err != nil {
		return err
	}
	configSum := sha256.Sum256(config)
	configName := hex.EncodeToString(configSum[:]) + ".json"
	manifest, err := json.Marshal([]map[string]any{{
		"Config": configName, "RepoTags": []string{*tag}, "Layers": []string{"layer.tar"},
	}})
	if err != nil {
		return err
	}

	f, err := os.Create(*out)
	if err != nil {
		return err
	}
	defer f.Close()
	tw := tar.NewWriter(f)
	size, err := layer.Seek(0, io.SeekCurrent)
	if err != nil {
		return err
	}
	if _, err := layer.Seek(0, io.SeekStart); err != nil {
		return err
	}
	for _, e := range []struct {
		name string
		size int64
		r    io.Reader
	}{
		{"layer.tar", size, layer},
		{configName, int64(len(config)), bytes.NewReader(config)},
		{"manifest.json", int64(len(manifest)), bytes.NewReader(manifest)},
	} {
		if err := tw.WriteHeader(&tar.Header{Name: e.name, Mode: 0o644, Size: e.size, Typeflag: tar.TypeReg}); err != nil {
			return err
		}
		if _, err := io.Copy(tw, e.r); err != nil {
			return err
		}
	}
	if err := tw.Close(); err != nil {
		return err
	}
	return f.Close()
}

// packTree writes everything under root, in sorted order, as a tar stream.
func packTree(w io.Writer, root string) error {
	tw := tar.NewWriter(w)
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || path == root {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		link := ""
		if info.Mode()&fs.ModeSymlink != 0 {
			if link, err = os.Readlink(path); err != nil {
				return err
			}
		}
		h, err := tar.FileInfoHeader(info, link)
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(root, path)
		if err != nil {
			return err
		}
		st := info.Sys().(*syscall.Stat_t)
		// Everything belongs to root, whoever packs it.
		plain := &tar.Header{Name: rel, Mode: int64(st.Mode & 0o7777), Size: h.Size, Typeflag: h.Typeflag,
			Linkname: h.Linkname, Format: tar.FormatPAX}
		if d.IsDir() {
			plain.Name += "/"
		}
		if err := tw.WriteHeader(plain); err != nil {
			return err
		}
		if !info.Mode().IsRegular() {
			return nil
		}
		f, err := os.Open(path)
		if err != nil {
			return err
		}
		defer f.Close()
		_, err = io.Copy(tw, f)
		return err
	})
	if err != nil {
		return err
	}
	return tw.Close()
}
