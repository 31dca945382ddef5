//! The product as processes, with a network and moments that nobody would choose.

mod scenarios;
mod slow;
