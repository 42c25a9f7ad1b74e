//! The names of the main colours of a picture.

use crate::picture::Upright;

/// Smaller shares are not mentioned.
const WORTH_NAMING: f64 = 0.12;

/// Pixels that are sampled: shares are right to within one per cent, and it takes less than a
/// millisecond, whatever the size of the picture.
const SAMPLES: usize = 40_000;

/// The main colours of a picture, largest share first: one to three. The names are the eleven basic
/// colour terms of English (Berlin and Kay, 1969).
pub(super) fn dominant(picture: &Upright) -> Vec<&'static str> {
    let mut shares: Vec<(&'static str, usize)> = NAMES.iter().map(|name| (*name, 0)).collect();
    let pixels = picture.rgb().len() / 3;
    // Odd, so that stripes of two colours are not mistaken for one.
    let step = (pixels / SAMPLES) | 1;
    for pixel in picture.rgb().chunks_exact(3).step_by(step) {
        let name = name([pixel[0], pixel[1], pixel[2]]);
        if let Some((_, count)) = shares.iter_mut().find(|(known, _)| *known == name) {
            *count += 1;
        }
    }
    shares.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    let samples = pixels.div_ceil(step) as f64;
    shares
        .iter()
        .enumerate()
        .take(3)
        .filter(|(place, (_, count))| *place == 0 || *count as f64 / samples >= WORTH_NAMING)
        .map(|(_, (name, _))| *name)
        .collect()
}

const NAMES: [&str; 11] = [
    "black", "white", "grey", "red", "orange", "yellow", "green", "blue", "purple", "pink", "brown",
];

/// Hue, saturation and value (Smith, 1978), cut where the names change.
fn name(rgb: [u8; 3]) -> &'static str {
    let [r, g, b] = rgb.map(f64::from);
    let value = r.max(g).max(b);
    let chroma = value - r.min(g).min(b);
    let saturation = if value > 0.0 { chroma / value } else { 0.0 };
    if value < 45.0 {
        return "black";
    }
    if saturation < 0.14 || chroma < 18.0 {
        return match value {
            v if v < 60.0 => "black",
            v if v < 205.0 => "grey",
            _ => "white",
        };
    }
    let hue = 60.0
        * if value == r {
            ((g - b) / chroma).rem_euclid(6.0)
        } else if value == g {
            (b - r) / chroma + 2.0
        } else {
            (r - g) / chroma + 4.0
        };
    match hue {
        h if !(14.0..340.0).contains(&h) => match (value, saturation) {
            (v, s) if v > 180.0 && s < 0.5 => "pink",
            (v, s) if v < 130.0 && s < 0.6 => "brown",
            _ => "red",
        },
        h if h < 42.0 => match (value, saturation) {
            (v, s) if v > 190.0 && s > 0.6 && (v > 215.0 || s > 0.75) => "orange",
            (v, s) if v > 200.0 && s < 0.35 => "pink",
            _ => "brown",
        },
        h if h < 68.0 => match value {
            v if v < 130.0 && h < 55.0 => "brown",
            v if v < 150.0 => "green",
            _ => "yellow",
        },
        h if h < 165.0 => "green",
        h if h < 255.0 => "blue",
        h if h < 300.0 => "purple",
        _ => {
            if value > 150.0 {
                "pink"
            } else {
                "purple"
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{dominant, name};
    use crate::picture::Upright;

    #[test]
    fn colours_have_common_names() {
        for (rgb, expected) in [
            ([0, 0, 0], "black"),
            ([255, 255, 255], "white"),
            ([128, 128, 128], "grey"),
            ([220, 20, 20], "red"),
            ([255, 140, 0], "orange"),
            ([250, 230, 40], "yellow"),
            ([40, 140, 50], "green"),
            ([60, 120, 220], "blue"),
            ([135, 190, 235], "blue"),
            ([120, 40, 170], "purple"),
            ([250, 170, 190], "pink"),
            ([110, 70, 40], "brown"),
            ([30, 25, 28], "black"),
        ] {
            assert_eq!(name(rgb), expected, "{rgb:?}");
        }
    }

    #[test]
    fn colours_are_sorted_by_share_and_small_shares_omitted() {
        let mut rgb = Vec::new();
        rgb.extend([0, 0, 250].repeat(60));
        rgb.extend([20, 160, 40].repeat(35));
        rgb.extend([255, 0, 0].repeat(5));
        let picture = Upright::new(10, 10, rgb).unwrap();
        assert_eq!(dominant(&picture), ["blue", "green"]);
    }
}
