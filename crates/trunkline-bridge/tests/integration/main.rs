//! The bridge against workers that speak real frames over real sockets, and against bytes that no worker sends.

mod corpus;
mod double;
mod faults;
mod harness;
mod python;
mod streams;
mod supervised;
mod taking;
mod zeromq;
