//! The bridge against workers that speak real frames over real sockets.

mod double;
mod faults;
mod harness;
mod python;
mod streams;
mod supervised;
mod zeromq;
