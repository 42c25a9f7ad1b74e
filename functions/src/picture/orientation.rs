//! The eight ways a camera may have been held, and turning the pixels accordingly.

use serde::{Deserialize, Serialize};

use super::Upright;

/// How stored pixels have to be turned to stand upright: the values 1 to 8 of the EXIF tag
/// `Orientation` (Exif 2.32, 4.6.4 A).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[repr(u8)]
pub enum Orientation {
    /// 1: upright.
    #[default]
    Upright = 1,
    /// 2: mirrored left to right.
    MirroredHorizontally = 2,
    /// 3: turned by half a turn.
    UpsideDown = 3,
    /// 4: mirrored top to bottom.
    MirroredVertically = 4,
    /// 5: mirrored along the diagonal from the top left.
    Transposed = 5,
    /// 6: has to be turned a quarter clockwise.
    QuarterClockwise = 6,
    /// 7: mirrored along the diagonal from the top right.
    Transversed = 7,
    /// 8: has to be turned a quarter anticlockwise.
    QuarterAnticlockwise = 8,
}

impl Orientation {
    /// All eight, in the order of their EXIF values.
    pub const ALL: [Self; 8] = [
        Self::Upright,
        Self::MirroredHorizontally,
        Self::UpsideDown,
        Self::MirroredVertically,
        Self::Transposed,
        Self::QuarterClockwise,
        Self::Transversed,
        Self::QuarterAnticlockwise,
    ];

    /// The orientation with this EXIF value, if it is one of the eight.
    pub fn from_exif(value: u32) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|orientation| orientation.exif() == value)
    }

    /// The orientation that turns as `self` does, and then as `next`.
    pub(super) fn then(self, next: Self) -> Self {
        // All are a mirroring along the diagonal or none, then one left to right or none, then
        // one top to bottom or none; the diagonal makes of the one the other.
        let parts = |orientation: Self| match orientation {
            Self::Upright => (false, false, false),
            Self::MirroredHorizontally => (false, true, false),
            Self::UpsideDown => (false, true, true),
            Self::MirroredVertically => (false, false, true),
            Self::Transposed => (true, false, false),
            Self::QuarterClockwise => (true, true, false),
            Self::Transversed => (true, true, true),
            Self::QuarterAnticlockwise => (true, false, true),
        };
        let (diagonal, across, down) = parts(self);
        let (next_diagonal, next_across, next_down) = parts(next);
        let (across, down) = match next_diagonal {
            true => (down, across),
            false => (across, down),
        };
        let both = (
            diagonal ^ next_diagonal,
            across ^ next_across,
            down ^ next_down,
        );
        Self::ALL
            .into_iter()
            .find(|orientation| parts(*orientation) == both)
            .unwrap_or_default()
    }

    /// The EXIF value, 1 to 8.
    pub fn exif(self) -> u32 {
        self as u32
    }

    /// Whether width and height change places.
    pub fn swaps_sides(self) -> bool {
        self.exif() >= 5
    }

    /// Stored width and height as they are when held upright.
    pub fn upright_size(self, width: u32, height: u32) -> (u32, u32) {
        if self.swaps_sides() {
            (height, width)
        } else {
            (width, height)
        }
    }

    /// Turns stored pixels upright, in their own memory.
    pub(crate) fn apply(self, stored: Upright) -> Upright {
        let (width, height) = self.upright_size(stored.width, stored.height);
        let (stored_width, stored_height) = (stored.width as usize, stored.height as usize);
        let mut rgb = stored.into_rgb();
        if self.swaps_sides() {
            rgb = transposed(rgb, stored_width, stored_height);
        }
        let row = width as usize * 3;
        match self {
            Self::Upright | Self::Transposed => {}
            Self::MirroredHorizontally | Self::QuarterClockwise => mirror_rows(&mut rgb, row),
            Self::MirroredVertically | Self::QuarterAnticlockwise => swap_rows(&mut rgb, row),
            Self::UpsideDown | Self::Transversed => {
                mirror_rows(&mut rgb, row);
                swap_rows(&mut rgb, row);
            }
        }
        Upright::new(width, height, rgb).expect("turning keeps the number of pixels")
    }
}

/// Rows per strip in [`transposed`].
const STRIP: usize = 32;

/// Mirrors along the diagonal almost in place: otherwise a photo of a phone held upright would need
/// twice the memory.
///
/// Each strip of rows is turned by itself into columns of `STRIP` pixels. Then the
/// table of those columns is transposed, following each cycle of the permutation once
/// (Knuth, TAOCP 1.3.3, exercise 12). The last strip is filled up and cut off again at the end.
fn transposed(mut rgb: Vec<u8>, width: usize, height: usize) -> Vec<u8> {
    const COLUMN: usize = STRIP * 3;
    let strips = height.div_ceil(STRIP);
    let padded = strips * STRIP * width * 3;
    rgb.reserve_exact(padded - rgb.len());
    rgb.resize(padded, 0);

    let mut strip_copy = vec![0; STRIP * width * 3];
    for strip in rgb.chunks_exact_mut(STRIP * width * 3) {
        strip_copy.copy_from_slice(strip);
        for (x, column) in strip.chunks_exact_mut(COLUMN).enumerate() {
            for (y, pixel) in column.chunks_exact_mut(3).enumerate() {
                let from = (y * width + x) * 3;
                pixel.copy_from_slice(&strip_copy[from..from + 3]);
            }
        }
    }

    let (columns, _) = rgb.as_chunks_mut::<COLUMN>();
    let mut placed = vec![false; columns.len()];
    for start in 0..columns.len() {
        let mut at = start;
        while !placed[at] {
            placed[at] = true;
            // Place `at` of the new table is row `at / strips`, strip `at % strips`.
            let from = (at % strips) * width + at / strips;
            if placed[from] {
                break;
            }
            columns.swap(at, from);
            at = from;
        }
    }

    // Rows are `strips * STRIP` pixels long now: close the gaps.
    let (long, row) = (strips * COLUMN, height * 3);
    for y in 1..width {
        rgb.copy_within(y * long..y * long + row, y * row);
    }
    rgb.truncate(width * row);
    rgb
}

/// Mirrors left to right.
fn mirror_rows(rgb: &mut [u8], row: usize) {
    for row in rgb.chunks_exact_mut(row) {
        let (pixels, _) = row.as_chunks_mut::<3>();
        pixels.reverse();
    }
}

/// Mirrors top to bottom.
fn swap_rows(rgb: &mut [u8], row: usize) {
    let rows = rgb.len() / row;
    let (top, bottom) = rgb.split_at_mut(rows / 2 * row);
    for (upper, lower) in top
        .chunks_exact_mut(row)
        .zip(bottom.chunks_exact_mut(row).rev())
    {
        upper.swap_with_slice(lower);
    }
}

#[cfg(test)]
mod tests {
    use super::{Orientation, Upright};

    #[test]
    fn two_turns_are_one() {
        let rgb: Vec<u8> = (0..3 * 2 * 3).collect();
        let stored = Upright::new(3, 2, rgb).unwrap();
        for first in Orientation::ALL {
            for next in Orientation::ALL {
                assert_eq!(
                    next.apply(first.apply(stored.clone())),
                    first.then(next).apply(stored.clone()),
                    "{first:?}, then {next:?}"
                );
            }
        }
    }

    #[test]
    fn pixels_end_up_where_exif_says() {
        // Exif 2.32, 4.6.4 A: what the zeroth row and the zeroth column of the stored pixels are.
        for (width, height) in [(1, 1), (5, 1), (1, 5), (3, 2), (31, 33), (64, 32), (97, 70)] {
            let rgb: Vec<u8> = (0..width * height * 3)
                .map(|n| (n * 7 % 253) as u8)
                .collect();
            let stored = Upright::new(width, height, rgb).unwrap();
            for orientation in Orientation::ALL {
                let upright = orientation.apply(stored.clone());
                for y in 0..height {
                    for x in 0..width {
                        let (right, bottom) = (width - 1 - x, height - 1 - y);
                        let (to_x, to_y) = match orientation.exif() {
                            1 => (x, y),
                            2 => (right, y),
                            3 => (right, bottom),
                            4 => (x, bottom),
                            5 => (y, x),
                            6 => (bottom, x),
                            7 => (bottom, right),
                            _ => (y, right),
                        };
                        assert_eq!(
                            upright.pixel(to_x, to_y),
                            stored.pixel(x, y),
                            "{orientation:?} of {width} × {height} at {x}, {y}"
                        );
                    }
                }
            }
        }
    }
}
