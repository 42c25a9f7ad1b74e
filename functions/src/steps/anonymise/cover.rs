//! Covering: of what is covered, only a few average colours remain.
//!
//! The pixels are changed before anything is encoded, so the file has nothing else of them: what lies
//! around a covered region does not depend on what lay in it.

use std::ops::Range;

use entity::image_box::Shape;
use serde::{Deserialize, Serialize};

use crate::faces::Face;
use crate::picture::Upright;

/// The most cells across a region, in either direction. Six look nicer, but a neural detector that
/// sees the picture at 320 pixels still takes 50 of 85 such mosaics for faces, and 11 of those
/// with four. That fine mosaics can be matched to known people by a trained network is shown in
/// McPherson, Shokri and Shmatikov, "Defeating Image Obfuscation with Deep Learning" (2016).
const MAX_CELLS: usize = 4;
/// No cell is smaller than this many pixels a side, or a face in the last row of a crowd would
/// hardly change.
const MIN_CELL: usize = 4;

/// The axes of an ellipse, as multiples of the sides of its box. A face's box ends at brow, chin and
/// cheeks; the ellipse through the corners of a box that is a tenth larger also covers hair line and
/// ears.
pub const ELLIPSE: f64 = 1.1 * std::f64::consts::SQRT_2;
/// A rectangle is as large as a person drew it, and a little more on every side: a twentieth of the
/// side ...
const RECTANGLE_MARGIN: f64 = 1.0 / 20.0;
/// ... and at least so many pixels, because JPEG mixes the colours of neighbouring pixels.
const MIN_MARGIN: f64 = 2.0;

/// What is covered: a shape around or in a box in pixels of the upright picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Region {
    /// Left edge.
    pub x: i32,
    /// Upper edge.
    pub y: i32,
    pub width: u32,
    pub height: u32,
    pub shape: Shape,
}

impl From<&Face> for Region {
    fn from(face: &Face) -> Self {
        Self {
            x: face.x,
            y: face.y,
            width: face.width,
            height: face.height,
            shape: Shape::Ellipse,
        }
    }
}

impl Region {
    /// Middle and half the length of each side of what is covered.
    fn outline(&self) -> Outline {
        let (width, height) = (f64::from(self.width), f64::from(self.height));
        let half = |side: f64| match self.shape {
            Shape::Ellipse => side / 2.0 * ELLIPSE,
            Shape::Rectangle => side / 2.0 + (side * RECTANGLE_MARGIN).max(MIN_MARGIN),
        };
        Outline {
            x: f64::from(self.x) + width / 2.0,
            y: f64::from(self.y) + height / 2.0,
            across: half(width),
            down: half(height),
            shape: self.shape,
        }
    }

    fn is_empty(&self) -> bool {
        self.width == 0 || self.height == 0
    }

    /// The rows of a picture of this height in which something is covered.
    fn rows(&self, height: u32) -> Range<usize> {
        let outline = self.outline();
        within(outline.y - outline.down, outline.y + outline.down, height)
    }

    /// The columns that are covered in all of its rows together.
    fn columns(&self, width: u32) -> Range<usize> {
        let outline = self.outline();
        within(
            outline.x - outline.across,
            outline.x + outline.across,
            width,
        )
    }

    /// The columns that are covered in one row.
    fn span(&self, row: usize, width: u32) -> Range<usize> {
        let outline = self.outline();
        let half = match outline.shape {
            Shape::Rectangle => outline.across,
            Shape::Ellipse => {
                // The part of the row that is nearest to the middle decides: rather more than less.
                let nearest = outline.y.clamp(row as f64, row as f64 + 1.0);
                let down = (nearest - outline.y) / outline.down;
                outline.across * (1.0 - down * down).max(0.0).sqrt()
            }
        };
        within(outline.x - half, outline.x + half, width)
    }
}

struct Outline {
    x: f64,
    y: f64,
    across: f64,
    down: f64,
    shape: Shape,
}

/// What of a side is within the picture, in whole pixels, rounded outwards.
fn within(start: f64, end: f64, limit: u32) -> Range<usize> {
    let limit = f64::from(limit);
    let start = start.floor().clamp(0.0, limit) as usize;
    start..(end.ceil().clamp(0.0, limit) as usize).max(start)
}

/// Replaces each region by a mosaic of at most four cells across. Nothing of the original remains there
/// but the average colour of each cell.
pub fn cover(picture: &mut Upright, regions: &[Region]) {
    for region in regions.iter().filter(|region| !region.is_empty()) {
        let across = region.columns(picture.width);
        for rows in cells(region.rows(picture.height)) {
            let spans: Vec<_> = rows
                .map(|row| (row, region.span(row, picture.width)))
                .collect();
            for columns in cells(across.clone()) {
                average(picture, &columns, &spans);
            }
        }
    }
}

/// Splits a side into equal cells.
fn cells(side: Range<usize>) -> impl Iterator<Item = Range<usize>> {
    let count = (side.len() / MIN_CELL).clamp(1, MAX_CELLS);
    let edge = move |n: usize| side.start + side.len() * n / count;
    (0..count).map(move |n| edge(n)..edge(n + 1))
}

/// Gives what of the cell is covered its average colour. Where regions overlap, the later averages what
/// the earlier left: coarser, never finer.
fn average(picture: &mut Upright, columns: &Range<usize>, spans: &[(usize, Range<usize>)]) {
    let stride = picture.width as usize * 3;
    let parts: Vec<Range<usize>> = spans
        .iter()
        .map(|(row, span)| {
            let start = span.start.max(columns.start);
            let end = span.end.min(columns.end).max(start);
            row * stride + start * 3..row * stride + end * 3
        })
        .collect();
    let pixels = parts.iter().map(|part| part.len() as u64 / 3).sum::<u64>();
    if pixels == 0 {
        return;
    }
    let rgb = picture.rgb_mut();
    let mut sums = [0_u64; 3];
    for part in &parts {
        for pixel in rgb[part.clone()].chunks_exact(3) {
            for (sum, value) in sums.iter_mut().zip(pixel) {
                *sum += u64::from(*value);
            }
        }
    }
    let colour = sums.map(|sum| ((sum + pixels / 2) / pixels) as u8);
    for part in parts {
        for pixel in rgb[part].chunks_exact_mut(3) {
            pixel.copy_from_slice(&colour);
        }
    }
}

/// Whether everything that `old` covers on a picture of this size is covered by `new`, too.
pub fn covers_at_least(new: &[Region], old: &[Region], size: (u32, u32)) -> bool {
    old.iter()
        .filter(|old| !old.is_empty() && !new.contains(old))
        .all(|old| {
            let rows = old.rows(size.1);
            let near = near(new, &rows, size.1);
            rows.into_iter()
                .all(|row| missing(&old.span(row, size.0), &near, row, size.0) == 0)
        })
}

/// How much of a face's box is covered, from 0 to 1.
pub(super) fn share_covered(face: &Face, regions: &[Region], (width, height): (u32, u32)) -> f64 {
    let edge = |start: i32, length: u32, limit: u32| {
        let start = f64::from(start);
        within(start, start + f64::from(length), limit)
    };
    let columns = edge(face.x, face.width, width);
    let rows = edge(face.y, face.height, height);
    let area = columns.len() * rows.len();
    if area == 0 {
        return 1.0;
    }
    let near = near(regions, &rows, height);
    let missing: usize = rows.map(|row| missing(&columns, &near, row, width)).sum();
    1.0 - missing as f64 / area as f64
}

/// A region, and the rows in which it covers something.
type Placed<'a> = (&'a Region, Range<usize>);

/// The regions that cover something in some of these rows.
fn near<'a>(regions: &'a [Region], rows: &Range<usize>, height: u32) -> Vec<Placed<'a>> {
    regions
        .iter()
        .filter(|region| !region.is_empty())
        .map(|region| (region, region.rows(height)))
        .filter(|(_, covered)| covered.start < rows.end && rows.start < covered.end)
        .collect()
}

/// How many pixels of a part of a row no region covers.
fn missing(wanted: &Range<usize>, regions: &[Placed<'_>], row: usize, width: u32) -> usize {
    let mut spans: Vec<Range<usize>> = regions
        .iter()
        .filter(|(_, rows)| rows.contains(&row))
        .map(|(region, _)| region.span(row, width))
        .collect();
    spans.sort_by_key(|span| span.start);
    let (mut at, mut missing) = (wanted.start, 0);
    for span in spans {
        if span.start > at {
            missing += span.start.min(wanted.end) - at.min(wanted.end);
        }
        at = at.max(span.end);
    }
    missing + wanted.end.saturating_sub(at)
}
