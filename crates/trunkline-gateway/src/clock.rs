//! The one place where the gateway reads the clock.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::time::Instant;
use trunkline_core::Moment;

/// Tells the time to everything that decides.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock {
    started: Instant,
}

impl Clock {
    pub(crate) fn start() -> Self {
        Self { started: Instant::now() }
    }

    /// Time since the process began; never goes back.
    pub(crate) fn now(self) -> Moment {
        self.started.elapsed()
    }

    /// The instant of a moment, for Tokio's timers.
    pub(crate) fn instant(self, moment: Moment) -> Instant {
        self.started + moment
    }
}

/// Milliseconds since 1970.
pub(crate) fn wall_ms() -> u64 {
    let elapsed = wall().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
    u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX)
}

/// The wall clock's time as messages carry it: RFC 3339 UTC with milliseconds.
pub(crate) fn timestamp() -> String {
    timestamp_after(Duration::ZERO)
}

/// The same for the time after this.
pub(crate) fn timestamp_after(after: Duration) -> String {
    humantime::format_rfc3339_millis(wall() + after).to_string()
}

fn wall() -> SystemTime {
    #[cfg(feature = "simulation")]
    if let Some(now) = crate::simulation::wall() {
        return now;
    }
    SystemTime::now()
}
