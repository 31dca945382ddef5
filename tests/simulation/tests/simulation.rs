//! Seeds of the simulation: no promise is broken, every fault and situation is reached, and planted mistakes are found.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use simulation::{Outcome, Property, Sabotage, all_situations, simulate};

/// How long each seed's world goes on, on its own clock.
const DURATION: Duration = Duration::from_mins(10);

const SEEDS: u64 = 24;

/// Threads that run worlds, each its own.
const THREADS: usize = 2;

/// Runs all seeds.
fn outcomes() -> Vec<(u64, Outcome)> {
    let (next, outcomes) = (AtomicU64::new(1), Mutex::new(Vec::new()));
    std::thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed > SEEDS {
                        return;
                    }
                    let outcome = simulate(seed, DURATION, None);
                    outcomes.lock().expect("no world panicked").push((seed, outcome));
                }
            });
        }
    });
    outcomes.into_inner().expect("no world panicked")
}

#[test]
fn no_promise_is_broken_and_everything_is_reached() {
    let mut reached = BTreeMap::<String, u64>::new();
    for (seed, Outcome { findings, .. }) in outcomes() {
        let violations = &findings.violations;
        assert!(violations.is_empty(), "seed {seed}: {} times, {:#?}", violations.len(), violations.first());
        for (situation, count) in findings.reached {
            *reached.entry(situation).or_default() += count;
        }
    }
    println!("{SEEDS} seeds of {DURATION:?} reached {reached:#?}");
    let never: Vec<_> = all_situations().filter(|name| !reached.contains_key(name)).collect();
    assert!(never.is_empty(), "never reached: {never:?}");
}

#[test]
fn a_seed_gives_the_same_history_again() {
    let [one, other] = [(); 2].map(|()| simulate(7, DURATION, None));
    assert!(one.lives > 3, "the gateway dies often enough for this to say something");
    assert_eq!((one.digest, one.lives), (other.digest, other.lives));
}

#[test]
fn planted_mistakes_are_found() {
    for sabotage in Sabotage::ALL {
        let property = match sabotage {
            Sabotage::LostAcknowledgement | Sabotage::LostPublication => Property::AcknowledgedIsKept,
            Sabotage::ForgottenRepetition => Property::OneEffect,
            Sabotage::SkippedRecord
            | Sabotage::DoubleDelivery
            | Sabotage::SkippedPublication
            | Sabotage::SkippedDevice
            | Sabotage::TakenForOwn => Property::InOrderOnce,
            Sabotage::MistakenIdentity => Property::OnlyTheirs,
            Sabotage::ShortAnswer => Property::WholeAnswer,
            Sabotage::ForgottenRenewal => Property::KeptForItsTime,
            Sabotage::Fork => Property::OneLog,
            Sabotage::StaleResume => Property::HonestResume,
            Sabotage::TwoEnds | Sabotage::NoEnd => Property::OneEnd,
            Sabotage::ReorderedText => Property::WorkersWords,
            Sabotage::LostApproval => Property::OneAnswer,
            Sabotage::PublishedTwice => Property::PublishedOnce,
            Sabotage::PresenceGhost => Property::PresenceAgrees,
            Sabotage::ForgetfulWorker => Property::EndHasACause,
            Sabotage::KeptChannel => Property::NothingRemains,
            Sabotage::JumpedQueue => Property::OneAtATime,
        };
        let finds = |seed| {
            let violations = simulate(seed, DURATION / 2, Some(sabotage)).findings.violations;
            violations.iter().any(|violation| violation.property == property)
        };
        assert!((1..=SEEDS).any(finds), "{sabotage:?} is not found by {property:?}");
    }
}
