//! Pictures that are tilted by half a right angle: between two of the directions, the network finds
//! only some of the faces.

use std::f32::consts::FRAC_1_SQRT_2;

use super::boxes::Candidate;
use crate::picture::Upright;

/// Half a right angle: the rotation that makes tilted faces upright.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tilt {
    Clockwise,
    Anticlockwise,
}

impl Tilt {
    pub(super) const BOTH: [Self; 2] = [Self::Clockwise, Self::Anticlockwise];

    /// The picture turned, on a black ground that holds all of it.
    pub(super) fn turned(self, picture: &Upright) -> Upright {
        let side = side(picture);
        let middle = side as f32 / 2.0;
        let (width, height) = (picture.width as f32, picture.height as f32);
        let mut rgb = vec![0; side as usize * side as usize * 3];
        let (pixels, _) = rgb.as_chunks_mut();
        for (y, row) in pixels.chunks_exact_mut(side as usize).enumerate() {
            for (x, pixel) in row.iter_mut().enumerate() {
                let at = (x as f32 + 0.5 - middle, y as f32 + 0.5 - middle);
                let (x, y) = self.rotated_back(at);
                let (x, y) = (x + width / 2.0, y + height / 2.0);
                if x >= 0.0 && y >= 0.0 && x < width && y < height {
                    *pixel = picture.pixel(x as u32, y as u32);
                }
            }
        }
        Upright::new(side, side, rgb).expect("a picture has pixels")
    }

    /// A box on the turned picture, in coordinates of the picture itself: a slightly larger square
    /// around the same middle, because the face stands on its corner.
    pub(super) fn restored(self, found: Candidate, picture: &Upright) -> Candidate {
        let middle = side(picture) as f32 / 2.0;
        let centre = (
            (found.left + found.right) / 2.0 - middle,
            (found.top + found.bottom) / 2.0 - middle,
        );
        let (x, y) = self.rotated_back(centre);
        let (x, y) = (
            x + picture.width as f32 / 2.0,
            y + picture.height as f32 / 2.0,
        );
        let half = (found.right - found.left).max(found.bottom - found.top) / 2.0;
        Candidate {
            left: x - half,
            top: y - half,
            right: x + half,
            bottom: y + half,
            score: found.score,
        }
    }

    fn rotated_back(self, (x, y): (f32, f32)) -> (f32, f32) {
        let (sum, difference) = ((x + y) * FRAC_1_SQRT_2, (y - x) * FRAC_1_SQRT_2);
        match self {
            Self::Clockwise => (sum, difference),
            Self::Anticlockwise => (-difference, sum),
        }
    }
}

/// The side of the square that holds the picture in every rotation by half a right angle.
fn side(picture: &Upright) -> u32 {
    ((picture.width + picture.height) as f32 * FRAC_1_SQRT_2).ceil() as u32
}

#[cfg(test)]
mod tests {
    use super::Tilt;
    use crate::faces::boxes::Candidate;
    use crate::picture::Upright;

    #[test]
    fn a_box_returns_to_where_its_middle_was() {
        let (width, height) = (90_u32, 60_u32);
        let mut rgb = vec![0; (width * height * 3) as usize];
        let (x, y) = (70, 20);
        for row in y - 3..=y + 3 {
            for column in x - 3..=x + 3 {
                rgb[((row * width + column) * 3) as usize] = 255;
            }
        }
        let picture = Upright::new(width, height, rgb).unwrap();
        for tilt in Tilt::BOTH {
            let turned = tilt.turned(&picture);
            let red = (0..turned.height)
                .flat_map(|y| (0..turned.width).map(move |x| (x, y)))
                .filter(|(x, y)| turned.pixel(*x, *y)[0] == 255);
            let (mut count, mut sum) = (0.0, (0.0, 0.0));
            for (x, y) in red {
                count += 1.0;
                sum = (sum.0 + x as f32 + 0.5, sum.1 + y as f32 + 0.5);
            }
            assert!((count - 49.0_f32).abs() < 8.0, "{tilt:?}: {count}");
            let (x_seen, y_seen) = (sum.0 / count, sum.1 / count);
            let seen = Candidate {
                left: x_seen - 5.0,
                top: y_seen - 5.0,
                right: x_seen + 5.0,
                bottom: y_seen + 5.0,
                score: 0.5,
            };
            let restored = tilt.restored(seen, &picture);
            let middle = (
                (restored.left + restored.right) / 2.0,
                (restored.top + restored.bottom) / 2.0,
            );
            assert!(
                (middle.0 - (x as f32 + 0.5)).abs() < 1.0,
                "{tilt:?}: {middle:?}"
            );
            assert!(
                (middle.1 - (y as f32 + 0.5)).abs() < 1.0,
                "{tilt:?}: {middle:?}"
            );
        }
    }
}
