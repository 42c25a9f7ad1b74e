//! The driver of AWS Lambda: an invocation is a batch of messages, each of which becomes a delivery
//! of one step, and each verdict becomes an answer to the queue.

mod function;
mod main;
mod setup;

pub use function::{Answer, Function, Repeat};
pub use main::run;
