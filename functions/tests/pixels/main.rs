//! What the pixel work promises, on pictures made here and, where they are, on real ones.

#![allow(clippy::unwrap_used)]

mod allocations;
mod anonymise;
mod bounds;
mod captions;
mod files;
mod formats;
mod heif;
mod hostile;
mod png_colours;
mod real_photos;
mod thumbnails;
mod tolerance;

use functions::picture::{Detail, Limits, Refusal, Upright, decode};

const LIMITS: Limits = Limits {
    max_pixels: 100_000_000,
};

fn decoded(file: &[u8]) -> Upright {
    decode(file, &LIMITS, Detail::Full).unwrap()
}

fn refused(file: &[u8]) -> Refusal {
    decode(file, &LIMITS, Detail::Full).unwrap_err()
}

#[track_caller]
fn assert_close(found: [u8; 3], expected: [u8; 3], tolerance: u8) {
    let near = |(a, b): (&u8, &u8)| a.abs_diff(*b) <= tolerance;
    assert!(
        found.iter().zip(&expected).all(near),
        "{found:?} is not {expected:?}"
    );
}

/// The colour in the middle of each quarter.
fn quarters_of(picture: &Upright) -> [[u8; 3]; 4] {
    let (w, h) = (picture.width, picture.height);
    [(1, 1), (3, 1), (1, 3), (3, 3)].map(|(x, y)| picture.pixel(w * x / 4, h * y / 4))
}

#[track_caller]
fn assert_shows_quarters(picture: &Upright) {
    for (found, expected) in quarters_of(picture)
        .into_iter()
        .zip(functions::testing::QUARTERS)
    {
        assert_close(found, expected, 12);
    }
}
