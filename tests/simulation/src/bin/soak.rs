//! Runs seed after seed for a given time, and prints those that broke a promise.
//!
//! `soak [MINUTES] [FIRST SEED]`

use std::collections::{BTreeMap, BTreeSet};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use simulation::{all_situations, simulate};

/// How long each seed's world goes on, on its own clock.
const DURATION: Duration = Duration::from_mins(30);

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let minutes = arguments.next().map_or(Ok(10.0), |minutes| minutes.parse::<f64>());
    let first = arguments.next().map_or(Ok(1), |first| first.parse::<u64>());
    let (Ok(minutes @ 0.0..), Ok(first)) = (minutes, first) else {
        eprintln!("soak [MINUTES] [FIRST SEED]: numbers");
        return ExitCode::from(2);
    };
    let until = Instant::now() + Duration::from_secs_f64(60.0 * minutes);
    let mut reached = BTreeMap::<String, u64>::new();
    let mut failed = Vec::new();
    let mut seed = first;
    while Instant::now() < until {
        let outcome = simulate(seed, DURATION, None);
        let violations = outcome.findings.violations;
        if !violations.is_empty() {
            eprintln!("seed {seed}: {} violations, the first of each property:", violations.len());
            let mut properties = BTreeSet::new();
            for violation in violations.iter().filter(|violation| properties.insert(violation.property)) {
                eprintln!("  {violation:?}");
            }
            failed.push(seed);
        }
        for (situation, count) in outcome.findings.reached {
            *reached.entry(situation).or_default() += count;
        }
        seed += 1;
    }
    println!("seeds {first} to {}, {DURATION:?} each on their own clocks", seed - 1);
    for situation in all_situations() {
        println!("{:>9}  {situation}", reached.get(&situation).copied().unwrap_or_default());
    }
    if failed.is_empty() {
        println!("no promise was broken");
        return ExitCode::SUCCESS;
    }
    println!("broken promises in seeds {failed:?}; `soak 1 SEED` begins with that one, and gives the same history");
    ExitCode::FAILURE
}
