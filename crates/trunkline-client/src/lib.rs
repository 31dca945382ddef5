//! Trunkline: client.
