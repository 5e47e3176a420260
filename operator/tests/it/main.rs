//! The program as people start it.

use std::process::{Command, Output};

fn operator(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_urr-operator"))
        .args(arguments)
        .env("COLUMNS", "100")
        // No cluster: neither a file nor a service account.
        .env("KUBECONFIG", "/nowhere")
        .env_remove("KUBERNETES_SERVICE_HOST")
        .output()
        .expect("the program can be started")
}

fn text(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes).expect("text")
}

#[test]
fn it_prints_the_crd_that_is_in_the_repository() {
    let printed = operator(&["crd"]);
    assert!(printed.status.success());
    let file = std::fs::read_to_string("../crds/ticketingevents.yaml").expect("the file");
    assert_eq!(text(printed.stdout), file);
}

#[test]
fn without_a_cluster_it_says_what_is_missing() {
    let ended = operator(&["run", "--namespace", "urr-system", "--port", "0"]);
    assert_eq!(ended.status.code(), Some(1));
    let said = text(ended.stderr);
    assert!(said.contains("urr-operator: no cluster:"), "{said}");
}

#[test]
fn its_settings() {
    for command in [&["--help"][..], &["run", "--help"], &["release", "--help"]] {
        let name = command.join("_").replace("--", "");
        insta::assert_snapshot!(name, text(operator(command).stdout));
    }
}
