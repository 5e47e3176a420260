# Every tool of the project in one shell: `nix develop`.
{ pkgs }:
pkgs.mkShell {
  packages = with pkgs; [
    # the programs
    cargo
    clippy
    rustc
    rustfmt
    rust-analyzer
    cargo-auditable
    cargo-cyclonedx
    cargo-deny
    sqlx-cli

    # engines
    postgresql
    redis
    util-linux
    apacheKafka
    jdk_headless
    maven

    # Kubernetes
    go
    kind
    kubectl
    kubernetes-helm
    containerd
    runc
    cni-plugins
    iptables

    # load, pages, interfaces
    k6
    wrk
    nodejs
    chromium
    python3
    jq
    curl
    git
  ];

  env.SQLX_OFFLINE = "true";
}
