//! Messages that are input to the run that has its session's turn.
//!
//! Such a message is stored with a run of its own, which waits in the session's line while the message is offered to the run
//! before it. Either that run's worker takes it, and its own run is over before it began; or its turn comes, and it begins.
//! The two runs agree by a [`Claim`]. What a worker may take is decided by `trunkline_core::run`; this module knows no store.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use base64::DecodeError;
use tokio_util::sync::CancellationToken;
use trunkline_bridge::Call;
use trunkline_bridge::frame::Input;
use trunkline_core::channel::ChannelKey;

use super::driver::{Driver, Worker};
use super::mailbox::Mailbox;
use super::roster::Place;
use super::store::OpenRun;
use crate::stopping::Stopping;

/// The messages that a run is offered.
pub(super) type Offers = Mailbox<Offered>;

/// How far an offer has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Its message is being stored.
    Storing,
    /// The worker may take it.
    Stored,
    /// The worker has taken it, and that is being stored.
    Taken,
    /// It is its own run's affair.
    Withdrawn,
}

/// What the message's own run and the run that it is offered to agree on.
pub(super) struct Claim {
    state: Mutex<State>,
    /// That the worker took it is stored.
    over: CancellationToken,
}

/// A message that is offered to a run, as that one has it.
pub(super) struct Offered {
    /// The channel of its own run.
    pub(super) channel: ChannelKey,
    input: Input,
    claim: Arc<Claim>,
    /// Whether the run has heard of it.
    is_given: bool,
}

/// A message that is offered to a run, as its own run has it.
pub(super) struct Held {
    claim: Arc<Claim>,
    offers: Arc<Offers>,
}

/// Offers the message of `open` to the run of `offers`. `None` where that one has too many; then it only waits.
pub(super) fn offer(channel: &ChannelKey, open: &OpenRun, is_stored: bool, offers: &Arc<Offers>) -> Option<Held> {
    let state = if is_stored { State::Stored } else { State::Storing };
    let claim = Arc::new(Claim { state: Mutex::new(state), over: CancellationToken::new() });
    let input = input(open).ok()?;
    let offered = Offered { channel: channel.clone(), input, claim: Arc::clone(&claim), is_given: false };
    offers.put(offered).ok()?;
    Some(Held { claim, offers: Arc::clone(offers) })
}

fn input(open: &OpenRun) -> Result<Input, DecodeError> {
    let (codec, payload) = open.clone().take_payload()?;
    Ok(Input { corr: 0, message: open.message.clone(), kind: open.kind.clone(), codec, payload })
}

impl Held {
    /// Its message is stored, or could not be.
    pub(super) fn stored(&self, is_stored: bool) {
        *self.claim.lock() = if is_stored { State::Stored } else { State::Withdrawn };
        self.offers.look();
    }

    /// Waits until the message's own run has something to do: its turn has come, or it is to end. `false` when the message
    /// was taken before, or the gateway stops: the other run may take it until the very end.
    pub(super) async fn is_let_go(&self, place: &Place, stopping: &Stopping) -> bool {
        tokio::select! {
            biased;
            () = self.claim.over.cancelled() => return false,
            () = stopping.draining.cancelled() => return false,
            () = place.turn.cancelled() => {}
            () = place.cancel.cancelled() => {}
        }
        if self.claim.withdraw() {
            return true;
        }
        // It is being stored that it was taken. Where that comes to nothing, its turn comes.
        tokio::select! {
            biased;
            () = self.claim.over.cancelled() => false,
            () = stopping.draining.cancelled() => false,
            () = place.turn.cancelled() => true,
        }
    }
}

impl Claim {
    /// The worker has taken the message. `false` where its own run goes on with it.
    fn take(&self) -> bool {
        self.move_on(State::Taken)
    }

    fn withdraw(&self) -> bool {
        self.move_on(State::Withdrawn)
    }

    fn move_on(&self, to: State) -> bool {
        let mut state = self.lock();
        let may = matches!(*state, State::Storing | State::Stored) || *state == to;
        if may {
            *state = to;
        }
        may
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The messages that a run was offered and that its worker has not taken for good, in order. As many as stand in the
/// session's line, and those that were withdrawn since the run began.
#[derive(Default)]
pub(super) struct Inputs(VecDeque<Offered>);

impl Inputs {
    /// The next one to give, if it is stored: those behind one that is being stored wait for it.
    fn next(&mut self) -> Option<Input> {
        self.0.retain(|offered| offered.is_given || *offered.claim.lock() != State::Withdrawn);
        let next = self.0.iter_mut().find(|offered| !offered.is_given)?;
        next.is_given = *next.claim.lock() != State::Storing;
        next.is_given.then(|| next.input.clone())
    }

    /// The worker has taken a message: its own run is told to leave it alone.
    fn claim(&self, message: &str) {
        let offered = self.0.iter().find(|offered| offered.input.message == message);
        if offered.is_some_and(|offered| !offered.claim.take()) {
            tracing::info!(message, "the worker took a message whose own run has ended");
        }
    }

    /// The channels of the own runs of these messages, with the messages: they end with the record that they were taken.
    pub(super) fn claimed(&self, messages: &[String]) -> impl Iterator<Item = (&ChannelKey, &str)> {
        let is_meant = |offered: &&Offered| messages.contains(&offered.input.message);
        let taken = self.0.iter().filter(is_meant).filter(|offered| *offered.claim.lock() == State::Taken);
        taken.map(|offered| (&offered.channel, &*offered.input.message))
    }

    /// That a message was taken is stored.
    pub(super) fn taken(&mut self, message: &str) {
        let place = self.0.iter().position(|offered| offered.input.message == message);
        if let Some(offered) = place.and_then(|place| self.0.remove(place)) {
            offered.claim.over.cancel();
        }
    }
}

impl Driver {
    /// Takes the messages that this run is offered, and gives those that are stored to its worker.
    pub(super) fn take_offers(&mut self, offers: &Offers) -> bool {
        self.inputs.0.extend(offers.take());
        while let Some(input) = self.inputs.next() {
            if self.run.offer_input(&input.message)
                && let Worker::Calling(call) = &self.worker
            {
                call.input(input);
            }
        }
        true
    }

    /// Gives everything that was not taken to a call that has just begun, or come back.
    pub(super) fn give_inputs(&self, call: &Call) {
        for offered in self.inputs.0.iter().filter(|offered| offered.is_given) {
            if *offered.claim.lock() == State::Stored {
                call.input(offered.input.clone());
            }
        }
    }

    /// The worker says that it took a message.
    pub(super) fn took_input(&mut self, message: &str) {
        if self.run.take_input(message) {
            self.inputs.claim(message);
        }
    }
}
