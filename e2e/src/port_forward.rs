//! A way into the cluster that is the same on every cluster.

use std::{
    io::{self, BufRead, BufReader},
    process::{Child, Command, Stdio},
    thread,
};

use anyhow::{Context, bail};

/// A port of this machine that leads to a Service or a pod, until dropped.
#[derive(Debug)]
pub struct PortForward {
    child: Child,
    url: String,
}

impl PortForward {
    /// To port `port` of `target`, named as for kubectl: `service/urr-gateway`, `pod/…`.
    pub fn to(namespace: &str, target: &str, port: u16) -> anyhow::Result<Self> {
        let mut child = Command::new("kubectl")
            .args(["port-forward", "--namespace", namespace])
            .arg(target)
            .arg(format!(":{port}"))
            .stdout(Stdio::piped())
            .spawn()
            .context("kubectl cannot be executed")?;
        let output = child.stdout.take().context("its output is missing")?;
        let mut line = String::new();
        let mut output = BufReader::new(output);
        output.read_line(&mut line)?;
        // It writes a line for each connection, and dies when nobody reads it.
        thread::spawn(move || io::copy(&mut output, &mut io::sink()));
        // Forwarding from 127.0.0.1:40123 -> 3001
        let Some(local) = line.split_whitespace().nth(2) else {
            drop(Self { child, url: line });
            bail!("kubectl port-forward to {target} did not begin");
        };
        let url = format!("http://{local}");
        Ok(Self { child, url })
    }

    /// Where it begins, as `http://host:port`.
    pub fn url(&self) -> &str {
        &self.url
    }
}

impl Drop for PortForward {
    fn drop(&mut self) {
        // It may have ended by itself, with the pod it led to.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}
