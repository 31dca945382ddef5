//! Whole scenarios: no promise is broken, every fault is felt, and the checker would have seen it otherwise.

use std::collections::BTreeMap;

use faults::{Fault, Outcome, run};
use simulation::{Property, What, check_untimed};

/// One after the other in each row; both rows at the same time.
const SEEDS: [&[u64]; 2] = [&[1], &[2]];

/// Every kind once, and some twice.
const FAULTS: usize = 16;

/// What all seeds together have to reach, by the checker's names, beside every fault.
const SITUATIONS: [&str; 9] = [
    "new channel",
    "resumed",
    "completed",
    "failed",
    "cancelled",
    "acknowledged again",
    "waiting",
    "answered",
    "heartbeat",
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_promise_is_broken_and_every_fault_is_felt() {
    let rows = SEEDS.map(|seeds| tokio::spawn(play(seeds)));
    let (mut faults, mut situations) = (BTreeMap::<Fault, u64>::new(), BTreeMap::<String, u64>::new());
    for row in rows {
        for (seed, outcome) in row.await.expect("no scenario panicked") {
            let Outcome { violations, kept, .. } = &outcome;
            let count = violations.len();
            assert!(violations.is_empty(), "seed {seed}: {count} times, kept in {kept:?}, {:#?}", violations.first());
            mistakes_would_be_found(&outcome.history);
            add(&mut faults, outcome.faults);
            add(&mut situations, outcome.situations);
        }
    }
    println!("felt {faults:#?}, reached {situations:#?}");
    let never: Vec<_> = Fault::ALL.into_iter().filter(|fault| !faults.contains_key(fault)).collect();
    assert!(never.is_empty(), "never felt: {never:?}");
    let never: Vec<_> = SITUATIONS.into_iter().filter(|name| !situations.contains_key(*name)).collect();
    assert!(never.is_empty(), "never reached: {never:?}");
}

async fn play(seeds: &[u64]) -> Vec<(u64, Outcome)> {
    let mut outcomes = Vec::new();
    for seed in seeds {
        outcomes.push((*seed, run(*seed, FAULTS).await));
    }
    outcomes
}

fn add<Name: Ord>(all: &mut BTreeMap<Name, u64>, some: BTreeMap<Name, u64>) {
    for (name, count) in some {
        *all.entry(name).or_default() += count;
    }
}

/// Changes a good history in ways that break a promise, each of which has to be found.
fn mistakes_would_be_found(history: &[What]) {
    let found = |change: &dyn Fn(&mut Vec<What>), property: Property| {
        let mut changed = history.to_vec();
        change(&mut changed);
        let violations = check_untimed(&changed).violations;
        assert!(violations.iter().any(|violation| violation.property == property), "{property:?} is not missed");
    };
    let acknowledged = history.iter().find_map(|what| match what {
        What::Acknowledged { message, .. } => Some(message.clone()),
        _ => None,
    });
    let acknowledged = acknowledged.expect("something was acknowledged");
    let is_of_session = |what: &What| matches!(what, What::Told { told, .. } if told.channel.starts_with("session:"));
    let last_told = history.iter().rposition(is_of_session).expect("something was told");
    let is_message = |what: &What| matches!(what, What::Stored(told) if told.id.as_ref() == Some(&acknowledged));
    let is_end = |what: &What| matches!(what, What::Stored(told) if told.is_terminal());

    found(&|history| history.retain(|what| !is_message(what)), Property::AcknowledgedIsKept);
    found(&|history| twice(history, is_message), Property::OneEffect);
    found(&|history| twice(history, is_end), Property::OneEnd);
    found(&|history| history.insert(last_told, history[last_told].clone()), Property::InOrderOnce);
    found(&|history| drop(history.remove(last_told)), Property::EverythingArrives);
}

fn twice(history: &mut Vec<What>, which: impl Fn(&What) -> bool) {
    let place = history.iter().position(which).expect("it is there");
    history.insert(place, history[place].clone());
}
