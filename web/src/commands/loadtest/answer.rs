//! What became of one request.

use std::time::Duration;

/// The kinds of failure that are counted apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Failure {
    /// No connection was made.
    Connect,
    /// No answer in time.
    Timeout,
    /// The connection broke.
    Broken,
    /// It could not be sent before the end of the run, because all connections were busy.
    NotSent,
    /// 4xx.
    Refused,
    /// 5xx.
    ServerError,
}

impl Failure {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Connect => "connect",
            Self::Timeout => "timeout",
            Self::Broken => "broken",
            Self::NotSent => "not_sent",
            Self::Refused => "4xx",
            Self::ServerError => "5xx",
        }
    }

    /// What a status means. Redirects count as answers and are not followed: they may lead to
    /// another host.
    pub(super) fn of_status(status: u16) -> Option<Self> {
        match status {
            400..=499 => Some(Self::Refused),
            500.. => Some(Self::ServerError),
            _ => None,
        }
    }
}

#[derive(Clone, Debug)]
pub(super) struct Answer {
    pub(super) trace_id: String,
    /// None without an answer.
    pub(super) status: Option<u16>,
    pub(super) failure: Option<Failure>,
    /// From the planned start to the last byte, or to the failure.
    pub(super) latency: Duration,
    /// Of the body.
    pub(super) bytes: u64,
    /// Who answered, if the answer says so.
    pub(super) instance: Option<String>,
}
