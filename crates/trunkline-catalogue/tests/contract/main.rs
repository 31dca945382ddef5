//! The catalogue against the contract: the golden vectors, and another reading of the same schema.

mod agreement;
mod corpus;
mod envelope;
mod faults;
mod judging;
mod oracle;
#[expect(dead_code, reason = "the envelope's tests use the rest")]
#[path = "../../../trunkline-protocol/tests/contract/respelling.rs"]
mod respelling;
mod types;
mod vectors;
