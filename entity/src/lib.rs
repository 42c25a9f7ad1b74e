//! The rows: one file per table, each with its queries.
//!
//! Instants are in UTC and whole microseconds, which is the precision of all three databases. Make
//! them with [`now`].

pub mod api_token;
pub mod call;
pub mod caption;
pub mod change;
pub mod change_commit_lock;
pub mod desk;
pub mod embedded;
pub mod image;
pub mod image_box;
pub mod job;
mod keyset;
pub mod lease;
pub mod message;
pub mod outbox;
pub mod provider;
pub mod publication_record;
pub mod removal_request;
pub mod search;
pub mod session;
pub mod step;
pub mod step_kind;

use chrono::{DateTime, SubsecRound as _, Utc};

/// The current time in whole microseconds.
pub fn now() -> DateTime<Utc> {
    Utc::now().trunc_subsecs(6)
}
