//! The driver of one machine: workers that lease jobs from a table. Its sweeper repairs what a crash
//! left half done, on AWS as well.

mod adoption;
mod sweeper;
mod worker;

pub use adoption::{Adoption, AdoptionError};
pub use sweeper::{STUCK_AFTER, Swept, put_right, sweep};
pub use worker::{drain, run};
