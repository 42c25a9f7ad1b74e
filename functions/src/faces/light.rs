//! Brightens dark pictures, and dark parts of others, before they are searched: the network was
//! trained on few dark pictures.

use super::pixels::Levels;
use crate::picture::Upright;

/// If the brightest hundredth of a picture is darker than this ...
const DARK: u8 = 180;
/// ... it is made this bright.
const BRIGHT: f32 = 230.0;
/// If half of any other picture is darker than this ...
const SHADE: u8 = 64;
/// ... it is searched a second time with that half made at most this bright.
const LIT_SHADE: f32 = 128.0;
/// The strongest brightening: beyond it there is only noise.
const MAX_GAIN: f32 = 16.0;

/// How bright the levels of a picture are to appear to the network.
pub(super) struct Light {
    pub(super) usual: Levels,
    /// For a second search, if much of the picture is in the shade, such as people before a bright sky.
    pub(super) shadows: Option<Levels>,
}

impl Light {
    pub(super) fn of(picture: &Upright) -> Self {
        let [median, white] = percentiles(picture, [0.5, 0.99]);
        if white < DARK {
            return Self {
                usual: multiplied(BRIGHT / f32::from(white.max(1))),
                shadows: None,
            };
        }
        Self {
            usual: Levels::default(),
            shadows: (median < SHADE).then(|| multiplied(LIT_SHADE / f32::from(median.max(1)))),
        }
    }
}

fn multiplied(gain: f32) -> Levels {
    let gain = gain.min(MAX_GAIN);
    Levels(std::array::from_fn(|level| {
        (level as f32 * gain).min(255.0)
    }))
}

/// The brightness that these shares of the pixels do not exceed.
fn percentiles<const N: usize>(picture: &Upright, shares: [f64; N]) -> [u8; N] {
    let mut counts = [0_u64; 256];
    let (pixels, _) = picture.rgb().as_chunks();
    for pixel in pixels {
        counts[usize::from(luma(pixel))] += 1;
    }
    shares.map(|share| {
        let wanted = share * pixels.len() as f64;
        let mut seen = 0;
        let level = counts.iter().position(|count| {
            seen += count;
            seen as f64 >= wanted
        });
        level.map_or(u8::MAX, |level| level as u8)
    })
}

/// Rec. 601 luma, as libjpeg computes it.
fn luma(pixel: &[u8; 3]) -> u8 {
    let [r, g, b] = pixel.map(u32::from);
    ((19_595 * r + 38_470 * g + 7_471 * b + 32_768) >> 16) as u8
}

#[cfg(test)]
mod tests {
    use super::Light;
    use crate::picture::Upright;

    fn greys(levels: impl IntoIterator<Item = u8>) -> Upright {
        let rgb: Vec<u8> = levels.into_iter().flat_map(|level| [level; 3]).collect();
        Upright::new(rgb.len() as u32 / 3, 1, rgb).unwrap()
    }

    #[test]
    fn pictures_in_usual_light_are_unchanged() {
        let light = Light::of(&greys(0..=255));
        assert_eq!(light.usual.0[100], 100.0);
        assert!(light.shadows.is_none());
    }

    #[test]
    fn dark_pictures_are_brightened() {
        let light = Light::of(&greys(0..46));
        assert!(
            (light.usual.0[45] - 230.0).abs() < 6.0,
            "{}",
            light.usual.0[45]
        );
        assert_eq!(light.usual.0[200], 255.0);
        assert!(light.shadows.is_none());
    }

    #[test]
    fn black_stays_black() {
        assert_eq!(Light::of(&greys([0; 100])).usual.0[0], 0.0);
    }

    #[test]
    fn shade_beside_light_is_searched_a_second_time() {
        let light = Light::of(&greys([32; 60].into_iter().chain([250; 40])));
        assert_eq!(light.usual.0[32], 32.0);
        assert_eq!(light.shadows.unwrap().0[32], 128.0);
    }
}
