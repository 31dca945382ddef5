//! The task of one run: from the answer to its sender to the end of its channel.
//!
//! [`super::driver`] is its loop. This module knows how a run begins, how another life of
//! the gateway goes on with it, and what happens when the loop itself fails.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::FutureExt as _;
use tokio::sync::oneshot;
use tracing::Instrument as _;
use trunkline_bridge::Call;
use trunkline_broker::{BrokerError, Committed, Op, Refusal};
use trunkline_core::Moment;
use trunkline_core::channel::ChannelKey;
use trunkline_core::retry::Attempts;
use trunkline_core::run::Run;
use trunkline_core::turns::WhileBusy;
use trunkline_protocol::{ErrorBody, ErrorCode};

use super::Runs;
use super::driver::{Driver, Worker};
use super::inputs::{self, Held};
use super::past;
use super::recovery::RECLAIM_WITHIN;
use super::roster::Place;
use super::store::{self, OpenRun};
use super::writing::Commit;
use crate::clock::{timestamp, wall_ms};
use crate::connection::InFlight;
use crate::message;
use crate::sessions::{LEFT_AFTER, Session};

/// One run and what drives it.
pub(super) struct RunTask {
    pub(super) runs: Arc<Runs>,
    pub(super) channel: ChannelKey,
    pub(super) session: Arc<Session>,
    pub(super) open: OpenRun,
    /// What the list of open runs has of it, until a worker may have it.
    pub(super) stored: Bytes,
    /// Its message is offered to another run.
    pub(super) held: Option<Held>,
}

impl RunTask {
    pub(super) fn new(
        runs: Arc<Runs>,
        channel: ChannelKey,
        session: Arc<Session>,
        open: OpenRun,
        stored: Bytes,
    ) -> Self {
        Self { runs, channel, session, open, stored, held: None }
    }

    /// Waits until the run is stored, tells its sender, and drives it. Whoever's message was stored drives the run:
    /// of two that were sent at the same time it need not be the one that has the place.
    pub(super) async fn accept(self, place: Option<Place>, commit: Commit, origin: InFlight) {
        let outcome = commit.await;
        let stored = outcome.is_ok();
        if let Some(held) = &self.held {
            held.stored(stored);
        }
        let goes_to = self.open.input_to.as_deref();
        answer(&self.runs, &self.open.message, &self.channel, goes_to, origin, outcome).await;
        if stored {
            let counted = if goes_to.is_some() { &self.runs.metrics.inputs } else { &self.runs.metrics.runs_started };
            counted.inc();
            let place = place.unwrap_or_else(|| self.take_over());
            self.interrupt();
            let run = self.new_run();
            self.drive(run, place, Worker::None, LEFT_AFTER).await;
        } else if let Some(place) = place {
            self.runs.give_up(&self.session, &self.channel, place);
        }
    }

    /// A place for a run that is stored.
    pub(super) fn take_over(&self) -> Place {
        let Self { runs, channel, session, open, .. } = self;
        runs.roster.take_over(channel, session, &open.service, open.while_busy())
    }

    /// Offers the message of a recovered run again, if the run that was to take it is still there.
    pub(super) fn offer_again(&mut self) {
        let Self { runs, channel, session, open, .. } = &*self;
        let taker = runs.roster.can_take(channel, session, &open.service);
        let taker = taker.filter(|(run, _)| open.input_to.as_ref() == Some(run));
        self.held = taker.and_then(|(_, offers)| inputs::offer(channel, open, true, &offers));
    }

    /// Tells the session of this run, where that was left for the time when it begins or ends.
    pub(super) fn announcement(&self) -> Option<Op> {
        let Self { channel, session, open, .. } = self;
        open.input_to.as_ref().map(|_| store::announce(&session.channel, channel, open, &timestamp()))
    }

    /// That is stored now.
    pub(super) fn announced(&mut self) {
        if self.open.input_to.take().is_some() {
            self.runs.metrics.runs_started.inc();
        }
    }

    /// A run that takes the place of others asks them to stop, now that it is stored: a message that was refused, or
    /// sent twice, stops nothing.
    pub(super) fn interrupt(&self) {
        if self.open.while_busy() == WhileBusy::Interrupt {
            let count = self.runs.roster.interrupt(&self.channel, &self.session);
            self.runs.metrics.runs_interrupted.inc_by(count as u64);
        }
    }

    /// Goes on with a run that another life of the gateway left open. Clients have as long to come back as workers.
    pub(super) async fn recover(self, run: Run, place: Place, call: Option<oneshot::Receiver<Call>>) {
        self.drive(run, place, call.map_or(Worker::None, Worker::Expected), RECLAIM_WITHIN).await;
    }

    /// A run that no worker has.
    pub(super) fn new_run(&self) -> Run {
        let run = self.answering(Run::new(self.channel.id(), &self.session.id, Some(self.deadline())));
        run.called_before(Attempts::new(self.open.repetitions))
    }

    /// The run, as the one that answers its message.
    pub(super) fn answering(&self, run: Run) -> Run {
        run.answering(&self.open.message, self.open.origin.as_ref().map(message::payload))
    }

    pub(super) fn deadline(&self) -> Moment {
        self.runs.clock.now() + Duration::from_millis(self.open.deadline_at_ms.saturating_sub(wall_ms()))
    }

    /// Drives the run to its end. The place is given up afterwards, whatever happened.
    async fn drive(mut self, run: Run, place: Place, worker: Worker, return_within: Duration) {
        if let Some(held) = self.held.take()
            && !held.is_let_go(&place, &self.runs.stopping).await
        {
            return self.runs.give_up(&self.session, &self.channel, place);
        }
        let span = tracing::info_span!("run", run = self.channel.id(), service = %self.open.service);
        let (runs, channel, session) = (Arc::clone(&self.runs), self.channel.clone(), Arc::clone(&self.session));
        let driving = AssertUnwindSafe(Driver::new(self, run, worker).go(&place, return_within)).catch_unwind();
        if driving.instrument(span).await.is_err() {
            tracing::error!(run = channel.id(), "the task of a run panicked");
            let mut sealed = seal(&runs, &channel, &session).await;
            // The one write that it had on its way has come in between.
            if let Err(BrokerError::Refused { refusal: Refusal::Append(_), .. }) = sealed {
                sealed = seal(&runs, &channel, &session).await;
            }
            if let Err(error) = sealed {
                tracing::error!(run = channel.id(), %error, "the run is sealed after the next start");
            }
        }
        runs.hub.forget_latest(&channel);
        runs.give_up(&session, &channel, place);
    }
}

/// Gives the sender of a message its `ack` or `error`. `goes_to` is the run that it is input to, if it is.
pub(super) async fn answer(
    runs: &Runs,
    message: &str,
    run: &ChannelKey,
    goes_to: Option<&str>,
    origin: InFlight,
    outcome: Result<Committed, BrokerError>,
) {
    let ack = |to: &str, duplicate| {
        let to = to.to_owned();
        move |wire| message::ack_frame(wire, message, Some(&to), duplicate)
    };
    let outcome = match outcome {
        Ok(_) => return origin.acknowledge(ack(goes_to.unwrap_or(run.id()), false)),
        Err(BrokerError::Refused { refusal: Refusal::Exists { same_content: true }, .. }) => {
            store::went_to(&*runs.broker, run).await
        }
        Err(error) => Err(error),
    };
    match outcome {
        Ok(to) => origin.acknowledge(ack(&to, true)),
        Err(error) => {
            let error = accept_error(&error, run.id());
            runs.metrics.client_error(&error.code);
            origin.refuse(message, |wire| message::error_frame(wire, Some(message), error));
        }
    }
}

/// Ends a run whose task is gone.
async fn seal(runs: &Runs, channel: &ChannelKey, session: &Session) -> Result<(), BrokerError> {
    let past = past::past(&*runs.broker, channel).await?;
    let Some(past) = past.filter(|past| !past.sealed) else { return Ok(()) };
    let mut run = Run::recovered(channel.id(), &session.id, None, past.top, past.events);
    run.fail(ErrorCode::Internal.body());
    let now = runs.clock.now();
    if let Some(request) = run.poll_append(now, timestamp) {
        let asked = !past.questions.is_empty();
        let batch = store::events_batch(channel, &request, asked, now, runs.durability, runs.keep);
        runs.broker.commit(batch).await?;
        runs.metrics.run_ended("failed");
    }
    Ok(())
}

/// The error of a message that was not stored.
fn accept_error(error: &BrokerError, run: &str) -> ErrorBody<'static> {
    match error {
        BrokerError::Refused { refusal: Refusal::Exists { .. }, .. } => ErrorCode::DuplicateId.body(),
        // It was only looked for (`store::look_up_batch`), and is new.
        BrokerError::Refused { refusal: Refusal::Value(_), .. } => ErrorCode::Busy.body(),
        BrokerError::Overloaded => ErrorCode::Overloaded.body(),
        BrokerError::Refused { .. } | BrokerError::Unavailable(_) => {
            tracing::error!(%error, run, "a message was not stored");
            ErrorCode::Internal.with_message("the message was not stored; send it again with the same id")
        }
    }
}
