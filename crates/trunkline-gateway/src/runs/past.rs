//! What a run's channel says of the run, read to its end: how far it came, and what was asked and answered.

use serde_json::value::RawValue;
use trunkline_broker::{Broker, BrokerError};
use trunkline_core::channel::ChannelKey;
use trunkline_core::log::Record;
use trunkline_core::record::message;
use trunkline_core::run::{Questions, Said};

/// What a run's channel says of the run.
#[derive(Debug, Default)]
pub(super) struct Past {
    /// The offset of its last record.
    pub(super) top: u64,
    /// Number of the run's events in it.
    pub(super) events: u64,
    /// Whether the run has ended.
    pub(super) sealed: bool,
    /// The session that the run belongs to; `None` while its channel is empty.
    pub(super) session: Option<String>,
    pub(super) questions: Questions,
    /// What was answered, in order.
    pub(super) answers: Vec<StoredAnswer>,
    /// Whether no event came after the last answer.
    pub(super) quiet_since_answer: bool,
}

/// An answer in a run's channel.
#[derive(Debug)]
pub(super) struct StoredAnswer {
    pub(super) request: String,
    pub(super) content: Box<RawValue>,
    /// Whether it came after the run's last question, and so after its checkpoint.
    pub(super) is_new: bool,
}

/// Bytes of a run's log read at a time.
const READ_BYTES: usize = 256 * 1024;

/// Reads a run's channel to its end; `None` if it is gone.
pub(super) async fn past(broker: &dyn Broker, run: &ChannelKey) -> Result<Option<Past>, BrokerError> {
    let mut past = Past::default();
    let mut cursor = None;
    loop {
        let Ok(page) = broker.read(run, cursor, READ_BYTES).await? else { return Ok(None) };
        past.sealed = page.head.sealed;
        let Some(last) = page.records.last() else { return Ok(Some(past)) };
        // A long log is much work for one turn.
        tokio::task::yield_now().await;
        past.top = last.position.offset;
        cursor = Some(last.position);
        for record in &page.records {
            past.add(record)?;
        }
    }
}

impl Past {
    fn add(&mut self, record: &Record) -> Result<(), BrokerError> {
        let (_, event) = message(&record.data).map_err(|error| BrokerError::Unavailable(error.to_string()))?;
        if self.session.is_none() {
            self.session = event.session.as_deref().map(str::to_owned);
        }
        if let Some(last) = event.seq_end.or(event.seq) {
            self.events = last + 1;
            self.quiet_since_answer = false;
        }
        match self.questions.read(&event) {
            None => {}
            Some(Said::Question) => self.answers.iter_mut().for_each(|answer| answer.is_new = false),
            Some(Said::Answer { request, content }) => {
                self.quiet_since_answer = true;
                self.answers.push(StoredAnswer { request, content, is_new: true });
            }
        }
        Ok(())
    }
}
