//! Trunkline: ws.
