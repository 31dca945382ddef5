//! Trunkline: bridge.
