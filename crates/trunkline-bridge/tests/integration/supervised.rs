//! supervised
