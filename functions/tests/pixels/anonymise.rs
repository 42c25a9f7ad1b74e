//! The mosaic leaves nothing but averages, everywhere it should and nowhere else.

use std::collections::HashSet;

use functions::faces::{Certainty, DetectError, Face, FaceDetector};
use functions::picture::{Orientation, Upright, inspect};
use functions::steps::anonymise::{self, redact};
use functions::testing;
use platform::Format;

use crate::{LIMITS, assert_shows_quarters, decoded};

/// A detector that knows where the faces are.
struct Told(Vec<Face>);

impl FaceDetector for Told {
    fn name(&self) -> &str {
        "told"
    }

    fn detect(&self, _: &Upright) -> Result<Vec<Face>, DetectError> {
        Ok(self.0.clone())
    }
}

fn face(x: i32, y: i32, width: u32, height: u32) -> Face {
    Face {
        x,
        y,
        width,
        height,
        score: 1.0,
        certainty: Certainty::Sure,
    }
}

fn colours(picture: &Upright, xs: std::ops::Range<u32>, ys: std::ops::Range<u32>) -> usize {
    let mut seen = HashSet::new();
    for y in ys {
        for x in xs.clone() {
            seen.insert(picture.pixel(x, y));
        }
    }
    seen.len()
}

#[test]
fn a_face_and_a_sixth_of_it_all_around_become_four_cells_a_side() {
    let before = testing::picture(1, 300, 200);
    let mut after = before.clone();
    redact(&mut after, &[face(100, 50, 60, 60)]);
    // 60 pixels grow by 10 on every side, and 80 are cut into four.
    let edge = |n: u32| 80 * n / 4;
    for row in 0..4 {
        for column in 0..4 {
            let xs = 90 + edge(column)..90 + edge(column + 1);
            let ys = 40 + edge(row)..40 + edge(row + 1);
            assert_eq!(colours(&after, xs, ys), 1);
        }
    }
    for y in 0..200 {
        for x in 0..300 {
            if !((90..170).contains(&x) && (40..120).contains(&y)) {
                assert_eq!(after.pixel(x, y), before.pixel(x, y), "{x}, {y}");
            }
        }
    }
}

#[test]
fn two_pictures_with_the_same_averages_cannot_be_told_apart() {
    let mut one = testing::picture(2, 120, 120);
    let mut other = one.clone();
    // Within a cell, the pixels change places: the averages stay.
    let cell = (60 + 20) / 4;
    let stride = 120 * 3;
    let (a, b) = ((30 * stride + 25 * 3), (31 * stride + 26 * 3));
    assert!(cell > 2);
    for channel in 0..3 {
        other.rgb_mut().swap(a + channel, b + channel);
    }
    assert_ne!(one, other);
    let faces = [face(30, 30, 60, 60)];
    redact(&mut one, &faces);
    redact(&mut other, &faces);
    assert_eq!(one, other);
}

#[test]
fn overlapping_faces_leave_no_seam() {
    let before = testing::picture(3, 300, 200);
    let mut after = before.clone();
    redact(
        &mut after,
        &[
            face(60, 60, 60, 60),
            face(90, 80, 60, 60),
            face(61, 61, 60, 60),
        ],
    );
    for (xs, ys) in [(50..130, 50..130), (80..160, 70..150)] {
        for y in ys {
            // Nowhere do two neighbours in a row of ten all differ, as in a photo they do.
            for x in xs.clone().step_by(10) {
                let run: HashSet<_> = (x..x + 10).map(|x| after.pixel(x, y)).collect();
                assert!(run.len() <= 5, "{x}, {y}: {}", run.len());
            }
        }
    }
}

#[test]
fn faces_at_the_edges_are_covered_to_the_edge() {
    let mut picture = testing::picture(4, 100, 80);
    redact(&mut picture, &[face(0, 0, 40, 40), face(70, 50, 30, 30)]);
    assert!(colours(&picture, 0..46, 0..46) <= 36);
    assert!(colours(&picture, 65..100, 45..80) <= 36);
}

#[test]
fn a_tiny_face_does_not_keep_its_pixels() {
    let mut picture = testing::picture(5, 60, 60);
    redact(&mut picture, &[face(20, 20, 9, 9)]);
    assert!(colours(&picture, 18..31, 18..31) <= 9);
    redact(&mut picture, &[face(40, 40, 1, 1)]);
    assert_eq!(colours(&picture, 39..42, 39..42), 1);
}

#[test]
fn boxes_that_make_no_sense_do_no_harm() {
    let mut picture = testing::picture(6, 30, 30);
    let wild = [
        face(i32::MIN, i32::MIN, u32::MAX, u32::MAX),
        face(i32::MAX, i32::MAX, u32::MAX, u32::MAX),
        face(-50, -50, 10, 10),
        face(5, 5, 0, 0),
    ];
    redact(&mut picture, &wild);
}

#[test]
fn the_copy_is_upright_has_its_size_and_no_metadata() {
    let block = testing::exif(Orientation::Transposed, None, Some("Canon"), Some("SECRET"));
    let stored = testing::stored(Orientation::Transposed);
    let file = testing::encoded(Format::Jpeg, &stored, Some(block), None);
    let detector = Told(vec![face(2, 2, 6, 6)]);
    let copy = anonymise::make(&file, &detector, 32, &LIMITS).unwrap();
    assert_eq!((copy.width, copy.height), (64, 48));
    assert_eq!(copy.faces, detector.0);
    assert_shows_quarters(&decoded(&copy.jpeg));
    assert_shows_quarters(&decoded(&copy.thumbnail));
    for jpeg in [&copy.jpeg, &copy.thumbnail] {
        assert_eq!(inspect(jpeg, &LIMITS).unwrap().camera, None);
        assert!(!jpeg.windows(4).any(|w| w == b"Exif"));
    }
    let thumbnail = inspect(&copy.thumbnail, &LIMITS).unwrap();
    assert_eq!((thumbnail.width, thumbnail.height), (32, 24));
}

#[test]
fn the_thumbnail_of_the_copy_is_redacted_too() {
    let file = testing::photo(7, 400, 400);
    let detector = Told(vec![face(0, 0, 400, 400)]);
    let copy = anonymise::make(&file, &detector, 200, &LIMITS).unwrap();
    let thumbnail = decoded(&copy.thumbnail);
    // Six cells of 33 pixels each: the middle of a cell is plain.
    assert!(colours(&thumbnail, 8..24, 8..24) <= 4);
}

#[test]
fn a_detector_that_fails_leaves_no_copy() {
    struct Broken;
    impl FaceDetector for Broken {
        fn name(&self) -> &str {
            "broken"
        }
        fn detect(&self, _: &Upright) -> Result<Vec<Face>, DetectError> {
            Err(DetectError("out of order".into()))
        }
    }
    let error = anonymise::make(&testing::photo(8, 40, 40), &Broken, 20, &LIMITS).unwrap_err();
    assert!(error.to_string().contains("out of order"));
}
