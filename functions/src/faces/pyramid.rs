//! The sizes at which a picture is searched. The network finds faces of some 8 to 300 pixels, so
//! a picture is searched at several sizes, and at each in tiles, if it does not fit into one.

use super::boxes::Candidate;
use crate::picture::Upright;

/// Long sides, in pixels, at which every picture is searched.
const LONG_SIDES: [f32; 4] = [1920.0, 1280.0, 640.0, 320.0];
/// Small pictures are enlarged at most this much: from 320 pixels on, a picture is searched at all
/// sizes. Of 85 faces in strips of 160 pixels of height, 2 stayed in the clear at three times, 1 at
/// six times.
const MAX_ENLARGEMENT: f32 = 6.0;
/// A picture this many times as large as the largest size is also searched at twice that size, so
/// that small faces in photos with many pixels are found. Photos of 12 megapixels are a little below.
const ONE_SIZE_MORE: f32 = 2.2;
/// A strip or panorama is searched as several pictures of at most these proportions side by side.
const MAX_PROPORTION: f32 = 2.0;
/// The most pixels a side that are searched at once. This bounds what the network needs in memory.
const TILE: u32 = 2048;
/// How far neighbouring tiles overlap. Larger faces are found at smaller sizes.
const OVERLAP: u32 = 256;

/// A box this near to a tile's side, in pixels, counts as cut off.
const EDGE: f32 = 4.0;

/// One of the sizes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Size {
    pub(super) width: u32,
    pub(super) height: u32,
}

impl Size {
    /// A picture's size so that it would have this long side, if it is no strip.
    pub(super) fn with_long_side(picture: &Upright, long_side: f32) -> Self {
        let scale = (long_side / proper_side(picture)).min(MAX_ENLARGEMENT);
        let scaled = |side: u32| ((side as f32 * scale).round() as u32).max(1);
        Self {
            width: scaled(picture.width),
            height: scaled(picture.height),
        }
    }

    /// All of it as one tile.
    pub(super) fn whole(self) -> Tile {
        Tile {
            left: 0,
            top: 0,
            width: self.width,
            height: self.height,
        }
    }

    /// The tiles that cover this size.
    pub(super) fn tiles(self) -> Vec<Tile> {
        let across = spans(self.width);
        let tile = |(top, height)| {
            across.iter().map(move |(left, width)| Tile {
                left: *left,
                top,
                width: *width,
                height,
            })
        };
        spans(self.height).into_iter().flat_map(tile).collect()
    }
}

/// All the sizes for a picture, the largest first.
pub(super) fn sizes(picture: &Upright) -> Vec<Size> {
    let side = proper_side(picture);
    let mut long_sides = LONG_SIDES.to_vec();
    while side > ONE_SIZE_MORE * long_sides[0] {
        long_sides.insert(0, 2.0 * long_sides[0]);
    }
    let mut sizes: Vec<Size> = long_sides
        .into_iter()
        .map(|long_side| Size::with_long_side(picture, long_side))
        .collect();
    // Several sizes are the same at the limit of enlargement.
    sizes.dedup();
    sizes
}

/// The long side, or that of the pictures that a strip is made of.
fn proper_side(picture: &Upright) -> f32 {
    let (long, short) = (
        picture.width.max(picture.height) as f32,
        picture.width.min(picture.height) as f32,
    );
    long.min(MAX_PROPORTION * short)
}

/// A rectangle of a picture, in its pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Tile {
    pub(super) left: u32,
    pub(super) top: u32,
    pub(super) width: u32,
    pub(super) height: u32,
}

impl Tile {
    /// Whether a box, in pixels of the whole, is cut off by a side of the tile that is not a side
    /// of the whole: the neighbouring tile has all of it.
    pub(super) fn cuts(&self, found: &Candidate, whole: Size) -> bool {
        let (right, bottom) = (self.left + self.width, self.top + self.height);
        self.left > 0 && found.left < self.left as f32 + EDGE
            || self.top > 0 && found.top < self.top as f32 + EDGE
            || right < whole.width && found.right > right as f32 - EDGE
            || bottom < whole.height && found.bottom > bottom as f32 - EDGE
    }
}

/// Equal pieces of a side that overlap, as starts and lengths.
fn spans(side: u32) -> Vec<(u32, u32)> {
    if side <= TILE {
        return vec![(0, side)];
    }
    let count = (side - OVERLAP).div_ceil(TILE - OVERLAP);
    let length = (side - OVERLAP).div_ceil(count) + OVERLAP;
    (0..count)
        .map(|n| ((n * (length - OVERLAP)).min(side - length), length))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::{OVERLAP, Size, TILE, Tile, sizes, spans};
    use crate::picture::Upright;

    fn sizes_of(width: u32, height: u32) -> Vec<(u32, u32)> {
        let rgb = vec![0; (width * height * 3) as usize];
        let picture = Upright::new(width, height, rgb).unwrap();
        let pair = |size: Size| (size.width, size.height);
        sizes(&picture).into_iter().map(pair).collect()
    }

    #[test]
    fn photos_are_searched_at_four_sizes() {
        let of_12_megapixels = [(1920, 1440), (1280, 960), (640, 480), (320, 240)];
        assert_eq!(sizes_of(4000, 3000), of_12_megapixels);
        let upright = [(960, 1920), (640, 1280), (320, 640), (160, 320)];
        assert_eq!(sizes_of(600, 1200), upright);
    }

    #[test]
    fn small_pictures_are_enlarged_six_times_at_most() {
        assert_eq!(sizes_of(100, 50), [(600, 300), (320, 160)]);
        let of_a_small_photo = [(1920, 1440), (1280, 960), (640, 480), (320, 240)];
        assert_eq!(sizes_of(400, 300), of_a_small_photo);
        assert_eq!(sizes_of(1, 1), [(6, 6)]);
    }

    #[test]
    fn large_photos_are_searched_at_larger_sizes_too() {
        assert_eq!(sizes_of(6000, 4000)[0], (3840, 2560));
        assert_eq!(sizes_of(11_500, 8600)[..2], [(7680, 5743), (3840, 2872)]);
    }

    #[test]
    fn strips_are_not_made_too_narrow_to_search() {
        assert_eq!(
            sizes_of(8000, 160),
            [(48_000, 960), (32_000, 640), (16_000, 320), (8000, 160)]
        );
        assert_eq!(sizes_of(8000, 2000)[0], (3840, 960));
        assert_eq!(sizes_of(1, 20_000), [(6, 120_000)]);
    }

    #[test]
    fn tiles_cover_everything_and_overlap() {
        for side in [1, TILE, TILE + 1, 5000, 24_000, 196_500] {
            let spans = spans(side);
            assert_eq!(spans[0].0, 0);
            let (start, length) = spans[spans.len() - 1];
            assert_eq!(start + length, side);
            assert!(spans.iter().all(|(_, length)| *length <= TILE));
            for pair in spans.windows(2) {
                assert!(pair[0].0 + pair[0].1 >= pair[1].0 + OVERLAP.min(side));
            }
        }
        let tile = |left, top, width, height| Tile {
            left,
            top,
            width,
            height,
        };
        let whole = Size {
            width: 3000,
            height: 100,
        };
        let halves = [tile(0, 0, 1628, 100), tile(1372, 0, 1628, 100)];
        assert_eq!(whole.tiles(), halves);
    }
}
