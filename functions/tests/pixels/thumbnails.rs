//! Thumbnails: their size, what is in the file, and the hash that stands for them.

use functions::picture::{Orientation, inspect};
use functions::steps::thumbnail;
use functions::testing;
use platform::Format;

use crate::{LIMITS, assert_close, assert_shows_quarters, decoded};

#[test]
fn a_thumbnail_fits_its_square_and_keeps_the_proportions() {
    for (width, height, expected) in [
        (900, 600, (400, 267)),
        (600, 900, (267, 400)),
        (3000, 3, (400, 1)),
        (400, 400, (400, 400)),
    ] {
        let thumbnail = thumbnail::make(&testing::photo(1, width, height), 400, &LIMITS).unwrap();
        assert_eq!((thumbnail.width, thumbnail.height), expected);
        let seen = inspect(&thumbnail.jpeg, &LIMITS).unwrap();
        assert_eq!((seen.width, seen.height), expected);
        assert_eq!(seen.format, Format::Jpeg);
    }
}

#[test]
fn a_small_picture_is_not_enlarged() {
    let thumbnail = thumbnail::make(&testing::photo(2, 50, 30), 400, &LIMITS).unwrap();
    assert_eq!((thumbnail.width, thumbnail.height), (50, 30));
}

#[test]
fn a_thumbnail_shows_the_picture_upright_and_carries_no_metadata() {
    let block = testing::exif(
        Orientation::QuarterClockwise,
        Some("2016:04:30 17:05:09"),
        Some("Canon"),
        Some("SECRET"),
    );
    let stored = testing::stored(Orientation::QuarterClockwise);
    for format in [Format::Jpeg, Format::Png, Format::WebP] {
        let file = testing::encoded(format, &stored, Some(block.clone()), None);
        let thumbnail = thumbnail::make(&file, 40, &LIMITS).unwrap();
        assert_shows_quarters(&decoded(&thumbnail.jpeg));
        let seen = inspect(&thumbnail.jpeg, &LIMITS).unwrap();
        assert_eq!((seen.taken_at, seen.camera), (None, None));
        for name in [&b"Exif"[..], b"ICC_PROFILE", b"SECRET"] {
            assert!(!thumbnail.jpeg.windows(name.len()).any(|w| w == name));
        }
    }
}

#[test]
fn transparency_is_white_in_a_thumbnail() {
    let file = testing::translucent(Format::Png, [0, 0, 0, 0], 500, 500);
    let thumbnail = thumbnail::make(&file, 100, &LIMITS).unwrap();
    assert_close(decoded(&thumbnail.jpeg).pixel(50, 50), [255; 3], 1);
}

#[test]
fn a_thumbhash_is_opaque_small_and_has_the_average_colour() {
    let file = testing::translucent(Format::Png, [30, 90, 200, 255], 300, 200);
    let thumbnail = thumbnail::make(&file, 200, &LIMITS).unwrap();
    assert!(thumbnail.thumbhash.len() < 30);
    let (_, _, rgba) = thumbhash::thumb_hash_to_rgba(&thumbnail.thumbhash).unwrap();
    assert_close([rgba[0], rgba[1], rgba[2]], [30, 90, 200], 12);
    assert_eq!(rgba[3], 255);
}

#[test]
fn the_same_bytes_give_the_same_thumbnail() {
    let file = testing::photo(3, 640, 480);
    let make = || thumbnail::make(&file, 200, &LIMITS).unwrap();
    assert_eq!(make(), make());
}
