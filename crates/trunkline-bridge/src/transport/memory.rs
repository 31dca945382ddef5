//! A worker without a socket: frames go from hand to hand, for simulations.

use std::sync::Arc;

use crate::frame::{Frame, encode};
use crate::outbox::{Outbox, Outgoing};
use crate::registry::LinkId;
use crate::switchboard::Switchboard;

/// A worker's connection. Dropping it cuts the connection.
#[derive(Debug)]
pub struct Link {
    switchboard: Arc<Switchboard>,
    id: LinkId,
    outbox: Arc<Outbox>,
}

impl Link {
    /// `None` when there are too many.
    pub(crate) fn open(switchboard: &Arc<Switchboard>) -> Option<Self> {
        let (id, outbox) = switchboard.connect()?;
        Some(Self { switchboard: Arc::clone(switchboard), id, outbox })
    }

    /// The worker sends a frame.
    pub fn send(&self, frame: Frame) {
        self.switchboard.message(self.id, encode(frame));
    }

    /// What the gateway has for the worker; `None` when it has closed the connection.
    pub async fn receive(&self) -> Option<Vec<Frame>> {
        loop {
            match self.outbox.next().await {
                Outgoing::Send { frames, relieved } => {
                    if relieved {
                        self.switchboard.relieved(self.id);
                    }
                    return Some(frames);
                }
                // Nobody but this task sends: there is no wire that could keep something.
                Outgoing::Rest => {}
                Outgoing::Close => return None,
            }
        }
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        self.switchboard.disconnected(self.id);
    }
}
