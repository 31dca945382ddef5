//! The catalogue against the contract: the golden vectors, and another reading of the same schema.

mod agreement;
mod envelope;
mod faults;
mod oracle;
mod types;
mod vectors;
