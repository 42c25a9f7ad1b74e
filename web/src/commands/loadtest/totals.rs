//! What all requests together came to.

use std::collections::BTreeMap;
use std::time::Duration;

use hdrhistogram::Histogram;

use super::answer::{Answer, Failure};

/// The longest latency that is told apart, in microseconds: a day, as long as a run.
const LONGEST: u64 = 86_400_000_000;

/// Digits of a latency that count.
const DIGITS: u8 = 3;

pub(super) struct Totals {
    /// In microseconds, of failures too: a timeout left out would make the server look fast.
    pub(super) latencies: Histogram<u64>,
    pub(super) failures: BTreeMap<Failure, u64>,
    pub(super) statuses: BTreeMap<u16, u64>,
    pub(super) instances: BTreeMap<String, Share>,
    pub(super) bytes: u64,
    pub(super) elapsed: Duration,
    pub(super) was_interrupted: bool,
}

/// The requests that one instance answered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Share {
    pub(super) requests: u64,
    pub(super) latency: Duration,
}

impl Totals {
    pub(super) fn new() -> anyhow::Result<Self> {
        Ok(Self {
            latencies: Histogram::new_with_bounds(1, LONGEST, DIGITS)?,
            failures: BTreeMap::new(),
            statuses: BTreeMap::new(),
            instances: BTreeMap::new(),
            bytes: 0,
            elapsed: Duration::ZERO,
            was_interrupted: false,
        })
    }

    pub(super) fn add(&mut self, answer: &Answer) {
        self.latencies.saturating_record(micros(answer.latency));
        self.bytes += answer.bytes;
        if let Some(status) = answer.status {
            *self.statuses.entry(status).or_default() += 1;
        }
        if let Some(failure) = answer.failure {
            *self.failures.entry(failure).or_default() += 1;
        }
        if let Some(instance) = &answer.instance {
            let share = self.instances.entry(instance.clone()).or_default();
            share.requests += 1;
            share.latency += answer.latency;
        }
    }

    pub(super) fn requests(&self) -> u64 {
        self.latencies.len()
    }

    pub(super) fn failed(&self) -> u64 {
        self.failures.values().sum()
    }
}

fn micros(latency: Duration) -> u64 {
    u64::try_from(latency.as_micros())
        .unwrap_or(u64::MAX)
        .max(1)
}
