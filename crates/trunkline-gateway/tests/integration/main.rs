//! A whole gateway on a real port, with clients and workers that speak over real sockets, well and badly.

mod compression;
mod deaths;
mod delivery;
mod dialects;
mod double;
mod envelopes;
mod frames;
mod harness;
mod history;
mod limits;
mod messagepack;
mod packed;
mod peer;
mod reconnect;
mod relay;
mod requests;
mod restarts;
mod sessions;
mod stopping;
mod tokens;
mod transcripts;
mod turns;
mod validation;
mod waiting;
mod wire;
mod workers;
