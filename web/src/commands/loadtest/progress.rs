//! How far the run is, on standard error: a bar on a terminal, else a line now and then.

use std::io::IsTerminal as _;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};

use super::plan::Plan;

/// How often a line is written where there is no terminal.
const EVERY: Duration = Duration::from_secs(10);

pub(super) struct Progress {
    /// None where there is no terminal.
    bar: Option<ProgressBar>,
    done: u64,
    failed: u64,
    written: Instant,
}

impl Progress {
    pub(super) fn of(plan: &Plan) -> Self {
        Self {
            bar: std::io::stderr().is_terminal().then(|| bar(plan)),
            done: 0,
            failed: 0,
            written: Instant::now(),
        }
    }

    pub(super) fn add(&mut self, has_failed: bool) {
        self.done += 1;
        self.failed += u64::from(has_failed);
        match &self.bar {
            Some(bar) => {
                if has_failed {
                    bar.set_message(format!("{} failed", self.failed));
                }
                bar.inc(1);
            }
            None if self.written.elapsed() >= EVERY => {
                eprintln!("{} requests, {} failed", self.done, self.failed);
                self.written = Instant::now();
            }
            None => {}
        }
    }

    pub(super) fn finish(self) {
        if let Some(bar) = self.bar {
            bar.finish_and_clear();
        }
    }
}

fn bar(plan: &Plan) -> ProgressBar {
    let (template, bar) = match plan.expected() {
        Some(count) => (
            "{bar:30} {pos}/{len} requests, {per_sec}, {eta} left {msg}",
            ProgressBar::new(count),
        ),
        None => (
            "{spinner} {pos} requests, {per_sec}, {elapsed} {msg}",
            ProgressBar::new_spinner(),
        ),
    };
    let style = ProgressStyle::with_template(template);
    bar.with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
}
