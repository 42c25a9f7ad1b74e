//! Real photos, if they lie beside the repository.

use std::collections::HashMap;
use std::path::Path;

use functions::faces::{Certainty, Detection, Face, FaceDetector, bundled};
use functions::picture::{Refusal, Upright, decode_fitting, verify};
use functions::steps::thumbnail;
use functions::testing::{files_in, real_photos};
use serde::Deserialize;

use crate::{LIMITS, assert_close, decoded};

/// The reference for the photos with people: boxes as left, top, width and height.
#[derive(Deserialize)]
struct Reference {
    faces: Vec<[f64; 4]>,
}

fn overlap(a: [f64; 4], face: &Face) -> f64 {
    let b = [
        face.x.into(),
        face.y.into(),
        face.width.into(),
        face.height.into(),
    ];
    let shared = |at: usize| (a[at] + a[at + 2]).min(b[at] + b[at + 2]) - a[at].max(b[at]);
    let (width, height) = (shared(0).max(0.0), shared(1).max(0.0));
    let both = width * height;
    both / (a[2] * a[3] + b[2] * b[3] - both)
}

/// The photos with people and the faces on them.
fn people(folder: &Path) -> impl Iterator<Item = (String, Upright, Vec<[f64; 4]>)> {
    let file = std::fs::read(folder.join("faces.json")).unwrap();
    let reference: HashMap<String, Reference> = serde_json::from_slice(&file).unwrap();
    reference.into_iter().map(move |(name, reference)| {
        let photo = decoded(&std::fs::read(folder.join(&name)).unwrap());
        (name, photo, reference.faces)
    })
}

fn is_found(face: [f64; 4], found: &[Face]) -> bool {
    found.iter().any(|found| overlap(face, found) > 0.3)
}

#[test]
fn faces_are_found_and_little_else_is() {
    let Some(folder) = real_photos() else { return };
    let detector = bundled();
    let (mut expected, mut found, mut right, mut total) = (0, 0, 0, 0);
    for (_, photo, faces) in people(&folder) {
        let Detection {
            faces: boxes,
            is_turned,
        } = detector.detect(&photo).unwrap();
        assert!(!is_turned);
        expected += faces.len();
        found += faces.iter().filter(|face| is_found(**face, &boxes)).count();
        let sure = boxes
            .iter()
            .filter(|face| face.certainty == Certainty::Sure);
        for sure in sure {
            total += 1;
            right += usize::from(faces.iter().any(|face| overlap(*face, sure) > 0.3));
        }
    }
    println!("{found} of {expected} faces found; {right} of {total} sure boxes are faces");
    assert!(found + 1 >= expected);
    assert!(right * 100 >= total * 95);
}

#[test]
fn faces_are_found_whichever_way_the_photo_lies() {
    let Some(folder) = real_photos() else { return };
    let detector = bundled();
    for quarters in 1..4 {
        let (mut expected, mut found, mut turned) = (0, 0, 0);
        for (_, mut photo, mut faces) in people(&folder) {
            for _ in 0..quarters {
                (photo, faces) = turned_clockwise(&photo, &faces);
            }
            let Detection {
                faces: boxes,
                is_turned,
            } = detector.detect(&photo).unwrap();
            turned += usize::from(is_turned);
            expected += faces.len();
            found += faces.iter().filter(|face| is_found(**face, &boxes)).count();
        }
        println!("turned by {quarters} quarters: {found} of {expected} faces found");
        assert!(found + 1 >= expected);
        // Large faces are found without turning the picture.
        assert!(turned >= 5, "{turned} of 7 photos are known to be turned");
    }
}

fn turned_clockwise(photo: &Upright, faces: &[[f64; 4]]) -> (Upright, Vec<[f64; 4]>) {
    let (width, height) = (photo.height, photo.width);
    let mut rgb = Vec::new();
    for y in 0..height {
        for x in 0..width {
            rgb.extend(photo.pixel(y, width - 1 - x));
        }
    }
    let turned = |[left, top, w, h]: &[f64; 4]| [f64::from(width) - top - h, *left, *h, *w];
    let faces = faces.iter().map(turned).collect();
    (Upright::new(width, height, rgb).unwrap(), faces)
}

#[test]
fn the_eight_orientations_of_one_photo_look_the_same() {
    let Some(folder) = real_photos() else { return };
    let mut pictures = files_in(folder.join("orientation"))
        .map(|(name, file)| (name, decode_fitting(&file, &LIMITS, 30).unwrap()));
    let (_, first) = pictures.next().unwrap();
    for (name, picture) in pictures {
        assert_eq!(
            (picture.width, picture.height),
            (first.width, first.height),
            "{name}"
        );
        // The middle shows a different digit in each.
        for (x, y) in [(1, 1), (28, 1), (1, 18), (28, 18), (15, 4), (22, 15)] {
            assert_close(picture.pixel(x, y), first.pixel(x, y), 24);
        }
    }
}

#[test]
fn awkward_files_are_done_or_clearly_refused() {
    let Some(folder) = real_photos() else { return };
    for (name, file) in files_in(folder.join("awkward")) {
        let verified = verify(&file, &LIMITS);
        let made = thumbnail::make(&file, 200, &LIMITS);
        match name.as_str() {
            "check.svg" => assert_eq!(verified, Err(Refusal::NotAnImage)),
            "truncated.jpg" | "corrupt-header.jpg" => {
                assert!(matches!(verified, Err(Refusal::Undecodable(_))), "{name}");
                assert!(made.is_err());
            }
            _ => {
                verified.unwrap_or_else(|refusal| panic!("{name}: {refusal}"));
                made.unwrap_or_else(|refusal| panic!("{name}: {refusal}"));
            }
        }
    }
}
