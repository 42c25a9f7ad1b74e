//! The four directions in which a picture may lie. The network finds upright faces only.

use super::boxes::Candidate;
use crate::picture::{Orientation, Upright};

/// How a picture has to be turned for its faces to stand upright.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Direction {
    Upright,
    QuarterClockwise,
    UpsideDown,
    QuarterAnticlockwise,
}

impl Direction {
    /// All but upright.
    pub(super) const TURNED: [Self; 3] = [
        Self::QuarterClockwise,
        Self::UpsideDown,
        Self::QuarterAnticlockwise,
    ];

    /// The picture turned so.
    pub(super) fn turned(self, picture: Upright) -> Upright {
        match self {
            Self::Upright => picture,
            Self::QuarterClockwise => Orientation::QuarterClockwise.apply(picture),
            Self::UpsideDown => Orientation::UpsideDown.apply(picture),
            Self::QuarterAnticlockwise => Orientation::QuarterAnticlockwise.apply(picture),
        }
    }

    /// A box on the turned picture, in coordinates of the picture itself, whose size is given.
    pub(super) fn restored(self, found: Candidate, (width, height): (f32, f32)) -> Candidate {
        let Candidate {
            left,
            top,
            right,
            bottom,
            score,
        } = found;
        let [left, top, right, bottom] = match self {
            Self::Upright => [left, top, right, bottom],
            Self::QuarterClockwise => [top, height - right, bottom, height - left],
            Self::UpsideDown => [width - right, height - bottom, width - left, height - top],
            Self::QuarterAnticlockwise => [width - bottom, left, width - top, right],
        };
        Candidate {
            left,
            top,
            right,
            bottom,
            score,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Direction;
    use crate::faces::boxes::Candidate;
    use crate::picture::Upright;

    #[test]
    fn a_box_on_the_turned_picture_returns_to_the_same_pixels() {
        let (width, height) = (5_u32, 3_u32);
        let rgb: Vec<u8> = (0..width * height * 3).map(|n| n as u8).collect();
        let picture = Upright::new(width, height, rgb).unwrap();
        for direction in [Direction::Upright].into_iter().chain(Direction::TURNED) {
            let turned = direction.turned(picture.clone());
            for y in 0..turned.height {
                for x in 0..turned.width {
                    let pixel = Candidate {
                        left: x as f32,
                        top: y as f32,
                        right: x as f32 + 1.0,
                        bottom: y as f32 + 1.0,
                        score: 0.5,
                    };
                    let restored = direction.restored(pixel, (width as f32, height as f32));
                    assert_eq!(restored.right - restored.left, 1.0);
                    assert_eq!(restored.bottom - restored.top, 1.0);
                    let (left, top) = (restored.left as u32, restored.top as u32);
                    assert_eq!(
                        turned.pixel(x, y),
                        picture.pixel(left, top),
                        "{direction:?}"
                    );
                }
            }
        }
    }
}
