//! The mosaic: only a few average colours of the original remain.

use std::ops::Range;

use crate::faces::Face;
use crate::picture::Upright;

/// The most cells across a face, in either direction. Six look nicer, but a neural detector that
/// sees the picture at 320 pixels still takes 50 of 85 such mosaics for faces, and 11 of those
/// with four. That fine mosaics can be matched to known people by a trained network is shown in
/// McPherson, Shokri and Shmatikov, "Defeating Image Obfuscation with Deep Learning" (2016).
const MAX_CELLS: usize = 4;
/// No cell is smaller than this many pixels a side, or a face in the last row of a crowd would
/// hardly change.
const MIN_CELL: usize = 4;

/// Replaces each face, and a sixth of its size on every side, by a mosaic of at most four cells
/// across. Nothing of the original remains there but the average colour of each cell.
pub fn redact(picture: &mut Upright, faces: &[Face]) {
    for face in faces {
        let across = grown(face.x, face.width, picture.width);
        let down = grown(face.y, face.height, picture.height);
        for rows in cells(down) {
            for columns in cells(across.clone()) {
                average(picture, columns, rows.clone());
            }
        }
    }
}

/// One side of a box, a third longer about its middle, cut off at the picture's edges.
fn grown(start: i32, length: u32, limit: u32) -> Range<usize> {
    let margin = i64::from(length.div_ceil(6));
    let edge = |at: i64| at.clamp(0, i64::from(limit)) as usize;
    let start = i64::from(start);
    edge(start - margin)..edge(start + i64::from(length) + margin)
}

/// Splits a side into equal cells.
fn cells(side: Range<usize>) -> impl Iterator<Item = Range<usize>> {
    let count = (side.len() / MIN_CELL).clamp(1, MAX_CELLS);
    let edge = move |n: usize| side.start + side.len() * n / count;
    (0..count).map(move |n| edge(n)..edge(n + 1))
}

/// Where faces overlap, the later averages what the earlier left: coarser, never finer.
fn average(picture: &mut Upright, columns: Range<usize>, rows: Range<usize>) {
    let pixels = (columns.len() * rows.len()) as u64;
    if pixels == 0 {
        return;
    }
    let stride = picture.width as usize * 3;
    let part = |row: usize| row * stride + columns.start * 3..row * stride + columns.end * 3;
    let rgb = picture.rgb_mut();
    let mut sums = [0_u64; 3];
    for row in rows.clone() {
        for pixel in rgb[part(row)].chunks_exact(3) {
            for (sum, value) in sums.iter_mut().zip(pixel) {
                *sum += u64::from(*value);
            }
        }
    }
    let colour = sums.map(|sum| ((sum + pixels / 2) / pixels) as u8);
    for row in rows {
        for pixel in rgb[part(row)].chunks_exact_mut(3) {
            pixel.copy_from_slice(&colour);
        }
    }
}
