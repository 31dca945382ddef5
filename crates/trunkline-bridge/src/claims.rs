//! How the gateway takes back calls that a worker kept while there was no gateway.

use crate::call::Call;
use crate::frame::Offer;

/// Who knows which runs are still wanted. Both methods are called without any lock of the bridge held, from the
/// task of the worker's connection, which waits: they must be quick.
pub trait Claims: Send + Sync + 'static {
    /// A worker offers a call that this bridge did not make. `None` when it is not wanted; the worker drops it then.
    /// This is a question only: the run is taken by [`Claims::resume`], which does not follow where the worker's
    /// connection ends in between.
    fn claim(&self, offer: &Offer) -> Option<Claimed>;

    /// The claimed call goes on. Its events begin with the number that was given as [`Claimed::ack`]. Dropping the
    /// call cancels it, which is the answer to a second worker that offers the same run.
    fn resume(&self, run: &str, call: Call);
}

/// What the bridge must know about a call that it did not make.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Claimed {
    /// Events that are stored: the worker sends every later one again. At most [`Offer::next`].
    pub ack: u64,
    /// The service that was called.
    pub service: String,
    /// The run's session, for calls that the worker makes on its behalf.
    pub session: String,
    /// The run's realm.
    pub realm: String,
    /// The run's user.
    pub user: Option<String>,
}

/// Wants nothing back. For tests, and for gateways that keep no runs.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoClaims;

impl Claims for NoClaims {
    fn claim(&self, _offer: &Offer) -> Option<Claimed> {
        None
    }

    fn resume(&self, _run: &str, _call: Call) {}
}
