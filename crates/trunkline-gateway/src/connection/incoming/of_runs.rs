//! What a client says of a run that goes on: that it shall stop, and what a person answers. What becomes of it is decided
//! by the run.

use std::borrow::Cow;
use std::sync::Arc;

use serde::Serialize;
use trunkline_core::run::Answer;
use trunkline_protocol::{Envelope, ErrorCode, Payload};
use trunkline_ws::connection::WriteQueue;

use super::{Frame, Incoming, Stage};
use crate::message;
use crate::random;
use crate::routes::validate;
use crate::sessions::Session;

impl Incoming {
    pub(super) fn cancel(&mut self, envelope: &Envelope<'_>, queue: &mut WriteQueue) {
        #[derive(Serialize)]
        struct CancelAck {
            cancelled: bool,
        }
        let id = envelope.id.as_deref();
        let Some(run) = envelope.run.as_deref() else {
            let said = format!("{}: missing; cancel names a run", self.dialect().place_of("run"));
            return self.violation(id, ErrorCode::BadEnvelope.with_message(said), queue);
        };
        let cancelled = self.sessions().any(|session| self.node.runs.cancel(session, run));
        let content = message::payload(&CancelAck { cancelled });
        let ack = Envelope {
            run: Some(Cow::Borrowed(run)),
            reply_to: id.map(Cow::Borrowed),
            payload: Some((&content).into()),
            ..Envelope::new("cancel_ack")
        };
        self.push(queue, message::frame(self.wire(), &ack));
    }

    /// An answer to a question of a run.
    pub(super) fn answer(&mut self, envelope: &Envelope<'_>, frame: Frame<'_>, queue: &mut WriteQueue) {
        let id = envelope.id.as_deref();
        if let Some(said) = self.wrong_token(envelope) {
            return self.unauthorized(id, said, queue);
        }
        let Some(run) = envelope.run.as_deref() else {
            let said = format!("{}: missing; answer names a run", self.dialect().place_of("run"));
            return self.violation(id, ErrorCode::BadEnvelope.with_message(said), queue);
        };
        if let Err(error) = validate(&self.route, self.dialect(), envelope, frame.text()) {
            return self.violation(id, error, queue);
        }
        let Stage::Open(first) = &self.stage else {
            let error = ErrorCode::BadRequest.with_message("an answer comes after hello, in the session of its run");
            return self.violation(id, error, queue);
        };
        let has_run = |session: &&Arc<Session>| session.turns().runs().any(|known| known == run);
        let by_run = envelope.session.is_none().then(|| self.sessions().find(has_run).map(Arc::clone)).flatten();
        let Some(session) = by_run.or_else(|| self.session_meant(first.session(), envelope)) else {
            let error = ErrorCode::BadRequest.with_message("session: it is not attached to this connection");
            return self.violation(id, error, queue);
        };
        let message_id = envelope.id.clone().unwrap_or_else(|| random::id().into());
        let payload = envelope.payload.as_ref().map(Payload::to_json);
        let nothing = message::payload(&());
        let answer = Answer::from_client(payload.as_deref().unwrap_or(&nothing), &message_id, session.user.as_deref());
        let answer = match answer {
            Ok(answer) => answer,
            Err(error) => return self.violation(id, error, queue),
        };
        let wants_ack = envelope.id.is_some() || self.subscriber.voice().hears_of_runs();
        match self.subscriber.acquire_in_flight(self.node.settings.limits.in_flight_max, wants_ack) {
            Some(in_flight) => {
                self.subscriber.sends(&message_id);
                self.node.runs.answer(&session, run, answer, in_flight);
            }
            None => self.push(queue, message::error_frame(self.wire(), id, ErrorCode::TooManyInFlight.body())),
        }
    }
}
