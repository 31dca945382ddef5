//! The real `trunkline` as a process: what it prints, how it exits, and what survives its sudden end.

mod commands;
mod costs;
mod crash;
mod disk;
mod draining;
mod process;
mod serving;
mod stopping;
mod unusable;
