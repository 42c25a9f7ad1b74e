//! What a run has to keep to. Its exit status says whether it did.

use clap::Args;

use super::report::Report;

#[derive(Debug, Default, Args)]
pub(super) struct Thresholds {
    /// Fail if the median latency is longer.
    #[arg(long, value_name = "MILLISECONDS", value_parser = milliseconds)]
    pub(super) max_p50_ms: Option<f64>,

    /// Fail if one in twenty latencies is longer.
    #[arg(long, value_name = "MILLISECONDS", value_parser = milliseconds)]
    pub(super) max_p95_ms: Option<f64>,

    /// Fail if one in a hundred latencies is longer.
    #[arg(long, value_name = "MILLISECONDS", value_parser = milliseconds)]
    pub(super) max_p99_ms: Option<f64>,

    /// Fail if a larger share of requests failed, from 0 to 1.
    #[arg(long, value_name = "SHARE", value_parser = share)]
    pub(super) max_error_rate: Option<f64>,
}

impl Thresholds {
    /// A sentence for each that was not kept. A run without a single good answer is never good
    /// enough.
    pub(super) fn broken_by(&self, report: &Report) -> Vec<String> {
        let latencies = &report.latency_ms;
        let mut broken: Vec<_> = [
            ("p50", self.max_p50_ms, latencies.p50),
            ("p95", self.max_p95_ms, latencies.p95),
            ("p99", self.max_p99_ms, latencies.p99),
        ]
        .into_iter()
        .filter_map(|(name, limit, found)| {
            let limit = limit.filter(|limit| found > *limit)?;
            Some(format!(
                "{name} is {found:.3} ms, more than --max-{name}-ms {limit}"
            ))
        })
        .collect();
        if let Some(limit) = self.max_error_rate
            && report.error_rate > limit
        {
            broken.push(format!(
                "{:.4} of the requests failed, more than --max-error-rate {limit}",
                report.error_rate
            ));
        }
        if report.failed == report.requests {
            broken.push("no request was answered".to_owned());
        }
        broken
    }
}

fn milliseconds(text: &str) -> Result<f64, String> {
    let millis = text.parse().ok();
    millis
        .filter(|millis: &f64| millis.is_finite() && *millis > 0.0)
        .ok_or_else(|| "not a number of milliseconds; an example is 250".to_owned())
}

fn share(text: &str) -> Result<f64, String> {
    let share = text.parse().ok();
    share
        .filter(|share| (0.0..=1.0).contains(share))
        .ok_or_else(|| "not between 0 and 1; an example is 0.01, one in a hundred".to_owned())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::commands::loadtest::answer::{Answer, Failure};
    use crate::commands::loadtest::totals::Totals;

    /// One request in four fails, and the slowest takes 40 ms.
    fn report() -> Report {
        let mut totals = Totals::new().unwrap();
        for (millis, failure) in [
            (10, None),
            (20, None),
            (30, None),
            (40, Some(Failure::ServerError)),
        ] {
            totals.add(&Answer {
                trace_id: String::new(),
                status: Some(200),
                failure,
                latency: Duration::from_millis(millis),
                bytes: 0,
                instance: None,
            });
        }
        Report::of(&totals)
    }

    #[test]
    fn a_limit_that_is_reached_is_kept_and_one_that_is_passed_is_named() {
        let kept = Thresholds {
            max_p50_ms: Some(21.0),
            max_p95_ms: Some(41.0),
            max_p99_ms: Some(41.0),
            max_error_rate: Some(0.25),
        };
        assert!(kept.broken_by(&report()).is_empty());
        let passed = Thresholds {
            max_p50_ms: Some(19.0),
            max_p95_ms: Some(39.0),
            max_p99_ms: Some(39.0),
            max_error_rate: Some(0.24),
        };
        let broken = passed.broken_by(&report());
        assert_eq!(broken.len(), 4);
        for (sentence, option) in broken.iter().zip([
            "--max-p50-ms 19",
            "--max-p95-ms 39",
            "--max-p99-ms 39",
            "--max-error-rate 0.24",
        ]) {
            assert!(sentence.ends_with(option), "{sentence}");
        }
    }

    #[test]
    fn without_a_single_answer_the_run_failed() {
        let nothing = Report::of(&Totals::new().unwrap());
        let broken = Thresholds::default().broken_by(&nothing);
        assert_eq!(broken, ["no request was answered"]);
        assert!(Thresholds::default().broken_by(&report()).is_empty());
    }

    #[test]
    fn limits_without_sense_are_refused() {
        for text in ["", "0", "-1", "NaN", "inf"] {
            assert!(milliseconds(text).is_err(), "{text}");
        }
        for text in ["", "-0.1", "1.1", "NaN", "5%"] {
            assert!(share(text).is_err(), "{text}");
        }
        assert_eq!(share("0"), Ok(0.0));
    }
}
