//! When each request is to start. With a rate, that does not depend on earlier answers: a server
//! that stalls delays nothing but the measured latencies (no coordinated omission).

use std::time::Duration;

/// Requests per second at most.
const LARGEST_RATE: f64 = 1_000_000.0;

/// Seconds at most: a day.
const LARGEST_DURATION: f64 = 86_400.0;

#[derive(Clone, Debug, PartialEq)]
pub(super) struct Plan {
    pub(super) count: u64,
    pub(super) duration: Option<Duration>,
    /// Requests per second; without one, each connection sends as soon as it has its answer.
    pub(super) rate: Option<f64>,
    pub(super) concurrency: usize,
}

impl Plan {
    /// When a request is to start, from the beginning; `now` if there is no rate. None if the run
    /// is over by then. Numbers begin at 1.
    pub(super) fn start_of(&self, number: u64, now: Duration) -> Option<Duration> {
        if number > self.count {
            return None;
        }
        let start = match self.rate {
            Some(rate) => Duration::from_secs_f64((number - 1) as f64 / rate),
            None => now,
        };
        let is_over = self.duration.is_some_and(|duration| start >= duration);
        (!is_over).then_some(start)
    }

    /// How many requests there will be, if that is known before.
    pub(super) fn expected(&self) -> Option<u64> {
        let Some(duration) = self.duration else {
            return Some(self.count);
        };
        let planned = (duration.as_secs_f64() * self.rate?).ceil() as u64;
        Some(self.count.min(planned))
    }
}

/// Reads a number of seconds.
pub(super) fn seconds(text: &str) -> Result<Duration, String> {
    number(text, 0.001, LARGEST_DURATION)
        .map(Duration::from_secs_f64)
        .ok_or_else(|| {
            format!("not between 0.001 and {LARGEST_DURATION} seconds; an example is 30")
        })
}

/// Reads a rate.
pub(super) fn rate(text: &str) -> Result<f64, String> {
    number(text, 0.001, LARGEST_RATE).ok_or_else(|| {
        format!("not between 0.001 and {LARGEST_RATE} requests per second; an example is 50")
    })
}

fn number(text: &str, low: f64, high: f64) -> Option<f64> {
    let number = text.parse().ok()?;
    (low..=high).contains(&number).then_some(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    const AT_ONCE: Plan = Plan {
        count: u64::MAX,
        duration: None,
        rate: None,
        concurrency: 1,
    };

    fn millis(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    #[test]
    fn with_a_rate_starts_are_spaced_evenly_whatever_the_time_is() {
        let plan = Plan {
            rate: Some(50.0),
            duration: Some(millis(100)),
            ..AT_ONCE
        };
        let late = millis(90_000);
        let starts = [1, 2, 5, 6].map(|number| plan.start_of(number, late));
        assert_eq!(
            starts,
            [Some(millis(0)), Some(millis(20)), Some(millis(80)), None]
        );
        assert_eq!(plan.expected(), Some(5));
    }

    #[test]
    fn without_a_rate_requests_start_at_once_until_the_end() {
        let plan = Plan {
            duration: Some(millis(100)),
            ..AT_ONCE
        };
        assert_eq!(plan.start_of(7, millis(99)), Some(millis(99)));
        assert_eq!(plan.start_of(7, millis(100)), None);
        assert_eq!(plan.expected(), None);
    }

    #[test]
    fn a_count_ends_the_run_as_well() {
        let plan = Plan {
            count: 3,
            ..AT_ONCE
        };
        assert!(plan.start_of(3, millis(1)).is_some());
        assert_eq!(plan.start_of(4, millis(1)), None);
        assert_eq!(plan.expected(), Some(3));
        let whichever_is_first = Plan {
            count: 3,
            rate: Some(1.0),
            duration: Some(millis(60_000)),
            ..AT_ONCE
        };
        assert_eq!(whichever_is_first.expected(), Some(3));
    }

    #[test]
    fn numbers_without_sense_are_refused_with_an_example() {
        for text in ["", "0", "-1", "NaN", "inf", "soon", "1e9"] {
            assert!(seconds(text).unwrap_err().contains("example"), "{text}");
            assert!(rate(text).unwrap_err().contains("example"), "{text}");
        }
        assert_eq!(seconds("1.5"), Ok(millis(1500)));
        assert_eq!(rate("0.5"), Ok(0.5));
    }
}
