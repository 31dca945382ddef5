//! Trunkline: protocol.
