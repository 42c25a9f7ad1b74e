//! The progress of commands that copy images.

use indicatif::{ProgressBar, ProgressStyle};

pub(super) fn copy_progress() -> ProgressBar {
    let style = ProgressStyle::with_template("{bar:30} {pos}/{len} images, {per_sec}, {eta} left");
    ProgressBar::new(0).with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
}

pub(super) fn show(bar: &ProgressBar, done: u64, all: u64) {
    bar.set_length(all);
    bar.set_position(done);
}
