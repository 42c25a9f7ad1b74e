//! Scaling, on the SIMD resizer.

use fast_image_resize::{FilterType, PixelType, ResizeAlg, ResizeOptions, Resizer, images};

use super::Upright;

/// The size that fits a square of `size` pixels with the same proportions; never larger, and
/// at least one pixel each way.
fn fitting_size(width: u32, height: u32, size: u32) -> (u32, u32) {
    let size = size.max(1);
    let long = width.max(height);
    if long <= size {
        return (width, height);
    }
    let scale =
        |side: u32| (u64::from(side) * u64::from(size) + u64::from(long) / 2) / u64::from(long);
    let clamp = |side: u64| u32::try_from(side).unwrap_or(size).clamp(1, size);
    (clamp(scale(width)), clamp(scale(height)))
}

/// The picture scaled down to fit, or nothing if it fits already.
pub(super) fn fitting(picture: &Upright, size: u32) -> Option<Upright> {
    let (width, height) = fitting_size(picture.width, picture.height, size);
    if (width, height) == (picture.width, picture.height) {
        return None;
    }
    let rgb = scaled(
        picture.rgb(),
        (picture.width, picture.height),
        (width, height),
        FilterType::Lanczos3,
    );
    Upright::new(width, height, rgb)
}

/// The picture made to fit, without a copy if it fits already.
pub(crate) fn fitted(picture: Upright, size: u32) -> Upright {
    fitting(&picture, size).unwrap_or(picture)
}

/// The picture scaled to exactly `width` × `height`.
pub(crate) fn resized(picture: &Upright, width: u32, height: u32) -> Upright {
    let from = (picture.width, picture.height);
    let filter = FilterType::CatmullRom;
    let rgb = scaled(picture.rgb(), from, (width, height), filter);
    Upright::new(width, height, rgb).expect("a picture of that size has pixels")
}

fn scaled(pixels: &[u8], from: (u32, u32), to: (u32, u32), filter: FilterType) -> Vec<u8> {
    if from == to {
        return pixels.to_vec();
    }
    let source = images::ImageRef::new(from.0, from.1, pixels, PixelType::U8x3)
        .expect("a picture has as many bytes as its size says");
    let mut target = images::Image::new(to.0, to.1, PixelType::U8x3);
    let options = ResizeOptions::new()
        .resize_alg(ResizeAlg::Convolution(filter))
        .use_alpha(false);
    Resizer::new()
        .resize(&source, &mut target, &options)
        .expect("both pictures have the same pixel type");
    target.into_vec()
}

#[cfg(test)]
mod tests {
    use super::fitting_size;

    #[test]
    fn a_picture_keeps_its_proportions_and_never_grows() {
        assert_eq!(fitting_size(4000, 3000, 400), (400, 300));
        assert_eq!(fitting_size(3000, 4000, 400), (300, 400));
        assert_eq!(fitting_size(400, 400, 400), (400, 400));
        assert_eq!(fitting_size(10, 7, 400), (10, 7));
        assert_eq!(fitting_size(65_500, 1, 400), (400, 1));
        assert_eq!(fitting_size(1000, 333, 0), (1, 1));
    }
}
