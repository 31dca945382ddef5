//! What this node counts, in the words of the glossary, for Prometheus.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64};

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeLabelSet, EncodeMetric as _};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::{ConstCounter, Counter};
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::{ConstGauge, Gauge};
use prometheus_client::registry::Registry;
use trunkline_bridge::Bridge;
use trunkline_protocol::{Dialect, ErrorCode};

type Count = Counter<u64, AtomicU64>;
type Level = Gauge<i64, AtomicI64>;

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct DialectLabel {
    dialect: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct CloseLabel {
    code: u16,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct StateLabel {
    state: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ErrorLabel {
    code: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ReasonLabel {
    reason: &'static str,
}

/// The counters of one node. Labels are of closed sets: nothing that a client chooses is one.
#[derive(Default)]
pub(crate) struct Metrics {
    connections: Family<DialectLabel, Level>,
    connections_closed: Family<CloseLabel, Count>,
    handshakes_refused: Family<ReasonLabel, Count>,
    pub(crate) messages_in: Count,
    pub(crate) messages_out: Count,
    client_errors: Family<ErrorLabel, Count>,
    pub(crate) channels_fell_behind: Count,
    pub(crate) pages_shared: Count,
    pub(crate) pieces_coalesced: Count,
    pub(crate) texts_gathering: Level,
    pub(crate) buffer_bytes: Level,
    pub(crate) disk_free_bytes: Level,
    pub(crate) published: Count,
    pub(crate) presence_visits: Level,
    pub(crate) presence_held: Count,
    pub(crate) presence_conflated: Count,
    pub(crate) runs_started: Count,
    runs_ended: Family<StateLabel, Count>,
    pub(crate) runs_interrupted: Count,
    pub(crate) runs_left: Count,
    pub(crate) inputs: Count,
    pub(crate) inputs_taken: Count,
    pub(crate) inputs_refused: Count,
    pub(crate) calls_repeated: Count,
    pub(crate) calls_not_repeated: Count,
    pub(crate) latest_refused: Count,
    pub(crate) latest_displaced: Count,
    runs_waiting: Level,
    pub(crate) answers: Count,
    pub(crate) runs_open: Level,
    pub(crate) sessions_live: Level,
}

impl Metrics {
    /// The metrics, and the registry that prints them.
    pub(crate) fn new() -> (Arc<Self>, Registry) {
        let metrics = Arc::new(Self::default());
        let mut registry = Registry::with_prefix("trunkline");
        metrics.register_connections(&mut registry);
        metrics.register_runs(&mut registry);
        (metrics, registry)
    }

    fn register_connections(&self, registry: &mut Registry) {
        registry.register("connections", "Open connections of clients", self.connections.clone());
        registry.register(
            "connections_closed",
            "Connections that ended, by close code",
            self.connections_closed.clone(),
        );
        registry.register(
            "handshakes_refused",
            "Upgrade requests that were refused, by reason",
            self.handshakes_refused.clone(),
        );
        registry.register("messages_in", "Messages received from clients", self.messages_in.clone());
        registry.register("messages_out", "Messages written to clients", self.messages_out.clone());
        registry.register(
            "client_errors",
            "Messages of clients that were answered by an error",
            self.client_errors.clone(),
        );
        registry.register(
            "channels_fell_behind",
            "Channels of a connection that went on from the log",
            self.channels_fell_behind.clone(),
        );
        registry.register(
            "pages_shared",
            "Pages of messages that a connection was written in one piece, as others were",
            self.pages_shared.clone(),
        );
        registry.register(
            "pieces_coalesced",
            "Messages that were saved because a client read slower than an answer was said",
            self.pieces_coalesced.clone(),
        );
        registry.register(
            "texts_gathering",
            "Whole texts of runs that are being gathered for clients of old dialects, or wait for their turn",
            self.texts_gathering.clone(),
        );
        registry.register(
            "buffer_bytes",
            "Bytes that the buffers of all connections have of limits.buffer_bytes",
            self.buffer_bytes.clone(),
        );
        registry.register(
            "disk_free_bytes",
            "Bytes that are free on the disk of the store",
            self.disk_free_bytes.clone(),
        );
        registry.register("published", "Messages published to topics and users", self.published.clone());
        registry.register("presence_visits", "Connections that are seen in a topic", self.presence_visits.clone());
        registry.register(
            "presence_held",
            "States of members that waited, because the member had changed a moment before",
            self.presence_held.clone(),
        );
        registry.register(
            "presence_conflated",
            "Changes of members that a client was not told one by one, because newer ones took their place",
            self.presence_conflated.clone(),
        );
    }

    fn register_runs(&self, registry: &mut Registry) {
        registry.register("runs_started", "Runs accepted", self.runs_started.clone());
        registry.register("runs_ended", "Runs that ended, by state", self.runs_ended.clone());
        registry.register(
            "runs_interrupted",
            "Runs that were asked to end because a newer message took their place",
            self.runs_interrupted.clone(),
        );
        registry.register(
            "runs_left",
            "Runs that were asked to end because their session had no connection any more",
            self.runs_left.clone(),
        );
        registry.register("inputs", "Messages accepted as input to a run that goes on", self.inputs.clone());
        registry.register("inputs_taken", "Messages that a run's worker took as input", self.inputs_taken.clone());
        registry.register(
            "inputs_refused",
            "Messages of routes that steer which wait, because a worker of their service takes no input",
            self.inputs_refused.clone(),
        );
        registry.register(
            "calls_repeated",
            "Calls of runs that failed and are made again",
            self.calls_repeated.clone(),
        );
        registry.register(
            "calls_not_repeated",
            "Calls that would have been made again, had there not been too many of them",
            self.calls_not_repeated.clone(),
        );
        registry.register(
            "latest_refused",
            "Values of latest state of a wrong type, size or form",
            self.latest_refused.clone(),
        );
        registry.register(
            "latest_displaced",
            "Values of latest state that are no longer kept for who attaches later: their run had too many",
            self.latest_displaced.clone(),
        );
        registry.register("runs_waiting", "Runs that wait for a person", self.runs_waiting.clone());
        registry.register("answers", "Answers of people that a run accepted", self.answers.clone());
        registry.register("runs_open", "Runs that have not ended", self.runs_open.clone());
        registry.register("sessions_live", "Sessions with a connection or an open run", self.sessions_live.clone());
    }

    /// Counts a connection until the result is dropped.
    pub(crate) fn connection_opened(&self, dialect: Dialect) -> Counted {
        let level = self.connections.get_or_create(&DialectLabel { dialect: dialect.name() }).clone();
        level.inc();
        Counted(level)
    }

    /// Counts a whole text that is wanted until the result is dropped.
    pub(crate) fn gathers_text(&self) -> Counted {
        self.texts_gathering.inc();
        Counted(self.texts_gathering.clone())
    }

    /// Counts a run that waits for a person until the result is dropped.
    pub(crate) fn run_waits(&self) -> Counted {
        self.runs_waiting.inc();
        Counted(self.runs_waiting.clone())
    }

    /// Number of runs that wait for a person.
    pub(crate) fn runs_that_wait(&self) -> usize {
        usize::try_from(self.runs_waiting.get()).unwrap_or_default()
    }

    pub(crate) fn connection_closed(&self, code: u16) {
        self.connections_closed.get_or_create(&CloseLabel { code }).inc();
    }

    pub(crate) fn handshake_refused(&self, reason: &'static str) {
        self.handshakes_refused.get_or_create(&ReasonLabel { reason }).inc();
    }

    /// Counts an error that a client's message got. Codes that the protocol does not know count as internal.
    pub(crate) fn client_error(&self, code: &str) {
        let code = ErrorCode::from_name(code).unwrap_or(ErrorCode::Internal).name();
        self.client_errors.get_or_create(&ErrorLabel { code }).inc();
    }

    pub(crate) fn run_ended(&self, state: &'static str) {
        self.runs_ended.get_or_create(&StateLabel { state }).inc();
    }
}

/// An open connection in the count.
pub(crate) struct Counted(Level);

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.dec();
    }
}

/// Lets the registry print what the broker and the bridge count, too.
pub(crate) fn register_parts(registry: &mut Registry, broker: &Arc<trunkline_broker::Metrics>, bridge: &Bridge) {
    registry.register_collector(Box::new(Parts { broker: Arc::clone(broker), bridge: bridge.clone() }));
}

/// Reads the counters of other crates when the metrics are asked for.
#[derive(Debug)]
struct Parts {
    broker: Arc<trunkline_broker::Metrics>,
    bridge: Bridge,
}

impl Collector for Parts {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let (broker, bridge) = (&self.broker, self.bridge.metrics());
        let read = trunkline_broker::Metrics::get;
        for (name, help, value) in [
            ("broker_batches", "Batches that took effect", read(&broker.batches)),
            ("broker_batches_refused", "Batches of which one operation was refused", read(&broker.refused)),
            ("broker_overloaded", "Batches turned away because the queue was full", read(&broker.overloaded)),
            ("broker_records", "Records appended", read(&broker.records)),
            ("broker_record_bytes", "Bytes of data in them", read(&broker.bytes)),
            ("broker_groups", "Groups of batches that were written together", read(&broker.groups)),
            ("broker_groups_by_caller", "Of these, those that their caller wrote", read(&broker.groups_by_caller)),
            ("broker_synced", "Groups that were synced to the disk", read(&broker.synced)),
            ("broker_commit_microseconds", "Time spent writing groups", read(&broker.commit_us)),
            ("broker_trimmed", "Records removed by retention", read(&broker.trimmed)),
            ("broker_swept", "Expiries and records of removed channels that were looked at", read(&broker.swept)),
            ("broker_pages", "Pages of a log that were read", read(&broker.pages)),
            ("broker_pages_from_memory", "Pages that were read from memory", read(&broker.pages_from_memory)),
            ("broker_reads_by_caller", "Reads from the store in the caller's thread", read(&broker.reads_by_caller)),
            ("broker_reads_by_threads", "Reads from the store on threads of their own", read(&broker.reads_by_threads)),
            ("bridge_calls", "Calls accepted, from the gateway and from workers", bridge.calls.get()),
            ("bridge_chunks", "Stream events accepted from workers", bridge.chunks.get()),
            ("bridge_queue_full", "Calls refused because the service's queue was full", bridge.queue_full.get()),
            ("bridge_dispatch_timeouts", "Calls that waited in vain for a worker", bridge.dispatch_timeouts.get()),
            ("bridge_worker_lost", "Calls that ended with the loss of their worker", bridge.worker_lost.get()),
            ("bridge_resumed", "Calls that went on after their worker came back", bridge.resumed.get()),
            ("bridge_late_frames", "Frames for calls that were over", bridge.late_frames.get()),
            ("bridge_protocol_errors", "Breaches of the worker protocol", bridge.protocol_errors.get()),
            ("bridge_outbox_overflows", "Workers cut off because they did not read", bridge.outbox_overflows.get()),
            ("bridge_latest_dropped", "Values of latest state that were dropped", bridge.latest_dropped.get()),
            ("bridge_hello_refused", "Workers refused at HELLO", bridge.hello_refused.get()),
            ("bridge_output_dropped", "Events of workers' output that were not logged", bridge.output_dropped.get()),
            ("bridge_links_refused", "Workers refused because there were too many", bridge.links_refused.get()),
        ] {
            ConstCounter::new(value).encode(encoder.encode_descriptor(name, help, None, MetricType::Counter)?)?;
        }
        let level = |value: u64| i64::try_from(value).unwrap_or(i64::MAX);
        for (name, help, value) in [
            ("broker_queue_batches", "Batches that wait to be written", level(read(&broker.queue_batches))),
            ("broker_queue_bytes", "Bytes of data that wait to be written", level(read(&broker.queue_bytes))),
            ("bridge_workers", "Workers that are registered, connected or awaited", bridge.workers.get()),
            ("bridge_links", "Open connections of workers", bridge.links.get()),
        ] {
            ConstGauge::new(value).encode(encoder.encode_descriptor(name, help, None, MetricType::Gauge)?)?;
        }
        Ok(())
    }
}
