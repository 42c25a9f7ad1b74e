//! Pictures: what has been inspected and verified must hold when the picture is decoded.

use functions::picture::{self, Detail, Limits};
use platform::Format;

/// A megapixel, so that a run is short. The checks are those of any limit.
const LIMITS: Limits = Limits {
    max_pixels: 1 << 20,
};

pub(crate) fn inspect(data: &[u8]) {
    if let Ok(found) = picture::inspect(data, &LIMITS) {
        let pixels = u64::from(found.width) * u64::from(found.height);
        assert!((1..=LIMITS.max_pixels).contains(&pixels), "{found:?}");
        if let Some(camera) = found.camera {
            assert!(camera.chars().count() <= 80, "{camera}");
            assert!(!camera.contains(char::is_control), "{camera:?}");
        }
    }
}

pub(crate) fn decode(format: Format, data: &[u8]) {
    if Format::sniff(data) != Some(format) {
        return;
    }
    let verified = picture::verify(data, &LIMITS);
    let whole = picture::decode(data, &LIMITS, Detail::Full);
    let _ = picture::decode(data, &LIMITS, Detail::AtLeast(64));
    if let (Ok(found), Ok(whole)) = (&verified, &whole) {
        let size = (found.width, found.height);
        assert_eq!((whole.width, whole.height), size, "{found:?}");
    }
    if let Ok(small) = picture::decode_fitting(data, &LIMITS, 100) {
        assert!(small.width.max(small.height) <= 100);
    }
}
