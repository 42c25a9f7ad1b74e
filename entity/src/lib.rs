//! The rows: one file per table, each with the finders that belong to it.
//!
//! Instants are UTC and hold whole microseconds, because that is what all three databases
//! keep; make them with [`now`].

pub mod api_token;
pub mod call;
pub mod caption;
pub mod change;
pub mod change_commit_lock;
pub mod image;
pub mod job;
pub mod message;
pub mod provider;
pub mod search;
pub mod session;
pub mod step;
pub mod step_kind;

use chrono::{DateTime, SubsecRound as _, Utc};

/// The present, in the precision that every database keeps (microseconds).
pub fn now() -> DateTime<Utc> {
    Utc::now().trunc_subsecs(6)
}
