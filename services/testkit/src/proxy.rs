//! A TCP proxy that can cut what goes through it.

use std::{net::SocketAddr, sync::Arc};

use parking_lot::Mutex;
use tokio::{
    io::copy_bidirectional,
    net::{TcpListener, TcpStream},
    sync::watch,
};

/// Stands between a service and an engine and breaks connections on demand.
#[derive(Clone, Debug)]
pub struct BreakingProxy {
    address: SocketAddr,
    state: Arc<watch::Sender<State>>,
    connections: Arc<Mutex<u64>>,
}

/// What happens to connections: those of an older generation end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct State {
    generation: u64,
    accepts: bool,
}

impl BreakingProxy {
    /// A proxy to `127.0.0.1:port`.
    pub async fn to_port(port: u16) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0))
            .await
            .expect("a free port");
        let address = listener.local_addr().expect("bound");
        let (state, _) = watch::channel(State {
            generation: 0,
            accepts: true,
        });
        let proxy = Self {
            address,
            state: Arc::new(state),
            connections: Arc::default(),
        };
        spawn(proxy.clone().run(listener, port));
        proxy
    }

    /// Port to connect to.
    pub fn port(&self) -> u16 {
        self.address.port()
    }

    /// Connections accepted so far.
    pub fn connections(&self) -> u64 {
        *self.connections.lock()
    }

    /// Cuts all connections; new ones are accepted.
    pub fn cut(&self) {
        self.state.send_modify(|state| state.generation += 1);
    }

    /// Cuts all connections and refuses new ones until [`BreakingProxy::mend`].
    pub fn break_off(&self) {
        self.state.send_modify(|state| {
            state.generation += 1;
            state.accepts = false;
        });
    }

    /// Accepts connections again.
    pub fn mend(&self) {
        self.state.send_modify(|state| state.accepts = true);
    }

    async fn run(self, listener: TcpListener, port: u16) {
        while let Ok((inbound, _)) = listener.accept().await {
            let state = *self.state.borrow();
            if !state.accepts {
                continue;
            }
            *self.connections.lock() += 1;
            let watcher = self.state.subscribe();
            spawn(forward(inbound, port, state.generation, watcher));
        }
    }
}

async fn forward(
    mut inbound: TcpStream,
    port: u16,
    generation: u64,
    mut watcher: watch::Receiver<State>,
) {
    let Ok(mut outbound) = TcpStream::connect(("127.0.0.1", port)).await else {
        return;
    };
    tokio::select! {
        // Either side's end ends the connection; there is nobody to tell.
        _ = copy_bidirectional(&mut inbound, &mut outbound) => {}
        _ = watcher.wait_for(|state| state.generation != generation) => {}
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "ends with the test's own runtime"
)]
fn spawn(work: impl Future<Output = ()> + Send + 'static) {
    tokio::spawn(work);
}
