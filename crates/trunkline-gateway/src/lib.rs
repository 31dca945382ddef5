//! Trunkline: gateway.
