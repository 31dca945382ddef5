//! Trunkline: broker.
