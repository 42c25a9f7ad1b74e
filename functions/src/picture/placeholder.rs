//! The placeholder of a picture, shown until the picture is loaded: a thumbhash as a PNG of a few
//! hundred bytes, small enough to be part of the page.

use std::io::Cursor;

use image::{ImageFormat, Rgb, RgbImage, imageops};

/// The long side in pixels. A thumbhash holds at most seven waves a side; the browser's
/// smoothing does the rest.
const SIDE: u32 = 16;

/// The PNG for a thumbhash; none if the bytes are no thumbhash.
pub fn png(thumbhash: &[u8]) -> Option<Vec<u8>> {
    let (width, height, rgba) = thumbhash::thumb_hash_to_rgba(thumbhash).ok()?;
    let (width, height) = (u32::try_from(width).ok()?, u32::try_from(height).ok()?);
    let pixels = RgbImage::from_fn(width, height, |x, y| {
        let at = (y * width + x) as usize * 4;
        Rgb([rgba[at], rgba[at + 1], rgba[at + 2]])
    });
    let scale = f64::from(SIDE) / f64::from(width.max(height));
    let scaled = |side: u32| ((f64::from(side) * scale).round() as u32).max(1);
    let small = imageops::resize(
        &pixels,
        scaled(width),
        scaled(height),
        imageops::FilterType::Triangle,
    );
    let mut png = Vec::new();
    small
        .write_to(&mut Cursor::new(&mut png), ImageFormat::Png)
        .ok()?;
    Some(png)
}

#[cfg(test)]
mod tests {
    use super::png;

    #[test]
    fn a_thumbhash_becomes_a_small_png() {
        let rgba: Vec<u8> = (0..30 * 20)
            .flat_map(|i| [(i % 30 * 8) as u8, 99, 50, 255])
            .collect();
        let hash = thumbhash::rgba_to_thumb_hash(30, 20, &rgba);

        let png = png(&hash).unwrap();

        assert!(png.len() < 1500, "{} bytes", png.len());
        let decoded = image::load_from_memory(&png).unwrap();
        assert_eq!(decoded.width(), 16);
    }

    #[test]
    fn anything_else_becomes_nothing() {
        assert_eq!(png(b""), None);
        assert_eq!(png(b"ab"), None);
    }
}
