//! Plays scenario after scenario for a given time, two at once, and prints the seeds that broke a promise.
//!
//! `soak-processes [MINUTES] [FIRST SEED]`

use std::collections::BTreeMap;
use std::process::ExitCode;
use std::time::Duration;

use faults::{Fault, Outcome, run};
use tokio::task::JoinSet;
use tokio::time::Instant;

/// What goes wrong in each scenario.
const FAULTS: usize = 52;

/// Scenarios at once: most of the time they wait.
const AT_ONCE: usize = 2;

#[derive(Default)]
struct Results {
    faults: BTreeMap<Fault, u64>,
    situations: BTreeMap<String, u64>,
    failed: Vec<u64>,
}

impl Results {
    fn take(&mut self, seed: u64, outcome: Outcome) {
        for (fault, count) in outcome.faults {
            *self.faults.entry(fault).or_default() += count;
        }
        for (situation, count) in outcome.situations {
            *self.situations.entry(situation).or_default() += count;
        }
        if let Some(violation) = outcome.violations.first() {
            eprintln!("seed {seed}: {} violations, the first: {violation:?}", outcome.violations.len());
            eprintln!("  the whole history is in {}", outcome.kept.unwrap_or_default().display());
            self.failed.push(seed);
        }
    }
}

#[tokio::main]
async fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let minutes = arguments.next().map_or(Ok(10.0), |minutes| minutes.parse::<f64>());
    let first = arguments.next().map_or(Ok(1), |first| first.parse::<u64>());
    let (Ok(minutes @ 0.0..), Ok(first)) = (minutes, first) else {
        eprintln!("soak-processes [MINUTES] [FIRST SEED]: numbers");
        return ExitCode::from(2);
    };
    let until = Instant::now() + Duration::from_secs_f64(60.0 * minutes);
    let (mut results, mut playing, mut next) = (Results::default(), JoinSet::new(), first);
    loop {
        while playing.len() < AT_ONCE && Instant::now() < until {
            let seed = next;
            playing.spawn(async move { (seed, run(seed, FAULTS).await) });
            next += 1;
        }
        match playing.join_next().await {
            Some(Ok((seed, outcome))) => results.take(seed, outcome),
            Some(Err(panicked)) => {
                eprintln!("a scenario could not go on: {panicked}");
                return ExitCode::FAILURE;
            }
            None => break,
        }
    }
    report(&results, first, next - 1)
}

fn report(results: &Results, first: u64, last: u64) -> ExitCode {
    println!("scenarios {first} to {last} of {FAULTS} faults each, with real processes");
    for fault in Fault::ALL {
        println!("{:>9}  {fault:?}", results.faults.get(&fault).copied().unwrap_or_default());
    }
    for (situation, count) in &results.situations {
        println!("{count:>9}  {situation}");
    }
    if results.failed.is_empty() {
        println!("no promise was broken");
        return ExitCode::SUCCESS;
    }
    let failed = &results.failed;
    println!(
        "broken promises in scenarios {failed:?}; `soak-processes 1 SEED` plays the same faults, not at the same moments"
    );
    ExitCode::FAILURE
}
