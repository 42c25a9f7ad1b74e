//! The report at the end of a run, for people and as JSON.

use std::collections::BTreeMap;
use std::fmt;

use serde::Serialize;

use super::totals::Totals;

#[derive(Debug, Serialize)]
pub(super) struct Report {
    pub(super) requests: u64,
    pub(super) failed: u64,
    /// Of all requests, from 0 to 1.
    pub(super) error_rate: f64,
    pub(super) seconds: f64,
    pub(super) requests_per_second: f64,
    pub(super) bytes: u64,
    pub(super) latency_ms: Latencies,
    pub(super) errors: BTreeMap<&'static str, u64>,
    pub(super) statuses: BTreeMap<u16, u64>,
    pub(super) instances: BTreeMap<String, Instance>,
    pub(super) interrupted: bool,
}

/// In milliseconds, failures included.
#[derive(Debug, Serialize)]
pub(super) struct Latencies {
    pub(super) mean: f64,
    pub(super) p50: f64,
    pub(super) p90: f64,
    pub(super) p95: f64,
    pub(super) p99: f64,
    pub(super) p999: f64,
    pub(super) max: f64,
}

#[derive(Debug, Serialize)]
pub(super) struct Instance {
    pub(super) requests: u64,
    /// Of the answers that name an instance, from 0 to 1.
    pub(super) share: f64,
    pub(super) mean_ms: f64,
}

impl Report {
    pub(super) fn of(totals: &Totals) -> Self {
        let (requests, failed) = (totals.requests(), totals.failed());
        let seconds = totals.elapsed.as_secs_f64();
        let named: u64 = totals.instances.values().map(|share| share.requests).sum();
        let instances = totals.instances.iter().map(|(name, share)| {
            let instance = Instance {
                requests: share.requests,
                share: ratio(share.requests, named),
                mean_ms: share.latency.as_secs_f64() * 1000.0 / share.requests as f64,
            };
            (name.clone(), instance)
        });
        let answered = requests - failed;
        Self {
            requests,
            failed,
            error_rate: ratio(failed, requests),
            seconds,
            requests_per_second: if seconds > 0.0 {
                answered as f64 / seconds
            } else {
                0.0
            },
            bytes: totals.bytes,
            latency_ms: Latencies::of(totals),
            errors: totals
                .failures
                .iter()
                .map(|(failure, count)| (failure.name(), *count))
                .collect(),
            statuses: totals.statuses.clone(),
            instances: instances.collect(),
            interrupted: totals.was_interrupted,
        }
    }
}

impl Latencies {
    fn of(totals: &Totals) -> Self {
        let all = &totals.latencies;
        let at = |quantile| all.value_at_quantile(quantile) as f64 / 1000.0;
        Self {
            mean: all.mean() / 1000.0,
            p50: at(0.5),
            p90: at(0.9),
            p95: at(0.95),
            p99: at(0.99),
            p999: at(0.999),
            max: all.max() as f64 / 1000.0,
        }
    }
}

fn ratio(part: u64, whole: u64) -> f64 {
    if whole == 0 {
        return 0.0;
    }
    part as f64 / whole as f64
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Latencies {
            mean,
            p50,
            p90,
            p95,
            p99,
            p999,
            max,
        } = self.latency_ms;
        writeln!(
            f,
            "{} requests in {:.2} s, {} failed ({:.2} %); {:.1} answers per second, {} bytes",
            self.requests,
            self.seconds,
            self.failed,
            self.error_rate * 100.0,
            self.requests_per_second,
            self.bytes
        )?;
        writeln!(
            f,
            "latency in ms: mean {mean:.2}, p50 {p50:.2}, p90 {p90:.2}, p95 {p95:.2}, \
             p99 {p99:.2}, p99.9 {p999:.2}, max {max:.2}"
        )?;
        for (status, count) in &self.statuses {
            writeln!(f, "status {status}: {count}")?;
        }
        for (kind, count) in &self.errors {
            writeln!(f, "error {kind}: {count}")?;
        }
        for (name, instance) in &self.instances {
            writeln!(
                f,
                "instance {}: {} requests ({:.1} %), mean {:.2} ms",
                // The name comes from the other side.
                name.replace(char::is_control, " "),
                instance.requests,
                instance.share * 100.0,
                instance.mean_ms
            )?;
        }
        if self.interrupted {
            writeln!(f, "The run was interrupted.")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::commands::loadtest::answer::{Answer, Failure};

    fn answer(millis: u64, instance: &str) -> Answer {
        Answer {
            trace_id: "cafe".to_owned(),
            status: Some(200),
            failure: None,
            latency: Duration::from_millis(millis),
            bytes: 10,
            instance: Some(instance.to_owned()),
        }
    }

    fn failed(failure: Failure, status: Option<u16>, millis: u64) -> Answer {
        Answer {
            status,
            failure: Some(failure),
            instance: None,
            ..answer(millis, "")
        }
    }

    fn report(answers: &[Answer]) -> Report {
        let mut totals = Totals::new().unwrap();
        for answer in answers {
            totals.add(answer);
        }
        totals.elapsed = Duration::from_secs(2);
        Report::of(&totals)
    }

    #[test]
    fn answers_are_counted_by_instance() {
        let report = report(&[answer(10, "a"), answer(20, "b"), answer(30, "a")]);
        let a = &report.instances["a"];
        assert_eq!((a.requests, a.mean_ms), (2, 20.0));
        assert!((a.share - 2.0 / 3.0).abs() < 1e-9);
        assert_eq!(report.instances["b"].requests, 1);
        assert_eq!(report.bytes, 30);
        assert_eq!(report.requests_per_second, 1.5);
        let text = report.to_string();
        assert!(
            text.contains("instance a: 2 requests (66.7 %), mean 20.00 ms"),
            "{text}"
        );
    }

    #[test]
    fn failures_count_by_kind_and_in_the_latencies() {
        let mut answers: Vec<_> = (1..=98).map(|_| answer(1, "a")).collect();
        answers.push(failed(Failure::Timeout, None, 30_000));
        answers.push(failed(Failure::ServerError, Some(503), 1));
        let report = report(&answers);
        assert_eq!((report.requests, report.failed), (100, 2));
        assert_eq!(report.error_rate, 0.02);
        assert_eq!(report.errors, BTreeMap::from([("timeout", 1), ("5xx", 1)]));
        assert_eq!(report.statuses, BTreeMap::from([(200, 98), (503, 1)]));
        assert!(report.latency_ms.p99 < 2.0);
        assert!((report.latency_ms.max - 30_000.0).abs() < 30.0);
    }

    #[test]
    fn a_run_without_requests_has_a_report() {
        let report = report(&[]);
        assert_eq!((report.requests, report.error_rate), (0, 0.0));
        serde_json::to_string(&report).unwrap();
    }
}
