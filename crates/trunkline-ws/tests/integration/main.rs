//! Tests of the public interface, by concern. Names that begin with `row_` are those of the project's table of bad
//! input.

mod closing;
mod compressing;
mod decoding;
mod driving;
mod inflating;
mod interoperating;
mod peers;
mod reference;
mod splitting;
mod upgrading;
mod upgrading_corpus;
mod wire;
