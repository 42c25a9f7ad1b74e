//! Recall, precision and time of the built-in face detector over folders of photos with a
//! `faces.json`: the one beside the repository, and those named.
//!
//!     cargo bench -p functions --bench faces -- FOLDER…
//!     VITRINE_BENCH_FACES=FOLDER make bench
//!
//! `faces.json` has, for each photo by its path, `{"faces": [[left, top, width, height], …]}` in
//! pixels of the upright photo. Photos without an entry are skipped; one with an empty list has
//! nobody on it. A box counts as a face if both overlap by more than 0.3 (intersection over
//! union).

#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::f64::consts::PI;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use functions::faces::{Certainty, Face, FaceDetector, bundled};
use functions::picture::{Detail, Limits, Upright, decode};
use functions::testing::real_photos;
use image::RgbImage;
use image::imageops::{FilterType, resize};
use serde::Deserialize;

const LIMITS: Limits = Limits {
    max_pixels: 100_000_000,
};
/// The strip into which each photo is put.
const STRIP: (u32, u32) = (8000, 160);

/// Left, top, width, height.
type Area = [f64; 4];

#[derive(Deserialize)]
struct Reference {
    faces: Vec<Area>,
}

/// What is done to each photo before it is searched.
#[derive(Clone, Copy)]
enum Change {
    None,
    /// Turned clockwise by so many degrees, on a black ground that is as large as needed.
    Turned(u32),
    /// Made small enough to lie in the middle of a long strip.
    InStrip,
    /// All levels multiplied.
    Darkened(f64),
    Grey,
    /// Made small: so many pixels along the long side.
    Reduced(u32),
}

const CHANGES: [(&str, Change); 11] = [
    ("as it is", Change::None),
    ("turned by 90°", Change::Turned(90)),
    ("turned by 180°", Change::Turned(180)),
    ("turned by 270°", Change::Turned(270)),
    ("tilted by 30°", Change::Turned(30)),
    ("tilted by 45°", Change::Turned(45)),
    ("in a strip of 8000 × 160", Change::InStrip),
    ("a fifth as bright", Change::Darkened(0.2)),
    ("grey", Change::Grey),
    ("reduced to 320 pixels", Change::Reduced(320)),
    ("reduced to 200 pixels", Change::Reduced(200)),
];

fn main() {
    // Cargo adds flags of its own.
    let mut folders: Vec<PathBuf> = std::env::args()
        .skip(1)
        .filter(|argument| !argument.starts_with('-'))
        .map(PathBuf::from)
        .collect();
    folders.extend(std::env::var_os("VITRINE_BENCH_FACES").map(PathBuf::from));
    folders.extend(real_photos());
    for folder in folders {
        measure(&folder);
    }
}

fn measure(folder: &Path) {
    let file = std::fs::read(folder.join("faces.json")).unwrap();
    let references: BTreeMap<String, Reference> = serde_json::from_slice(&file).unwrap();
    let photos: Vec<(&str, Upright, Vec<Area>)> = references
        .iter()
        .map(|(name, reference)| {
            let file = std::fs::read(folder.join(name)).unwrap();
            let photo = decode(&file, &LIMITS, Detail::Full).unwrap();
            (name.as_str(), photo, reference.faces.clone())
        })
        .collect();
    let detector = bundled();

    println!("{}: {}", folder.display(), detector.name());
    println!();
    println!("| photo | pixels | faces | in the clear | false, sure | false, uncertain | CPU ms |");
    println!("|---|---|---|---|---|---|---|");
    for (name, photo, faces) in &photos {
        let tally = Tally::of(&detector, photo, faces);
        println!(
            "| {name} | {} × {} | {} | {} | {} | {} | {:.0} |",
            photo.width,
            photo.height,
            tally.faces,
            tally.in_the_clear,
            tally.false_sure,
            tally.false_uncertain,
            tally.time.as_secs_f64() * 1e3
        );
    }
    println!();
    println!(
        "| all photos | faces | in the clear | recall | precision | precision of the sure | CPU ms each |"
    );
    println!("|---|---|---|---|---|---|---|");
    for (name, change) in CHANGES {
        let tallies = photos.iter().map(|(_, photo, faces)| {
            let (changed, faces) = changed(photo, faces, change);
            Tally::of(&detector, &changed, &faces)
        });
        let total = tallies.fold(Tally::default(), Tally::plus);
        let covered = total.faces - total.in_the_clear;
        let share = |part: usize, whole: usize| part as f64 / whole.max(1) as f64;
        println!(
            "| {name} | {} | {} | {:.3} | {:.3} | {:.3} | {:.0} |",
            total.faces,
            total.in_the_clear,
            share(covered, total.faces),
            share(
                total.true_sure + total.true_uncertain,
                total.true_sure + total.true_uncertain + total.false_sure + total.false_uncertain
            ),
            share(total.true_sure, total.true_sure + total.false_sure),
            total.time.as_secs_f64() * 1e3 / photos.len() as f64
        );
    }
    println!();
}

#[derive(Default)]
struct Tally {
    faces: usize,
    in_the_clear: usize,
    true_sure: usize,
    true_uncertain: usize,
    false_sure: usize,
    false_uncertain: usize,
    time: Duration,
}

impl Tally {
    fn of(detector: &dyn FaceDetector, photo: &Upright, faces: &[Area]) -> Self {
        let start = cpu_time();
        let found = detector.detect(photo).unwrap().faces;
        let time = cpu_time() - start;
        let hit = |face: &Area, found: &Face| overlap(face, found) > 0.3;
        let mut tally = Self {
            faces: faces.len(),
            in_the_clear: faces
                .iter()
                .filter(|face| !found.iter().any(|found| hit(face, found)))
                .count(),
            time,
            ..Self::default()
        };
        for found in &found {
            let is_face = faces.iter().any(|face| hit(face, found));
            *match (found.certainty, is_face) {
                (Certainty::Sure, true) => &mut tally.true_sure,
                (Certainty::Sure, false) => &mut tally.false_sure,
                (Certainty::Uncertain, true) => &mut tally.true_uncertain,
                (Certainty::Uncertain, false) => &mut tally.false_uncertain,
            } += 1;
        }
        tally
    }

    fn plus(self, other: Self) -> Self {
        Self {
            faces: self.faces + other.faces,
            in_the_clear: self.in_the_clear + other.in_the_clear,
            true_sure: self.true_sure + other.true_sure,
            true_uncertain: self.true_uncertain + other.true_uncertain,
            false_sure: self.false_sure + other.false_sure,
            false_uncertain: self.false_uncertain + other.false_uncertain,
            time: self.time + other.time,
        }
    }
}

fn overlap(a: &Area, face: &Face) -> f64 {
    let b: Area = [
        face.x.into(),
        face.y.into(),
        face.width.into(),
        face.height.into(),
    ];
    let shared = |at: usize| (a[at] + a[at + 2]).min(b[at] + b[at + 2]) - a[at].max(b[at]);
    let both = shared(0).max(0.0) * shared(1).max(0.0);
    both / (a[2] * a[3] + b[2] * b[3] - both)
}

/// The photo and its faces after a change.
fn changed(photo: &Upright, faces: &[Area], change: Change) -> (Upright, Vec<Area>) {
    let each_byte = |change: &dyn Fn(u8) -> u8| {
        let rgb = photo.rgb().iter().map(|byte| change(*byte)).collect();
        Upright::new(photo.width, photo.height, rgb).unwrap()
    };
    match change {
        Change::None => (photo.clone(), faces.to_vec()),
        Change::Turned(degrees) => turned(photo, faces, f64::from(degrees)),
        Change::InStrip => in_strip(photo, faces),
        Change::Reduced(long_side) => reduced(photo, faces, long_side),
        Change::Darkened(by) => {
            let dark = each_byte(&|byte| (f64::from(byte) * by) as u8);
            (dark, faces.to_vec())
        }
        Change::Grey => {
            let (pixels, _) = photo.rgb().as_chunks::<3>();
            let grey = |pixel: &[u8; 3]| {
                let sum: u32 = pixel.iter().map(|byte| u32::from(*byte)).sum();
                [(sum / 3) as u8; 3]
            };
            let rgb = pixels.iter().flat_map(grey).collect();
            let grey = Upright::new(photo.width, photo.height, rgb).unwrap();
            (grey, faces.to_vec())
        }
    }
}

/// The box of a tilted face stays as large as it was, about the face's middle.
fn turned(photo: &Upright, faces: &[Area], degrees: f64) -> (Upright, Vec<Area>) {
    let (sin, cos) = (degrees * PI / 180.0).sin_cos();
    let (width, height) = (f64::from(photo.width), f64::from(photo.height));
    let new_width = (width * cos.abs() + height * sin.abs()).round();
    let new_height = (width * sin.abs() + height * cos.abs()).round();
    let mut rgb = Vec::new();
    for y in 0..new_height as u32 {
        for x in 0..new_width as u32 {
            let dx = f64::from(x) + 0.5 - new_width / 2.0;
            let dy = f64::from(y) + 0.5 - new_height / 2.0;
            let from_x = cos * dx + sin * dy + width / 2.0 - 0.5;
            let from_y = -sin * dx + cos * dy + height / 2.0 - 0.5;
            rgb.extend(between(photo, from_x, from_y));
        }
    }
    let faces = faces.iter().map(|[left, top, w, h]| {
        let dx = left + w / 2.0 - width / 2.0;
        let dy = top + h / 2.0 - height / 2.0;
        let x = cos * dx - sin * dy + new_width / 2.0;
        let y = sin * dx + cos * dy + new_height / 2.0;
        let (w, h) = if degrees % 180.0 == 90.0 {
            (*h, *w)
        } else {
            (*w, *h)
        };
        [x - w / 2.0, y - h / 2.0, w, h]
    });
    let faces = faces.collect();
    (
        Upright::new(new_width as u32, new_height as u32, rgb).unwrap(),
        faces,
    )
}

/// The colour between four pixels; black outside.
fn between(photo: &Upright, x: f64, y: f64) -> [u8; 3] {
    let at = |x: f64, y: f64| {
        let inside = x >= 0.0 && y >= 0.0 && x < photo.width.into() && y < photo.height.into();
        let pixel = if inside {
            photo.pixel(x as u32, y as u32)
        } else {
            [0; 3]
        };
        pixel.map(f64::from)
    };
    let (left, top) = (x.floor(), y.floor());
    let (right_share, lower_share) = (x - left, y - top);
    let [a, b] = [top, top + 1.0].map(|y| [at(left, y), at(left + 1.0, y)]);
    std::array::from_fn(|c| {
        let row = |pair: [[f64; 3]; 2]| pair[0][c] * (1.0 - right_share) + pair[1][c] * right_share;
        (row(a) * (1.0 - lower_share) + row(b) * lower_share).round() as u8
    })
}

fn reduced(photo: &Upright, faces: &[Area], long_side: u32) -> (Upright, Vec<Area>) {
    let scale = f64::from(long_side) / f64::from(photo.width.max(photo.height));
    let side = |side: u32| (f64::from(side) * scale).round() as u32;
    let (width, height) = (side(photo.width), side(photo.height));
    let whole = RgbImage::from_raw(photo.width, photo.height, photo.rgb().to_vec()).unwrap();
    let small = resize(&whole, width, height, FilterType::CatmullRom).into_raw();
    let faces = faces.iter().map(|area| area.map(|side| side * scale));
    (Upright::new(width, height, small).unwrap(), faces.collect())
}

fn in_strip(photo: &Upright, faces: &[Area]) -> (Upright, Vec<Area>) {
    let scale = f64::from(STRIP.1) / f64::from(photo.height);
    let width = ((f64::from(photo.width) * scale).round() as u32).min(STRIP.0);
    let whole = RgbImage::from_raw(photo.width, photo.height, photo.rgb().to_vec()).unwrap();
    let small = resize(&whole, width, STRIP.1, FilterType::CatmullRom);
    let start = (STRIP.0 - width) / 2;
    let mut rgb = vec![128; (STRIP.0 * STRIP.1 * 3) as usize];
    for (y, row) in small.as_raw().chunks_exact(width as usize * 3).enumerate() {
        let at = (y * STRIP.0 as usize + start as usize) * 3;
        rgb[at..at + row.len()].copy_from_slice(row);
    }
    let faces = faces.iter().map(|area| {
        let [left, top, w, h] = area.map(|side| side * scale);
        [left + f64::from(start), top, w, h]
    });
    (
        Upright::new(STRIP.0, STRIP.1, rgb).unwrap(),
        faces.collect(),
    )
}

/// The time that this thread has spent on a processor, where the system tells; else, the time.
fn cpu_time() -> Duration {
    let spent = std::fs::read_to_string("/proc/thread-self/schedstat").ok();
    let nanos = spent.and_then(|text| text.split(' ').next()?.parse().ok());
    thread_local!(static START: Instant = Instant::now());
    nanos.map_or_else(|| START.with(Instant::elapsed), Duration::from_nanos)
}
