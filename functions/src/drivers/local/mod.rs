//! The driver of one machine: workers that lease jobs from a table, and a sweeper that puts
//! right what a crash left half done.

mod sweeper;
mod worker;

pub use sweeper::{Swept, sweep};
pub use worker::{drain, run};
