//! Trunkline: core.
