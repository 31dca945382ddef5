//! The one place where the gateway reads the clock.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

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
    pub(crate) fn instant(self, moment: Moment) -> tokio::time::Instant {
        tokio::time::Instant::from_std(self.started + moment)
    }
}

/// Milliseconds since 1970.
pub(crate) fn wall_ms() -> u64 {
    let elapsed = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
    u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX)
}

/// The wall clock's time as messages carry it: RFC 3339 UTC with milliseconds.
pub(crate) fn timestamp() -> String {
    humantime::format_rfc3339_millis(SystemTime::now()).to_string()
}
