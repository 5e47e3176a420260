//! Free ports of this machine, the same as last time where possible.

use std::{
    collections::BTreeMap,
    net::{IpAddr, Ipv4Addr, TcpListener},
};

use anyhow::Context;
use rand::RngExt;

/// Below the range from which the kernel takes ports of outgoing connections, so that no
/// connection of our own can sit on a port between its choice and its use.
const RANGE: std::ops::Range<u16> = 20_000..32_000;
/// Where everything but the gateway listens.
const LOOPBACK: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
/// Tries before giving up.
const TRIES: usize = 1_000;

/// Ports that nobody else has. They are held until [`Ports::release`], so that two
/// processes that choose at the same time choose differently.
#[derive(Debug, Default)]
pub(crate) struct Ports {
    held: BTreeMap<u16, TcpListener>,
}

impl Ports {
    /// The port that was used last time if it is free, else another.
    pub(crate) fn choose(&mut self, last_time: Option<u16>) -> anyhow::Result<u16> {
        if let Some(port) = last_time.filter(|port| self.hold(LOOPBACK, *port).is_ok()) {
            return Ok(port);
        }
        let mut random = rand::rng();
        (0..TRIES)
            .map(|_| random.random_range(RANGE))
            .find(|port| self.hold(LOOPBACK, *port).is_ok())
            .context("no free port was found between 20000 and 32000")
    }

    /// Like [`Ports::choose`], for a program that also takes the port after its own.
    pub(crate) fn choose_pair(&mut self, last_time: Option<u16>) -> anyhow::Result<u16> {
        let mut wanted = last_time;
        for _ in 0..TRIES {
            let port = self.choose(wanted.take())?;
            if self.hold(LOOPBACK, port + 1).is_ok() {
                return Ok(port);
            }
            self.release(port);
        }
        anyhow::bail!("no two free ports in a row were found between 20000 and 32000")
    }

    /// Exactly this port, or why it cannot be had.
    pub(crate) fn hold(&mut self, address: IpAddr, port: u16) -> std::io::Result<()> {
        let listener = TcpListener::bind((address, port))?;
        self.held.insert(port, listener);
        Ok(())
    }

    /// Lets go of one port, just before its process takes it.
    pub(crate) fn release(&mut self, port: u16) {
        self.held.remove(&port);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_in_use_is_not_chosen_again() {
        let mut ports = Ports::default();
        let first = ports.choose(None).unwrap();
        let second = ports.choose(Some(first)).unwrap();
        assert_ne!(first, second);
    }

    #[test]
    fn a_pair_is_held_whole() {
        let mut ports = Ports::default();
        let first = ports.choose_pair(None).unwrap();
        let second = Ports::default().choose_pair(Some(first)).unwrap();
        assert!(
            second.abs_diff(first) > 1,
            "{first} and {second} share a port"
        );
        ports.release(first);
        ports.release(first + 1);
        assert_eq!(ports.choose_pair(Some(first)).unwrap(), first);
    }

    #[test]
    fn a_free_port_of_last_time_is_chosen_again() {
        let mut ports = Ports::default();
        let port = ports.choose(None).unwrap();
        ports.release(port);
        assert_eq!(ports.choose(Some(port)).unwrap(), port);
    }
}
