//! The network between a client and a gateway: it can be cut, go dead, and lead to another gateway.

use std::net::SocketAddr;
use std::sync::Arc;

use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::harness::{TestGateway, within};

/// What connections go through, as they are now.
#[derive(Clone, Copy, Default)]
struct Way {
    /// Connections of an earlier number are cut.
    number: u64,
    /// Nothing passes, and nobody is told.
    is_dead: bool,
    to: Option<SocketAddr>,
}

/// A way to a gateway. Connections end when this is dropped.
pub(crate) struct Relay {
    pub(crate) address: SocketAddr,
    way: Arc<watch::Sender<Way>>,
    accepting: JoinHandle<()>,
}

impl Relay {
    /// A relay, and a gateway behind it with what `settings` adds in TOML.
    pub(crate) async fn start(settings: &str) -> (Self, TestGateway) {
        let listener = within(TcpListener::bind("127.0.0.1:0")).await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let way = Arc::new(watch::Sender::new(Way::default()));
        let accepting = tokio::spawn(accept(listener, Arc::clone(&way)));
        let relay = Self { address, way, accepting };
        let gateway = relay.gateway(settings).await;
        (relay, gateway)
    }

    /// A gateway to which the way leads from now on.
    pub(crate) async fn gateway(&self, settings: &str) -> TestGateway {
        let hosts = format!("server.allowed_hosts = [\"{}\"]\n{settings}", self.address);
        let gateway = TestGateway::start(&hosts).await;
        self.way.send_modify(|way| way.to = Some(gateway.address));
        gateway
    }

    /// Cuts every connection.
    pub(crate) fn cut(&self) {
        self.way.send_modify(|way| way.number += 1);
    }

    /// Lets nothing pass any more, in silence.
    pub(crate) fn go_dead(&self) {
        self.way.send_modify(|way| way.is_dead = true);
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.accepting.abort();
        self.cut();
    }
}

async fn accept(listener: TcpListener, way: Arc<watch::Sender<Way>>) {
    loop {
        let (client, _) = listener.accept().await.expect("a connection");
        tokio::spawn(carry(client, way.subscribe()));
    }
}

async fn carry(mut client: TcpStream, mut way: watch::Receiver<Way>) {
    let Way { number, to, .. } = *way.borrow_and_update();
    let Ok(mut gateway) = TcpStream::connect(to.expect("a gateway")).await else { return };
    let mut dead = way.clone();
    let carrying = async {
        let is_dead = tokio::select! {
            _ = copy_bidirectional(&mut client, &mut gateway) => false,
            _ = dead.wait_for(|way| way.is_dead) => true,
        };
        if is_dead {
            // Both ends stay open, until they are cut.
            std::future::pending::<()>().await;
        }
    };
    tokio::select! {
        _ = way.wait_for(|way| way.number != number) => {}
        () = carrying => {}
    }
}
