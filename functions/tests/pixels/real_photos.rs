//! Real photos, if they lie beside the repository.

use std::collections::HashMap;

use functions::faces::{Face, FaceDetector, bundled};
use functions::picture::{Refusal, decode_fitting, verify};
use functions::steps::{anonymise, thumbnail};
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

#[test]
fn faces_are_found_and_none_stays() {
    let Some(folder) = real_photos() else { return };
    let reference: HashMap<String, Reference> =
        serde_json::from_slice(&std::fs::read(folder.join("faces.json")).unwrap()).unwrap();
    let detector = bundled();
    let (mut expected, mut found, mut right, mut total) = (0, 0, 0, 0);
    for (name, Reference { faces }) in &reference {
        let file = std::fs::read(folder.join(name)).unwrap();
        let copy = anonymise::make(&file, &detector, 400, &LIMITS).unwrap();
        let hit = |a: [f64; 4], b: &Face| overlap(a, b) > 0.3;
        expected += faces.len();
        found += faces
            .iter()
            .filter(|a| copy.faces.iter().any(|b| hit(**a, b)))
            .count();
        total += copy.faces.len();
        right += copy
            .faces
            .iter()
            .filter(|b| faces.iter().any(|a| hit(*a, b)))
            .count();

        // Whatever the detector still sees where a face was, it is far less sure of it.
        for again in detector.detect(&decoded(&copy.jpeg)).unwrap() {
            let area = [
                again.x.into(),
                again.y.into(),
                again.width.into(),
                again.height.into(),
            ];
            let was = copy.faces.iter().find(|face| overlap(area, face) > 0.3);
            assert!(
                was.is_none_or(|face| again.score < 5.0 && again.score < face.score),
                "{name}: {again:?} is still there"
            );
        }
    }
    println!("{found} of {expected} faces found; {right} of {total} boxes are faces");
    assert!(found * 100 >= expected * 95);
    assert!(right * 100 >= total * 95);
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
