//! One step of one image, on rows and objects: [`run_step`] takes a delivery, [`step_body`] loads,
//! works and stores, and [`outcomes`] says what happens next.

pub(crate) mod adopt;
pub mod boxes;
pub mod captions;
pub mod context;
pub mod copy_words;
pub mod dispatch;
pub mod job_queue;
pub mod lifecycle;
mod original_key;
pub mod outbox;
pub mod outcomes;
pub(crate) mod panics;
pub mod pixel_workers;
pub mod provider_budget;
pub mod release;
pub mod run_step;
pub mod setup;
pub mod sqs;
mod step_body;
pub mod trash;
