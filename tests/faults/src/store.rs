//! What a gateway has left on disk, read once it has ended: every record of the channels that clients know.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use simulation::Told;
use trunkline_broker::embedded::EmbeddedBroker;
use trunkline_broker::{Broker as _, Environment, Listener, Options};
use trunkline_core::channel::ChannelKey;
use trunkline_core::log::{Record, Retention};
use trunkline_protocol::Position;

/// The realm of a route that names none.
const REALM: &str = "default";

/// Nobody listens: nothing is written.
struct Nobody;

impl Listener for Nobody {
    fn appended(&self, _: &ChannelKey, _: &[Record]) {}
}

/// Every record of these sessions and of the runs that they name, in the order of each channel.
///
/// # Panics
/// When the store cannot be read.
pub(crate) async fn records(folder: &Path, sessions: &BTreeSet<String>) -> Vec<Told> {
    let environment = Environment { clock: Arc::new(|| 0), epoch_source: 0, listener: Arc::new(Nobody) };
    let options = Options { retention: Retention { records_max: u64::MAX, bytes_max: u64::MAX }, ..Options::default() };
    let broker = EmbeddedBroker::open(folder, &options, environment).expect("the gateway has left its store in order");
    let mut stored = Vec::new();
    for session in sessions {
        let messages = channel(&broker, &format!("session:{session}")).await;
        let runs = messages.iter().filter(|told| told.kind == "run_started");
        let runs: Vec<_> = runs.map(|told| told.payload["channel"].as_str().expect("a channel").to_owned()).collect();
        stored.extend(messages);
        for run in runs {
            stored.extend(channel(&broker, &run).await);
        }
    }
    broker.close().await;
    stored
}

async fn channel(broker: &EmbeddedBroker, name: &str) -> Vec<Told> {
    let key = ChannelKey::from_public_name(REALM, name).expect("a channel's name");
    let (mut told, mut cursor): (Vec<Told>, Option<Position>) = (Vec::new(), None);
    loop {
        let page = broker.read(&key, cursor, usize::MAX).await.expect("it can be read").expect("nothing is trimmed");
        // A page begins with the record that the cursor names.
        let new = page.records.iter().filter(|record| cursor.is_none_or(|cursor| record.position != cursor));
        told.extend(new.map(|record| Told::stored(&key, record).expect("what is stored can be told")));
        let Some(last) = page.records.last() else { return told };
        if cursor == Some(last.position) || last.position.offset >= page.head.top.offset {
            return told;
        }
        cursor = Some(last.position);
    }
}
