//! What is covered leaves nothing but averages, everywhere it should and nowhere else.

use std::collections::HashSet;

use entity::image_box::{Pass, Shape, State};
use functions::faces::{Certainty, DetectError, Detection, Face, FaceDetector};
use functions::picture::{Orientation, Upright, encode_jpeg, inspect};
use functions::steps::anonymise::{self, Look, Region, Request, Search, cover, covers_at_least};
use functions::testing;
use platform::Format;

use crate::{LIMITS, assert_shows_quarters, decoded};

/// A detector that knows where the faces are, and what it will see on the copy.
#[derive(Default)]
struct Told {
    first: Vec<Face>,
    again: Vec<Face>,
}

impl FaceDetector for Told {
    fn name(&self) -> &str {
        "told"
    }

    fn detect(&self, _: &Upright) -> Result<Detection, DetectError> {
        Ok(self.first.clone().into())
    }

    fn look_again(&self, _: &Upright, _: &[[f32; 4]], _: bool) -> Result<Vec<Face>, DetectError> {
        Ok(self.again.clone())
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

fn region(x: i32, y: i32, width: u32, height: u32, shape: Shape) -> Region {
    Region {
        x,
        y,
        width,
        height,
        shape,
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

/// How many pixels of a picture differ from those of another.
fn changed(before: &Upright, after: &Upright) -> Vec<(u32, u32)> {
    let places = (0..before.height).flat_map(|y| (0..before.width).map(move |x| (x, y)));
    places
        .filter(|(x, y)| before.pixel(*x, *y) != after.pixel(*x, *y))
        .collect()
}

#[test]
fn a_rectangle_and_a_little_around_it_becomes_four_cells_a_side() {
    let before = testing::picture(1, 300, 200);
    let mut after = before.clone();
    cover(&mut after, &[region(100, 50, 60, 60, Shape::Rectangle)]);
    // 60 pixels grow by 3 on every side, and 66 are cut into four.
    let edge = |n: u32| 66 * n / 4;
    for row in 0..4 {
        for column in 0..4 {
            let xs = 97 + edge(column)..97 + edge(column + 1);
            let ys = 47 + edge(row)..47 + edge(row + 1);
            assert_eq!(colours(&after, xs, ys), 1);
        }
    }
    for (x, y) in changed(&before, &after) {
        assert!((97..163).contains(&x) && (47..113).contains(&y), "{x}, {y}");
    }
}

#[test]
fn an_ellipse_covers_the_box_with_its_corners_ears_and_hair_line() {
    let before = testing::picture(2, 300, 300);
    let mut after = before.clone();
    cover(&mut after, &[region(100, 100, 80, 100, Shape::Ellipse)]);
    // A twentieth more than the box on every side, corners included.
    assert!(colours(&after, 96..184, 95..205) <= 16);
    // A quarter more above the brow, below the chin and beside the cheeks, in the middle of each.
    for (xs, ys) in [
        (135..145, 74..95),
        (135..145, 205..226),
        (80..96, 145..155),
        (184..200, 145..155),
    ] {
        assert!(
            colours(&after, xs.clone(), ys.clone()) <= 4,
            "{xs:?}, {ys:?}"
        );
    }
    // And not the corners of the space around it.
    for corner in [(80, 75), (199, 75), (80, 224), (199, 224)] {
        assert_eq!(
            after.pixel(corner.0, corner.1),
            before.pixel(corner.0, corner.1)
        );
    }
}

/// A picture of which every pixel is black, white, or anything between.
fn noise(seed: u64, width: u32, height: u32) -> Upright {
    let mut noise = testing::Noise(seed);
    let rgb = (0..width * height * 3).map(|_| u8::try_from(noise.below(256)).unwrap());
    Upright::new(width, height, rgb.collect()).unwrap()
}

/// Two pictures that differ only inside the face, by an exchange of pixels within one cell: the
/// averages are the same.
fn twins(seed: u64) -> (Upright, Upright) {
    let one = testing::picture(seed, 128, 128);
    let mut other = one.clone();
    let stride = 128 * 3;
    for (from, to) in [
        ((60, 60), (61, 61)),
        ((58, 61), (62, 59)),
        ((50, 52), (51, 50)),
    ] {
        let (a, b) = (from.1 * stride + from.0 * 3, to.1 * stride + to.0 * 3);
        for channel in 0..3 {
            other.rgb_mut().swap(a + channel, b + channel);
        }
    }
    assert_ne!(one, other);
    (one, other)
}

#[test]
fn two_faces_with_the_same_averages_become_the_same_file_to_the_last_byte() {
    for shape in [Shape::Ellipse, Shape::Rectangle] {
        for seed in 1..20 {
            let (one, other) = twins(seed);
            let encoded = [one, other].map(|picture| {
                let file = png(&picture);
                let request = Request {
                    cover: vec![region(34, 34, 60, 60, shape)],
                    search: Search::No,
                    ..Request::first(48)
                };
                anonymise::make(&file, &request, &Told::default(), &LIMITS).unwrap()
            });
            let [one, other] = encoded;
            assert!(one.jpeg == other.jpeg, "the copies differ");
            assert!(one.thumbnail == other.thumbnail, "the thumbnails differ");
            assert_eq!(one.thumbhash, other.thumbhash);
        }
    }
}

/// A file that keeps every pixel as it is.
fn png(picture: &Upright) -> Vec<u8> {
    let mut file = std::io::Cursor::new(Vec::new());
    image::RgbImage::from_raw(picture.width, picture.height, picture.rgb().to_vec())
        .unwrap()
        .write_to(&mut file, image::ImageFormat::Png)
        .unwrap();
    file.into_inner()
}

#[test]
fn a_face_that_differs_by_more_than_averages_is_told_apart() {
    // The test above could not fail if everything became the same.
    let (one, mut other) = twins(1);
    // Inside the face only.
    for pixel in other.rgb_mut()[(64 * 128 + 44) * 3..]
        .iter_mut()
        .take(16 * 3)
    {
        *pixel = 255;
    }
    let covered = [region(34, 34, 60, 60, Shape::Ellipse)];
    let files = [one, other].map(|mut picture| {
        cover(&mut picture, &covered);
        encode_jpeg(&picture, 90).unwrap()
    });
    assert!(files[0] != files[1]);
}

#[test]
fn the_file_ends_where_the_picture_ends_and_has_no_segments_of_its_own() {
    let (one, _) = twins(3);
    let request = Request {
        cover: vec![region(34, 34, 60, 60, Shape::Ellipse)],
        search: Search::No,
        ..Request::first(48)
    };
    let made = anonymise::make(&png(&one), &request, &Told::default(), &LIMITS).unwrap();
    for jpeg in [made.jpeg, made.thumbnail] {
        let segments = segments(&jpeg);
        // Start, JFIF, tables, frame and scan: no comment, no preview, no application's data.
        let allowed = [0xD8, 0xE0, 0xDB, 0xC0, 0xC2, 0xC4, 0xDD, 0xDA, 0xD9];
        assert!(
            segments.iter().all(|kind| allowed.contains(kind)),
            "{segments:X?}"
        );
        assert_eq!(segments.iter().filter(|kind| **kind == 0xE0).count(), 1);
        assert!(jpeg.ends_with(&[0xFF, 0xD9]));
    }
}

/// The kinds of the segments of a JPEG up to its (first) scan, and of what follows the last one.
fn segments(jpeg: &[u8]) -> Vec<u8> {
    let mut kinds = vec![jpeg[1]];
    let mut at = 2;
    while jpeg[at + 1] != 0xDA {
        assert_eq!(jpeg[at], 0xFF);
        kinds.push(jpeg[at + 1]);
        at += 2 + usize::from(u16::from_be_bytes([jpeg[at + 2], jpeg[at + 3]]));
    }
    let scan = &jpeg[at..];
    kinds.extend(scan.windows(2).filter_map(|pair| match pair {
        // Stuffed bytes and restart markers are part of the scan.
        [0xFF, 0x00 | 0xFF | 0xD0..=0xD7] => None,
        [0xFF, kind] => Some(*kind),
        _ => None,
    }));
    kinds
}

#[test]
fn what_is_moved_covers_less_and_what_is_enlarged_covers_more() {
    for shape in [Shape::Ellipse, Shape::Rectangle] {
        let old = [region(100, 100, 50, 50, shape)];
        let larger = [region(90, 90, 70, 70, shape)];
        let moved = [region(104, 100, 50, 50, shape)];
        assert!(covers_at_least(&old, &old, (400, 300)));
        assert!(covers_at_least(&larger, &old, (400, 300)));
        assert!(!covers_at_least(&moved, &old, (400, 300)));
        assert!(!covers_at_least(&[], &old, (400, 300)));
        assert!(covers_at_least(&moved, &[], (400, 300)));
    }
    // Corners count: an ellipse of the same box does not cover what a rectangle with a margin does.
    let rectangle = [region(100, 100, 200, 200, Shape::Rectangle)];
    let inside = [region(110, 110, 40, 40, Shape::Ellipse)];
    assert!(covers_at_least(&rectangle, &inside, (400, 300)));
    assert!(!covers_at_least(&inside, &rectangle, (400, 300)));
}

#[test]
fn two_boxes_together_cover_what_one_did() {
    let old = [region(100, 100, 60, 40, Shape::Rectangle)];
    let halves = [
        region(97, 100, 40, 40, Shape::Rectangle),
        region(130, 100, 33, 40, Shape::Rectangle),
    ];
    assert!(covers_at_least(&halves, &old, (400, 300)));
    assert!(!covers_at_least(&halves[..1], &old, (400, 300)));
}

#[test]
fn overlapping_faces_leave_no_seam() {
    let mut after = testing::picture(3, 300, 200);
    let faces = [(60, 60), (90, 80), (61, 61)];
    let faces = faces.map(|(x, y)| region(x, y, 60, 60, Shape::Rectangle));
    cover(&mut after, &faces);
    for (xs, ys) in [(60..120, 58..122), (90..150, 78..142)] {
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
    let faces = [face(0, 0, 40, 40), face(70, 50, 30, 30)];
    cover(&mut picture, &faces.each_ref().map(Region::from));
    assert!(colours(&picture, 0..42, 0..42) <= 36);
    assert!(colours(&picture, 69..100, 49..80) <= 36);
}

#[test]
fn a_tiny_face_does_not_keep_its_pixels() {
    let mut picture = testing::picture(5, 60, 60);
    cover(&mut picture, &[Region::from(&face(20, 20, 9, 9))]);
    assert!(colours(&picture, 19..30, 19..30) <= 16);
    cover(&mut picture, &[region(40, 40, 1, 1, Shape::Rectangle)]);
    assert_eq!(colours(&picture, 39..42, 39..42), 1);
}

#[test]
fn boxes_that_make_no_sense_do_no_harm() {
    for shape in [Shape::Ellipse, Shape::Rectangle] {
        let mut picture = testing::picture(6, 30, 30);
        let wild = [
            region(i32::MIN, i32::MIN, u32::MAX, u32::MAX, shape),
            region(i32::MAX, i32::MAX, u32::MAX, u32::MAX, shape),
            region(-50, -50, 10, 10, shape),
            region(5, 5, 0, 0, shape),
        ];
        cover(&mut picture, &wild);
    }
}

#[test]
fn the_copy_is_upright_has_its_size_and_no_metadata() {
    let block = testing::exif(Orientation::Transposed, None, Some("Canon"), Some("SECRET"));
    let stored = testing::stored(Orientation::Transposed);
    let file = testing::encoded(Format::Jpeg, &stored, Some(block), None);
    let detector = Told {
        first: vec![face(2, 2, 6, 6)],
        ..Told::default()
    };
    let copy = anonymise::make(&file, &Request::first(32), &detector, &LIMITS).unwrap();
    assert_eq!((copy.width, copy.height), (64, 48));
    let [found] = copy.found[..] else {
        panic!("{:?}", copy.found)
    };
    assert_eq!(found.face, detector.first[0]);
    assert_eq!((found.pass, found.state), (Pass::First, State::Cover));
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
fn the_thumbnail_of_the_copy_is_covered_too() {
    let file = testing::photo(7, 400, 400);
    let detector = Told {
        first: vec![face(0, 0, 400, 400)],
        ..Told::default()
    };
    let copy = anonymise::make(&file, &Request::first(200), &detector, &LIMITS).unwrap();
    let thumbnail = decoded(&copy.thumbnail);
    // Four cells of 50 pixels each: the middle of a cell is plain.
    assert!(colours(&thumbnail, 14..36, 14..36) <= 4);
}

#[test]
fn what_the_second_look_finds_is_covered_and_uncertain() {
    let before = noise(8, 300, 200);
    let detector = Told {
        first: vec![face(20, 20, 40, 40)],
        // The mosaic again, and a face that the first search missed.
        again: vec![face(15, 15, 50, 50), face(200, 100, 40, 40)],
    };
    let copy = anonymise::make(&png(&before), &Request::first(64), &detector, &LIMITS).unwrap();
    let found: Vec<_> = copy
        .found
        .iter()
        .map(|found| (found.face.x, found.pass, found.state))
        .collect();
    assert_eq!(
        found,
        [
            (20, Pass::First, State::Cover),
            (200, Pass::Second, State::Uncertain)
        ]
    );
    let shown = decoded(&copy.jpeg);
    let spread = |x: u32, y: u32| {
        let values = (y..y + 8).flat_map(|y| (x..x + 8).map(move |x| (x, y)));
        let values: Vec<u8> = values.map(|(x, y)| shown.pixel(x, y)[0]).collect();
        values.iter().max().unwrap() - values.iter().min().unwrap()
    };
    assert!(spread(216, 116) < 60, "{}", spread(216, 116));
    assert!(spread(120, 120) > 120, "{}", spread(120, 120));
}

#[test]
fn what_a_person_decided_about_is_not_found_again() {
    let detector = Told {
        first: vec![
            face(20, 20, 40, 40),
            face(100, 20, 40, 40),
            face(200, 100, 40, 40),
        ],
        again: vec![face(22, 22, 40, 40), face(202, 98, 40, 40)],
    };
    let request = Request {
        cover: vec![region(98, 18, 44, 44, Shape::Rectangle)],
        spared: vec![
            region(20, 20, 40, 40, Shape::Ellipse),
            region(200, 100, 40, 40, Shape::Rectangle),
        ],
        search: Search::Rerun,
        look: Look::Quick,
        thumbnail_size: 64,
    };
    let before = testing::picture(9, 300, 200);
    let copy = anonymise::make(&png(&before), &request, &detector, &LIMITS).unwrap();
    assert_eq!(copy.found, []);
}

#[test]
fn another_detectors_finds_are_for_a_person_to_look_at() {
    let detector = Told {
        first: vec![face(20, 20, 40, 40)],
        ..Told::default()
    };
    let request = Request {
        search: Search::Rerun,
        ..Request::first(64)
    };
    let copy =
        anonymise::make(&testing::photo(10, 300, 200), &request, &detector, &LIMITS).unwrap();
    assert_eq!(copy.found[0].pass, Pass::Rerun);
    assert_eq!(copy.found[0].state, State::Uncertain);
}

#[test]
fn a_detector_that_fails_leaves_no_copy() {
    struct Broken {
        fails_at_once: bool,
    }
    impl FaceDetector for Broken {
        fn name(&self) -> &str {
            "broken"
        }
        fn detect(&self, _: &Upright) -> Result<Detection, DetectError> {
            match self.fails_at_once {
                true => Err(DetectError("out of order".into())),
                false => Ok(Detection::default()),
            }
        }
        fn look_again(
            &self,
            _: &Upright,
            _: &[[f32; 4]],
            _: bool,
        ) -> Result<Vec<Face>, DetectError> {
            Err(DetectError("out of order".into()))
        }
    }
    for fails_at_once in [true, false] {
        let detector = Broken { fails_at_once };
        let photo = testing::photo(8, 40, 40);
        let error = anonymise::make(&photo, &Request::first(20), &detector, &LIMITS).unwrap_err();
        assert!(error.to_string().contains("out of order"));
    }
}

#[test]
fn a_request_and_its_result_can_be_written_down() {
    let request = Request {
        cover: vec![region(1, 2, 3, 4, Shape::Ellipse)],
        spared: vec![region(5, 6, 7, 8, Shape::Rectangle)],
        search: Search::First,
        look: Look::Thorough,
        thumbnail_size: 32,
    };
    let json = serde_json::to_string(&request).unwrap();
    assert_eq!(serde_json::from_str::<Request>(&json).unwrap(), request);
    let detector = Told {
        first: vec![face(2, 2, 6, 6)],
        ..Told::default()
    };
    let made = anonymise::make(&testing::photo(1, 40, 40), &request, &detector, &LIMITS).unwrap();
    let json = serde_json::to_string(&made).unwrap();
    let read: anonymise::Anonymised = serde_json::from_str(&json).unwrap();
    assert_eq!(
        (read.thumbhash, read.found, read.difficulty),
        (made.thumbhash, made.found, made.difficulty)
    );
    // The bytes of files travel apart from the rest.
    assert!(read.jpeg.is_empty() && read.thumbnail.is_empty());
}
