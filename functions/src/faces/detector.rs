//! The built-in detector, YuNet-s.

use super::search::Search;
use super::yunet::Network;
use super::{DetectError, Detection, Face, FaceDetector, look_again};
use crate::picture::Upright;

/// The name of the detector that is built in, with its version.
pub const BUNDLED: &str = "yunet-s 1";

/// YuNet-s.
pub struct YuNet {
    network: Network,
}

/// The detector with the weights that are part of this program.
///
/// # Panics
/// Never: the weights are checked by a test.
pub fn bundled() -> YuNet {
    YuNet {
        network: Network::bundled().expect("the weights built in are whole"),
    }
}

impl FaceDetector for YuNet {
    fn name(&self) -> &str {
        BUNDLED
    }

    fn detect(&self, picture: &Upright) -> Result<Detection, DetectError> {
        Ok(Search::new(&self.network, picture).detection())
    }

    fn look_again(
        &self,
        copy: &Upright,
        near: &[[f32; 4]],
        thorough: bool,
    ) -> Result<Vec<Face>, DetectError> {
        Ok(look_again::faces(&self.network, copy, near, thorough))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pictures_of_hostile_shapes_are_searched_in_bounds() {
        let detector = bundled();
        let shapes = [
            (1, 1),
            (1, 20_000),
            (20_000, 1),
            (13, 200),
            (3000, 40),
            (65, 4100),
        ];
        for (width, height) in shapes {
            let rgb = (0..width * height * 3)
                .map(|n| (n * 37 % 251) as u8)
                .collect();
            let picture = Upright::new(width, height, rgb).unwrap();
            for face in detector.detect(&picture).unwrap().faces {
                assert!(face.x >= 0 && face.x as u32 + face.width <= width);
                assert!(face.y >= 0 && face.y as u32 + face.height <= height);
                assert!(face.width > 0 && face.height > 0);
                assert!((0.0..=1.0).contains(&face.score));
            }
        }
    }
}
