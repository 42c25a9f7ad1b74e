//! Files of kinds that `functions::testing` does not make.

use functions::picture::Upright;
use functions::testing;
use platform::Format;
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

/// A WebP of one frame with transparency, in the middle of a larger canvas.
pub(crate) fn animated_webp() -> Vec<u8> {
    let triple = |n: u32| n.to_le_bytes()[..3].to_vec();
    let chunk = |name: &[u8; 4], body: &[u8]| {
        [&name[..], &(body.len() as u32).to_le_bytes(), body].concat()
    };
    let still = testing::translucent(Format::WebP, [200, 0, 0, 255], 20, 10);
    let frame = [
        triple(5),
        triple(5),
        triple(19),
        triple(9),
        triple(100),
        vec![0],
        still[12..].to_vec(),
    ];
    let body = [
        b"WEBP".to_vec(),
        chunk(
            b"VP8X",
            &[vec![0x12, 0, 0, 0], triple(39), triple(29)].concat(),
        ),
        chunk(b"ANIM", &[0; 6]),
        chunk(b"ANMF", &frame.concat()),
    ];
    chunk(b"RIFF", &body.concat())
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
