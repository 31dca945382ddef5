//! The `trunkline` command.
//!
//! Each subcommand is a module that turns its arguments into an exit code: 0 for success, 1 for a failure at run time,
//! 2 for arguments or a configuration that cannot be used, 3 where a run asks and nobody is there to answer, 130 after
//! Ctrl-C.

#![forbid(unsafe_code)]

mod answer;
mod check;
mod conversation;
mod following;
mod interrupt;
mod question;
mod send;
mod serve;
mod tail;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Idle connections cost little because freed memory goes back to the system.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

/// One WebSocket gateway for applications that talk to AI agents.
#[derive(Parser)]
#[command(version, about)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Start a gateway
    Serve(serve::Arguments),
    /// Say everything that is wrong with a configuration, without starting anything
    Check(check::Arguments),
    /// Send one message to a service and print what comes back
    ///
    /// What the run asks is asked at the terminal. Without one, or with --json, the question is told with the `trunkline
    /// answer` that answers it, and the exit code is 3: the run goes on waiting.
    ///
    /// Ctrl-C asks the run to stop, and a second one leaves at once: exit code 130. A run that completed is 0, one that failed, expired or was
    /// cancelled by somebody else is 1.
    Send(send::Arguments),
    /// Answer a question of a run and print what comes of it
    ///
    /// The exit codes are those of `send`. Ctrl-C leaves, and the run goes on.
    Answer(answer::Arguments),
    /// Print every message of a session as it comes
    Tail(tail::Arguments),
}

fn main() -> ExitCode {
    match Arguments::parse().command {
        Command::Serve(arguments) => serve::run(&arguments),
        Command::Check(arguments) => check::run(&arguments),
        Command::Send(arguments) => send::run(arguments),
        Command::Answer(arguments) => answer::run(arguments),
        Command::Tail(arguments) => tail::run(arguments),
    }
}
