//! An endless header: what a client that never ends its request, one byte a write, costs until it is refused.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::ensure;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::time::timeout;

use super::Bench;
use crate::client::connect_tcp;
use crate::machine::Placement;
use crate::report::{Section, Target};
use crate::statistics::Spread;

/// Requests of one measurement, one after the other: the system counts CPU in hundredths of a second.
const REQUESTS: u32 = 20;

/// The gateway refuses far earlier.
const BYTES_MAX: usize = 1 << 20;

const REFUSED_WITHIN: Duration = Duration::from_secs(30);
const CPU_MS_MAX: f64 = 50.0;

/// Measures the gateway's CPU for each such request.
pub(crate) async fn measure(bench: &Bench) -> anyhow::Result<Section> {
    let gateway = bench.artifacts.gateway(&bench.machine, Placement::OwnCore).await?;
    let mut cpu_ms = Vec::new();
    let mut bytes = Vec::new();
    for _ in 0..bench.rounds {
        let cpu = gateway.server.cpu_seconds()?;
        for _ in 0..REQUESTS {
            let sent = timeout(REFUSED_WITHIN, write_until_refused(gateway.server.address)).await??;
            bytes.push(f64::from(u32::try_from(sent)?));
        }
        cpu_ms.push((gateway.server.cpu_seconds()? - cpu) * 1e3 / f64::from(REQUESTS));
    }
    let cpu = Spread::of(cpu_ms);
    Ok(Section {
        title: "Endless header",
        method: format!(
            "A request with one header that does not end, one byte a write, until the gateway refuses it with 431; {REQUESTS} of them \
             one after the other."
        ),
        header: &["bytes until refused", "gateway CPU per request, ms"],
        rows: vec![vec![Spread::of(bytes).to_string(), cpu.to_string()]],
        targets: vec![Target {
            what: "an endless header in writes of one byte, CPU until it is refused".to_owned(),
            promised: "< 50 ms",
            measured: format!("{cpu} ms"),
            met: cpu.median < CPU_MS_MAX,
        }],
    })
}

async fn write_until_refused(server: SocketAddr) -> anyhow::Result<usize> {
    let mut stream = connect_tcp(server, 0).await?;
    stream.write_all(b"GET /ws HTTP/1.1\r\nX-Long: ").await?;
    let mut sent = 0;
    while sent < BYTES_MAX && stream.write_all(b"x").await.is_ok() {
        sent += 1;
    }
    let mut answer = Vec::new();
    // A reset after the answer is as good an end as any.
    let _ = stream.read_to_end(&mut answer).await;
    ensure!(answer.starts_with(b"HTTP/1.1 431"), "expected 431, got {:?}", String::from_utf8_lossy(&answer));
    Ok(sent)
}
