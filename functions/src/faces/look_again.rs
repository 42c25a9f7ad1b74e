//! The second look at a copy, with other means than the first: a larger size, the picture in the
//! mirror and in all directions, the neighbourhood of every box, and lower thresholds.

use super::boxes::{Candidate, Sighting, distinct, merged};
use super::directions::Direction;
use super::light::Light;
use super::pixels::Pixels;
use super::pyramid::Size;
use super::search::{FLOOR, MIN_HEIGHT_AT_LARGE, SAME, Search, face};
use super::yunet::Network;
use super::{Certainty, Face};
use crate::picture::{Upright, resized};

/// Long sides, in pixels. The first search has 1920 as its largest for photos of 12 megapixels.
const THOROUGH: [f32; 3] = [2560.0, 1280.0, 640.0];
const QUICK: [f32; 2] = [1280.0, 640.0];
/// The long side of the mirrored picture.
const MIRRORED: f32 = 1280.0;

/// What scores as much once, or this at one size and that at another, may be a face.
const ONCE: f32 = 0.45;
const TWICE: (f32, f32) = (0.35, 0.3);
/// In directions in which the picture does not stand, it takes more.
const TURNED: f32 = 0.7;

/// The neighbourhood of a box is so many times as large as the box ...
const NEIGHBOURHOOD: f32 = 3.0;
/// ... and is searched with this long side, in pixels, but enlarged at most so many times.
const NEAR_SIDE: f32 = 320.0;
const MAX_ENLARGEMENT: f32 = 3.0;
/// Only so many boxes, the largest first: in a crowd, they are each other's neighbourhood.
const MOST_NEAR: usize = 48;

/// Everything that may be a face on a copy, covered faces included.
pub(super) fn faces(
    network: &Network,
    copy: &Upright,
    near: &[[f32; 4]],
    thorough: bool,
) -> Vec<Face> {
    let long_sides: &[f32] = if thorough { &THOROUGH } else { &QUICK };
    let mut sizes: Vec<Size> = long_sides
        .iter()
        .map(|long_side| Size::with_long_side(copy, *long_side))
        .collect();
    // Where enlargement ends, several are the same.
    sizes.dedup();
    let search = Search::at_sizes(network, copy, sizes);
    let mut sightings: Vec<Sighting> = (0..search.sizes.len())
        .flat_map(|size| search.at(size, Direction::Upright, &search.light.usual))
        .collect();
    if thorough {
        sightings.extend(mirrored(network, copy));
        let size = search.sizes.len().saturating_sub(2);
        for direction in Direction::TURNED {
            let seen = (size..search.sizes.len())
                .flat_map(|size| search.at(size, direction, &search.light.usual))
                .filter(|sighting| sighting.candidate.score >= TURNED);
            sightings.extend(seen);
        }
    }
    let mut near = near.to_vec();
    near.sort_by(|a, b| (b[2] * b[3]).total_cmp(&(a[2] * a[3])));
    for around in near.into_iter().take(MOST_NEAR) {
        sightings.extend(closely(network, copy, around, &search.light));
    }
    merged(sightings)
        .into_iter()
        .filter(|found| {
            let (first, second) = (found.candidate.score, found.second);
            first >= ONCE || first >= TWICE.0 && second >= TWICE.1
        })
        .filter_map(|found| face(copy, &found.candidate, Certainty::Uncertain))
        .collect()
}

/// What is found in the mirror.
fn mirrored(network: &Network, copy: &Upright) -> Vec<Sighting> {
    let size = Size::with_long_side(copy, MIRRORED);
    let mut small = resized(copy, size.width, size.height);
    let width = small.width as usize;
    for row in small.rgb_mut().chunks_exact_mut(width * 3) {
        let (pixels, _) = row.as_chunks_mut::<3>();
        pixels.reverse();
    }
    let half = Size::with_long_side(&small, MIRRORED / 2.0);
    let mut sizes = vec![size, half];
    sizes.dedup();
    let search = Search::at_sizes(network, &small, sizes);
    let scale = (
        copy.width as f32 / size.width as f32,
        copy.height as f32 / size.height as f32,
    );
    let width = size.width as f32;
    let seen = (0..search.sizes.len())
        .flat_map(|size| search.at(size, Direction::Upright, &search.light.usual));
    seen.map(|sighting| {
        let found = sighting.candidate;
        let restored = Candidate {
            left: width - found.right,
            right: width - found.left,
            ..found
        };
        Sighting {
            candidate: restored.scaled(scale),
            // Of no size of the upright search: what is seen so confirms what is seen there.
            size: usize::MAX - sighting.size,
        }
    })
    .collect()
}

/// What is found around a box.
fn closely(
    network: &Network,
    copy: &Upright,
    [left, top, width, height]: [f32; 4],
    light: &Light,
) -> Vec<Sighting> {
    let side = width.max(height).max(1.0) * NEIGHBOURHOOD;
    let (middle_x, middle_y) = (left + width / 2.0, top + height / 2.0);
    let part = |middle: f32, limit: u32| {
        let start = (middle - side / 2.0).floor().clamp(0.0, (limit - 1) as f32) as u32;
        let end = (middle + side / 2.0).ceil().clamp(0.0, limit as f32) as u32;
        start..end.max(start + 1)
    };
    let (columns, rows) = (part(middle_x, copy.width), part(middle_y, copy.height));
    let stride = copy.width as usize * 3;
    let mut rgb = Vec::with_capacity(columns.len() * rows.len() * 3);
    for row in rows.clone() {
        let start = row as usize * stride;
        rgb.extend_from_slice(
            &copy.rgb()[start + columns.start as usize * 3..start + columns.end as usize * 3],
        );
    }
    let cut = Upright::new(columns.end - columns.start, rows.end - rows.start, rgb)
        .expect("a part of a picture has pixels");
    let scale = (NEAR_SIDE / cut.width.max(cut.height) as f32).min(MAX_ENLARGEMENT);
    let scaled = |side: u32| ((side as f32 * scale).round() as u32).max(1);
    let small = resized(&cut, scaled(cut.width), scaled(cut.height));
    let pixels = Pixels {
        width: small.width as usize,
        height: small.height as usize,
        rgb: small.rgb(),
        levels: &light.usual,
    };
    let back = (
        cut.width as f32 / small.width as f32,
        cut.height as f32 / small.height as f32,
    );
    let candidates = network.candidates(&pixels, FLOOR);
    let found = candidates
        .into_iter()
        .filter(|candidate| candidate.height() >= MIN_HEIGHT_AT_LARGE)
        .map(|candidate| {
            let candidate = candidate.scaled(back);
            candidate.moved(columns.start as f32, rows.start as f32)
        });
    distinct(found.collect(), SAME)
        .into_iter()
        .map(|candidate| Sighting {
            candidate,
            // Of no size of the upright search.
            size: usize::MAX / 2,
        })
        .collect()
}
