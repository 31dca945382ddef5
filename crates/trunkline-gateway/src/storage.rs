//! Opens the broker that the configuration names.

use std::io::ErrorKind;
use std::path::PathBuf;
use std::sync::Arc;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use trunkline_broker::embedded::{EmbeddedBroker, OpenError};
use trunkline_broker::memory::MemoryBroker;
use trunkline_broker::{Broker, Durability, Environment, Listener, Metrics, Options};

use crate::clock::wall_ms;
use crate::config;
use crate::random;

/// What to do about a store that cannot be opened, behind the error's own words.
pub(crate) fn help(error: &OpenError) -> String {
    match error {
        OpenError::NotWritable { path, source } if source.kind() == ErrorKind::PermissionDenied => {
            let user = rustix::process::geteuid().as_raw();
            let path = path.display();
            format!(
                "; this process runs as user {user}: let that user write there (chown -R {user} {path}), or choose another folder with broker.path"
            )
        }
        OpenError::NotWritable { .. } | OpenError::Locked(_) => "; choose another folder with broker.path".to_owned(),
        _ => String::new(),
    }
}

/// An open broker, and what its owner has to watch.
pub(crate) struct Storage {
    pub(crate) broker: Arc<dyn Broker>,
    pub(crate) durability: Durability,
    pub(crate) metrics: Arc<Metrics>,
    embedded: Option<Arc<EmbeddedBroker>>,
    /// Where the embedded broker's files are.
    pub(crate) folder: Option<PathBuf>,
    /// Says why a store of a simulation failed.
    #[cfg(feature = "simulation")]
    failed: std::sync::Mutex<Option<BoxFuture<'static, String>>>,
}

impl Storage {
    /// Opens the broker. Blocks while a store is opened.
    pub(crate) fn open(config: &config::Broker, listener: Arc<dyn Listener>) -> Result<Self, OpenError> {
        let options = Options {
            retention: trunkline_core::log::Retention {
                records_max: config.retention.records,
                bytes_max: config.retention.bytes,
            },
            ..Options::default()
        };
        let environment = Environment { clock: Arc::new(wall_ms), epoch_source: random::number(), listener };
        let durability = match config.durability {
            config::Durability::Os => Durability::Os,
            config::Durability::Disk => Durability::Disk,
        };
        Ok(match config.kind {
            config::BrokerKind::Memory => {
                let broker = MemoryBroker::new(&options, environment);
                let metrics = broker.metrics();
                // The safest level that memory has.
                Self {
                    broker: Arc::new(broker),
                    durability: Durability::Os,
                    metrics,
                    embedded: None,
                    folder: None,
                    #[cfg(feature = "simulation")]
                    failed: std::sync::Mutex::default(),
                }
            }
            config::BrokerKind::Embedded => {
                let broker = Arc::new(EmbeddedBroker::open(&config.path, &options, environment)?);
                let metrics = broker.metrics();
                let folder = Some(config.path.clone());
                Self {
                    broker: Arc::<EmbeddedBroker>::clone(&broker),
                    durability,
                    metrics,
                    embedded: Some(broker),
                    folder,
                    #[cfg(feature = "simulation")]
                    failed: std::sync::Mutex::default(),
                }
            }
        })
    }

    /// A store that somebody else watches.
    #[cfg(feature = "simulation")]
    pub(crate) fn simulated(broker: Arc<dyn Broker>, failed: BoxFuture<'static, String>) -> Self {
        let failed = std::sync::Mutex::new(Some(failed));
        Self { broker, durability: Durability::Os, metrics: Arc::default(), embedded: None, folder: None, failed }
    }

    /// Resolves with the reason when the store has failed, and never otherwise.
    pub(crate) fn failed(&self) -> BoxFuture<'static, String> {
        #[cfg(feature = "simulation")]
        if let Some(failed) = self.failed.lock().unwrap_or_else(std::sync::PoisonError::into_inner).take() {
            return failed;
        }
        self.embedded.as_ref().map_or_else(|| std::future::pending().boxed(), |broker| broker.failed())
    }

    /// Carries out what is queued and lets nothing more in.
    pub(crate) async fn close(&self) {
        if let Some(broker) = &self.embedded {
            broker.close().await;
        }
    }

    /// What did not close is not waited for.
    pub(crate) fn leave_behind(&self) {
        if let Some(broker) = &self.embedded {
            broker.leave_behind();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_may_not_write_the_data_folder_hears_which_user_needs_to() {
        let (path, source) = (PathBuf::from("/var/lib/trunkline"), ErrorKind::PermissionDenied.into());
        let user = rustix::process::geteuid().as_raw();
        let told = crate::StartError::from(OpenError::NotWritable { path, source }).to_string();
        let expected = format!(
            "cannot open the store: data folder /var/lib/trunkline cannot be written: permission denied; this process runs as \
             user {user}: let that user write there (chown -R {user} /var/lib/trunkline), or choose another folder with broker.path"
        );
        assert_eq!(told, expected);
    }
}
