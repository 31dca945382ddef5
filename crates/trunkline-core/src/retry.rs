//! When a call that failed is made again, and how many of all calls may be repetitions.
//!
//! A call may have effects, so it is repeated only where none can have happened, or where a second time does no harm:
//! no worker has seen it; its worker's first word was that it may be repeated; or its service is idempotent and the
//! worker was lost before its first event. Knows neither worker nor run, and no source of chance: that is given.

use std::time::Duration;

use trunkline_protocol::{ErrorBody, ErrorCode};

use crate::Moment;

/// Most times that a run's service is called.
pub const ATTEMPTS_MAX: u32 = 3;

/// The wait before the first repetition is random below this, and below twice as much before each further one.
pub const WAIT_BASE: Duration = Duration::from_millis(100);

/// Longest wait before a repetition. A service that wants a longer one is not called again: the client is told, and may
/// ask anew.
pub const WAIT_MAX: Duration = Duration::from_secs(2);

/// Calls for each repetition: repetitions are at most a tenth of them.
const CALLS_PER_REPETITION: u32 = 10;

/// Repetitions that a node has to spare at first, and that it saves up at most: enough for the calls of a worker that is
/// lost (64 unless it says otherwise), and no larger wave when everything fails.
pub const SPARE_MAX: u32 = 100;

/// What a failed call says of a repetition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure {
    /// No worker has seen the call.
    Unseen,
    /// Its worker says that it may be repeated, after this time if it names one.
    Retryable(Option<Duration>),
    /// Its worker is gone: nobody knows what it has done.
    Lost {
        /// Whether the service says that a second call does no harm.
        idempotent: bool,
    },
    /// It would fail again, or is not to be repeated.
    Final,
}

impl Failure {
    /// What the error with which a worker ended a call says.
    pub fn said_by_worker(error: &ErrorBody<'_>, idempotent: bool) -> Self {
        match ErrorCode::from_name(&error.code) {
            // It stops, and so do its handlers, wherever they are.
            Some(ErrorCode::WorkerLost) => Self::Lost { idempotent },
            Some(ErrorCode::Cancelled | ErrorCode::DeadlineExceeded) => Self::Final,
            _ if error.retryable => Self::Retryable(error.retry_after_ms.map(Duration::from_millis)),
            _ => Self::Final,
        }
    }

    /// Whether a call that failed so, before its first event, may be repeated, and how long to wait at least.
    fn permits(self) -> Option<Duration> {
        match self {
            Self::Unseen | Self::Lost { idempotent: true } => Some(Duration::ZERO),
            Self::Retryable(wait) => Some(wait.unwrap_or_default()).filter(|wait| *wait <= WAIT_MAX),
            Self::Lost { idempotent: false } | Self::Final => None,
        }
    }
}

/// What is decided of a call that failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Repetition {
    /// It is made again at this time.
    At(Moment),
    /// It is not made again.
    No,
    /// It would be, but the node has made too many calls again.
    TooMany,
}

/// What decides beside the failure itself.
#[derive(Debug)]
pub struct Circumstances<'a> {
    /// The time.
    pub now: Moment,
    /// A random number from 0 to 1, of which the wait is made.
    pub chance: f64,
    /// What the node has to spare; a repetition is taken from it.
    pub allowance: &'a mut Allowance,
}

/// The calls of one run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Attempts(u32);

impl Attempts {
    /// Of a run that was called so often before.
    pub const fn new(made: u32) -> Self {
        Self(made)
    }

    /// How many there were.
    pub const fn made(self) -> u32 {
        self.0
    }

    /// One more is made.
    pub(crate) const fn call(&mut self) {
        self.0 += 1;
    }

    /// Whether and when a call that failed before its first event is made again.
    pub fn repeat(
        self,
        failure: Failure,
        deadline: Option<Moment>,
        circumstances: &mut Circumstances<'_>,
    ) -> Repetition {
        let Some(at_least) = failure.permits() else { return Repetition::No };
        let at = circumstances.now + self.wait(circumstances.chance).max(at_least);
        let in_time = deadline.is_none_or(|deadline| at < deadline);
        if self.0 >= ATTEMPTS_MAX || !in_time {
            Repetition::No
        } else if circumstances.allowance.spend() {
            Repetition::At(at)
        } else {
            Repetition::TooMany
        }
    }

    /// The wait after so many calls: exponential with full jitter.
    fn wait(self, chance: f64) -> Duration {
        let doubled = self.0.saturating_sub(1).min(16);
        (WAIT_BASE * 2_u32.pow(doubled)).min(WAIT_MAX).mul_f64(chance.clamp(0.0, 1.0))
    }
}

/// What a node has to spare for repetitions, so that a failure of everything is not doubled by them.
#[derive(Debug)]
pub struct Allowance {
    /// In parts of which a repetition costs [`CALLS_PER_REPETITION`].
    parts: u32,
}

impl Default for Allowance {
    fn default() -> Self {
        Self { parts: SPARE_MAX * CALLS_PER_REPETITION }
    }
}

impl Allowance {
    /// A call is made that is no repetition.
    pub fn earn(&mut self) {
        self.parts = (self.parts + 1).min(SPARE_MAX * CALLS_PER_REPETITION);
    }

    /// Takes a repetition, if there is one to spare.
    fn spend(&mut self) -> bool {
        let rest = self.parts.checked_sub(CALLS_PER_REPETITION);
        self.parts = rest.unwrap_or(self.parts);
        rest.is_some()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn failure() -> impl Strategy<Value = Failure> {
        prop_oneof![
            Just(Failure::Unseen),
            prop::option::of(0_u64..4_000).prop_map(|wait| Failure::Retryable(wait.map(Duration::from_millis))),
            any::<bool>().prop_map(|idempotent| Failure::Lost { idempotent }),
            Just(Failure::Final),
        ]
    }

    proptest! {
        #[test]
        fn a_repetition_keeps_every_bound(
            failure in failure(), made in 1_u32..6, now in 0_u64..10_000, left in prop::option::of(0_u64..3_000), chance in 0.0_f64..=1.0,
        ) {
            let now = Moment::from_millis(now);
            let deadline = left.map(|left| now + Moment::from_millis(left));
            let mut allowance = Allowance::default();
            let circumstances = &mut Circumstances { now, chance, allowance: &mut allowance };
            let repetition = Attempts::new(made).repeat(failure, deadline, circumstances);
            let cost = if repetition == Repetition::No { 0 } else { CALLS_PER_REPETITION };
            prop_assert_eq!(allowance.parts, Allowance::default().parts - cost);
            if let Repetition::At(at) = repetition {
                prop_assert!(made < ATTEMPTS_MAX);
                prop_assert!(at >= now && at <= now + WAIT_MAX);
                prop_assert!(deadline.is_none_or(|deadline| at < deadline));
                prop_assert!(failure.permits().is_some());
            }
        }

        #[test]
        fn repetitions_are_a_tenth_of_the_calls(steps in prop::collection::vec(any::<bool>(), 0..3_000)) {
            let (mut allowance, mut calls, mut repetitions) = (Allowance::default(), 0, 0);
            for is_call in steps {
                if is_call {
                    allowance.earn();
                    calls += 1;
                } else if allowance.spend() {
                    repetitions += 1;
                }
                prop_assert!(repetitions <= SPARE_MAX + calls / CALLS_PER_REPETITION);
            }
        }
    }

    #[test]
    fn the_wait_grows_and_is_spread_down_to_nothing() {
        let wait = |made, chance| Attempts::new(made).wait(chance).as_millis();
        assert_eq!([wait(1, 1.0), wait(2, 1.0), wait(3, 1.0), wait(30, 1.0)], [100, 200, 400, 2000]);
        assert_eq!([wait(1, 0.0), wait(1, 0.5), wait(30, 0.5)], [0, 50, 1000]);
    }

    #[test]
    fn a_service_that_wants_a_pause_gets_it_unless_it_is_long() {
        let mut allowance = Allowance::default();
        let mut at = |wait_ms| {
            let mut circumstances = Circumstances { now: Moment::ZERO, chance: 1.0, allowance: &mut allowance };
            let failure = Failure::Retryable(Some(Duration::from_millis(wait_ms)));
            match Attempts::new(1).repeat(failure, None, &mut circumstances) {
                Repetition::At(at) => Some(at.as_millis()),
                Repetition::No | Repetition::TooMany => None,
            }
        };
        assert_eq!([at(10), at(700), at(2_000), at(2_001)], [Some(100), Some(700), Some(2_000), None]);
    }

    #[test]
    fn what_a_worker_says_of_its_error_decides() {
        let error = |code: ErrorCode, retryable| ErrorBody { retryable, retry_after_ms: Some(7), ..code.body() };
        let pause = Failure::Retryable(Some(Duration::from_millis(7)));
        for (code, retryable, expected) in [
            (ErrorCode::NoWorker, true, pause),
            (ErrorCode::NoWorker, false, Failure::Final),
            (ErrorCode::Overloaded, true, pause),
            (ErrorCode::UpstreamError, true, pause),
            (ErrorCode::UpstreamError, false, Failure::Final),
            (ErrorCode::WorkerLost, true, Failure::Lost { idempotent: true }),
            (ErrorCode::Cancelled, true, Failure::Final),
            (ErrorCode::DeadlineExceeded, true, Failure::Final),
        ] {
            assert_eq!(Failure::said_by_worker(&error(code, retryable), true), expected, "{code:?} {retryable}");
        }
    }

    #[test]
    fn what_cannot_be_spared_is_not_repeated() {
        let mut allowance = Allowance { parts: 2 * CALLS_PER_REPETITION - 1 };
        let mut circumstances = Circumstances { now: Moment::ZERO, chance: 0.0, allowance: &mut allowance };
        let mut repeat = || Attempts::new(1).repeat(Failure::Unseen, None, &mut circumstances);
        assert_eq!([repeat(), repeat()], [Repetition::At(Moment::ZERO), Repetition::TooMany]);
    }

    #[test]
    fn a_quiet_time_saves_up_no_wave() {
        let mut allowance = Allowance::default();
        (0..100_000).for_each(|_| allowance.earn());
        let spent = std::iter::from_fn(|| allowance.spend().then_some(())).count();
        assert_eq!(spent, SPARE_MAX as usize);
    }
}
