//! Files of kinds that `functions::testing` does not make.

use functions::picture::Upright;
use turbojpeg::{Compressor, Image, PixelFormat};

/// A picture as a progressive JPEG.
pub(crate) fn progressive(picture: &Upright) -> Vec<u8> {
    let mut compressor = Compressor::new().unwrap();
    compressor.set_quality(95).unwrap();
    compressor.set_progressive(true).unwrap();
    compressor
        .compress_to_vec(Image {
            pixels: picture.rgb(),
            width: picture.width as usize,
            pitch: picture.width as usize * 3,
            height: picture.height as usize,
            format: PixelFormat::RGB,
        })
        .unwrap()
}

/// A JPEG without its first segment, JFIF's, which has 18 bytes.
pub(crate) fn without_jfif(jpeg: &[u8]) -> Vec<u8> {
    [&jpeg[..2], &jpeg[20..]].concat()
}

/// Where the first start of a frame is.
pub(crate) fn frame_at(jpeg: &[u8]) -> usize {
    let frame = |marker: &[u8]| marker[0] == 0xFF && matches!(marker[1], 0xC0..=0xC2);
    jpeg.windows(2).position(frame).unwrap()
}

/// Where the last scan begins.
pub(crate) fn last_scan_at(jpeg: &[u8]) -> usize {
    jpeg.windows(2)
        .rposition(|marker| marker == [0xFF, 0xDA])
        .unwrap()
}
