//! `bench tcp-echo`: sends every byte back. What the machine allows at best, and so the load's own ceiling.

use std::net::Ipv4Addr;

use bytes::BytesMut;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

/// As the gateway reads: a whole burst.
const READ_BYTES: usize = 64 << 10;

/// Serves until the process is killed.
pub(crate) async fn serve() -> anyhow::Result<()> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    println!("listening on {}", listener.local_addr()?);
    let mut connections = JoinSet::new();
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        connections.spawn(echo(stream));
        // A lost connection is the load's to notice; here it is only no longer kept.
        while connections.try_join_next().is_some() {}
    }
}

async fn echo(mut stream: TcpStream) -> std::io::Result<()> {
    let mut buffer = BytesMut::with_capacity(READ_BYTES);
    while stream.read_buf(&mut buffer).await? > 0 {
        stream.write_all(&buffer).await?;
        buffer.clear();
    }
    Ok(())
}
