//! Whether a picture is clearly blurred, going by its edges. Only what can be known counts: a picture
//! with few edges, such as a sky or a drawing in soft colours, is not called blurred.

use crate::picture::Upright;

/// Long side of the copy that is measured, in pixels, about as a page shows it. Pictures below half
/// of it are not judged.
const LONG_SIDE: u32 = 768;

/// The picture is divided into as many tiles each way: what is in focus may be a small part of it.
const TILES: usize = 8;

/// Pixels within which an edge goes from dark to bright.
const REACH: usize = 8;

/// Levels of brightness, of 256, between the two sides of an edge at least.
const CONTRAST: i16 = 32;

/// Only each row or column of this many is looked at.
const STRIDE: usize = 2;

/// Places on edges that a tile needs.
const PLACES: usize = 10;

/// Tiles with edges that a picture needs, of all [`TILES`] squared. A single soft line, such as the
/// edge of a shadow, is in sixteen at most.
const TILES_WITH_EDGES: usize = 20;

/// In a sharp picture more than half of an edge's contrast is between two neighbouring pixels. The
/// sharpest tiles of a blurred one have less than this. `docs/captions.md` has the measurements.
const BLURRED: f32 = 0.28;

/// Whether all of the picture is blurred, also if it is only in one direction.
pub(super) fn is_blurred(picture: &Upright) -> bool {
    steepness(picture).is_some_and(|steepness| steepness < BLURRED)
}

/// How much of an edge's contrast is between two neighbouring pixels, in the sharpest of twenty
/// tiles, and in the direction in which that is less. The contrast itself does not matter.
fn steepness(picture: &Upright) -> Option<f32> {
    if picture.width.max(picture.height) < LONG_SIDE / 2 {
        return None;
    }
    let brightness = Brightness::of(&picture.fitting(LONG_SIDE));
    let directions = [brightness.tiles(true), brightness.tiles(false)];
    let sharpest = directions.into_iter().filter_map(|mut tiles| {
        tiles.sort_by(|a, b| b.total_cmp(a));
        (tiles.len() >= TILES_WITH_EDGES).then(|| tiles[tiles.len() / 20])
    });
    sharpest.min_by(f32::total_cmp)
}

struct Brightness {
    width: usize,
    height: usize,
    levels: Vec<u8>,
}

impl Brightness {
    /// With the weights of Rec. 601.
    fn of(picture: &Upright) -> Self {
        let level = |pixel: &[u8]| {
            let [r, g, b] = [0, 1, 2].map(|n| u32::from(pixel[n]));
            ((r * 77 + g * 150 + b * 29) >> 8) as u8
        };
        Self {
            width: picture.width as usize,
            height: picture.height as usize,
            levels: picture.rgb().chunks_exact(3).map(level).collect(),
        }
    }

    /// The steepness of each tile that has edges, along rows or along columns.
    fn tiles(&self, along_rows: bool) -> Vec<f32> {
        let places = (0..TILES * TILES).map(|n| (n % TILES, n / TILES));
        places
            .filter_map(|(x, y)| self.tile(x, y, along_rows))
            .collect()
    }

    fn tile(&self, x: usize, y: usize, along_rows: bool) -> Option<f32> {
        let part = |n: usize, side: usize| n * side / TILES..(n + 1) * side / TILES;
        let (columns, rows) = (part(x, self.width), part(y, self.height));
        let mut edges = Vec::new();
        let (lines, along) = match along_rows {
            true => (rows, columns),
            false => (columns, rows),
        };
        for line in lines.step_by(STRIDE) {
            let levels: Vec<i16> = along
                .clone()
                .map(|at| match along_rows {
                    true => self.levels[line * self.width + at],
                    false => self.levels[at * self.width + line],
                })
                .map(i16::from)
                .collect();
            edges.extend(levels.windows(REACH + 1).filter_map(edge));
        }
        steepness_of(edges)
    }
}

/// The contrast within a few pixels, and the share of it that is between two of them.
fn edge(levels: &[i16]) -> Option<(i16, f32)> {
    let least = levels.iter().min()?;
    let contrast = levels.iter().max()? - least;
    if contrast < CONTRAST {
        return None;
    }
    let steps = levels.windows(2).map(|pair| (pair[1] - pair[0]).abs());
    Some((contrast, f32::from(steps.max()?) / f32::from(contrast)))
}

/// The mean share of the strongest tenth of a tile's edges.
fn steepness_of(mut edges: Vec<(i16, f32)>) -> Option<f32> {
    edges.sort_by_key(|(contrast, _)| std::cmp::Reverse(*contrast));
    let strongest = &edges[..edges.len().min(PLACES.max(edges.len() / 10))];
    if strongest.len() < PLACES {
        return None;
    }
    let sum: f32 = strongest.iter().map(|(_, share)| share).sum();
    Some(sum / strongest.len() as f32)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::picture::{Detail, Limits, decode};
    use crate::testing::{self, Noise};

    /// Rectangles of all brightnesses between two, on top of each other.
    fn rectangles(low: u8, high: u8) -> Upright {
        let (width, height) = (900, 600);
        let mut noise = Noise(1);
        let mut levels = vec![low; width * height];
        for _ in 0..600 {
            let (x, y) = (noise.below(width), noise.below(height));
            let (w, h) = (20 + noise.below(80), 20 + noise.below(80));
            let level = low + noise.below(usize::from(high - low) + 1) as u8;
            for y in y..(y + h).min(height) {
                levels[y * width + x..y * width + (x + w).min(width)].fill(level);
            }
        }
        let rgb = levels.into_iter().flat_map(|level| [level; 3]).collect();
        Upright::new(width as u32, height as u32, rgb).unwrap()
    }

    /// Each pixel is the mean of those around it, which is nearly a Gaussian blur after three times.
    fn blurred(picture: &Upright, across: usize, down: usize, times: usize) -> Upright {
        let (width, height) = (picture.width as usize, picture.height as usize);
        let mut rgb = picture.rgb().to_vec();
        for _ in 0..times {
            for (radius, count, step, lines, next) in [
                (across, width, 3, height, width * 3),
                (down, height, width * 3, width, 3),
            ] {
                let before = rgb.clone();
                for (line, channel) in (0..lines).flat_map(|line| (0..3).map(move |c| (line, c))) {
                    let at = |n: usize| line * next + channel + n * step;
                    for n in 0..count {
                        let around = n.saturating_sub(radius)..(n + radius + 1).min(count);
                        let sum: usize = around.clone().map(|n| usize::from(before[at(n)])).sum();
                        rgb[at(n)] = (sum / around.len()) as u8;
                    }
                }
            }
        }
        Upright::new(picture.width, picture.height, rgb).unwrap()
    }

    #[test]
    fn contrast_makes_no_difference() {
        for (low, high) in [(0, 255), (80, 200)] {
            let picture = rectangles(low, high);
            assert!(!is_blurred(&picture));
            assert!(is_blurred(&blurred(&picture, 3, 3, 3)));
        }
    }

    #[test]
    fn a_picture_that_was_shaken_in_one_direction_is_blurred() {
        let picture = rectangles(0, 255);
        assert!(is_blurred(&blurred(&picture, 9, 0, 1)));
        assert!(is_blurred(&blurred(&picture, 0, 9, 1)));
    }

    #[test]
    fn a_picture_with_one_sharp_corner_is_not_blurred() {
        let sharp = rectangles(0, 255);
        let mut picture = blurred(&sharp, 5, 5, 3);
        let row = picture.width as usize * 3;
        for y in 0..200 {
            let part = y * row..y * row + 300 * 3;
            picture.rgb_mut()[part.clone()].copy_from_slice(&sharp.rgb()[part]);
        }
        assert!(!is_blurred(&picture));
    }

    #[test]
    fn a_picture_without_edges_is_not_called_blurred() {
        let plain = Upright::new(900, 600, [90, 140, 220].repeat(900 * 600)).unwrap();
        let sky = (0..600).flat_map(|y| [90, 120, 150 + (y / 6) as u8].repeat(900));
        let sky = Upright::new(900, 600, sky.collect()).unwrap();
        let mut wall_with_a_soft_shadow = plain.clone();
        for (n, level) in wall_with_a_soft_shadow.rgb_mut().iter_mut().enumerate() {
            let x = n / 3 % 900;
            *level -= (x.clamp(440, 460) - 440) as u8 * 4;
        }
        for picture in [
            plain,
            sky,
            wall_with_a_soft_shadow,
            testing::picture(1, 900, 600),
            crate::steps::annotate::sample(),
        ] {
            assert!(!is_blurred(&picture));
        }
    }

    #[test]
    fn small_pictures_are_not_judged() {
        let small = blurred(&rectangles(0, 255), 3, 3, 3).fitting(383);
        assert_eq!(steepness(&small), None);
    }

    #[test]
    fn real_photos_are_blurred_if_somebody_blurred_them() {
        let Some(photos) = testing::real_photos() else {
            return;
        };
        for (name, file) in ["people", "places"]
            .into_iter()
            .flat_map(|folder| testing::files_in(photos.join(folder)))
        {
            let photo = decode(&file, &Limits::megapixels(100), Detail::Full).unwrap();
            let photo = photo.fitting(1536);
            let radius = photo.width.max(photo.height) as usize / 200;
            assert!(!is_blurred(&photo), "{name}");
            assert!(is_blurred(&blurred(&photo, radius, radius, 3)), "{name}");
        }
    }
}
