//! What is read from the store and from the outside, whatever it is: the rules hold, and nothing panics.

mod corpus;
mod repeating;
mod telling;
mod texts;
