//! Tests of the public interface, by concern. Names that begin with `row_` are those of the project's table of bad
//! input.

mod closing;
mod decoding;
mod driving;
mod peers;
mod splitting;
mod wire;
