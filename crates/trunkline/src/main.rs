//! The `trunkline` command.
//!
//! Each subcommand is a module that turns its arguments into an exit code: 0 for success,
//! 1 for a failure at run time, 2 for arguments or a configuration that cannot be used.

#![forbid(unsafe_code)]

mod check;
mod conversation;
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
    Send(send::Arguments),
    /// Print every message of a session as it comes
    Tail(tail::Arguments),
}

fn main() -> ExitCode {
    match Arguments::parse().command {
        Command::Serve(arguments) => serve::run(&arguments),
        Command::Check(arguments) => check::run(&arguments),
        Command::Send(arguments) => send::run(arguments),
        Command::Tail(arguments) => tail::run(arguments),
    }
}
