//! PNG, GIF and WebP, through the `image` crate. Dimensions are read from the file's first
//! bytes by hand where the decoders would allocate on their word.

use std::io::{Cursor, ErrorKind};

use image::codecs::{gif::GifDecoder, png::PngDecoder, webp::WebPDecoder};
use image::{ColorType, ImageDecoder, ImageError};
use platform::Format;

use super::{Limits, Refusal, Upright, colour};

/// What a decoder may allocate besides the picture itself: metadata, and tables.
const SLACK: u64 = 32 << 20;

/// Width and height as stored, and the EXIF block if there is one.
type Header = ((u32, u32), Option<Vec<u8>>);

pub(super) fn inspect(format: Format, bytes: &[u8], limits: &Limits) -> Result<Header, Refusal> {
    let mut decoder = open(format, bytes, limits)?;
    let exif = decoder.exif_metadata().ok().flatten();
    Ok((decoder.dimensions(), exif))
}

pub(super) fn verify(format: Format, bytes: &[u8], limits: &Limits) -> Result<(), Refusal> {
    read(open(format, bytes, limits)?).map(drop)
}

/// The pixels as stored, and the EXIF block if there is one.
pub(super) fn decode(
    format: Format,
    bytes: &[u8],
    limits: &Limits,
) -> Result<(Upright, Option<Vec<u8>>), Refusal> {
    let mut decoder = open(format, bytes, limits)?;
    let exif = decoder.exif_metadata().ok().flatten();
    let icc = decoder.icc_profile().ok().flatten();
    let (width, height) = decoder.dimensions();
    let colour = decoder.color_type();
    let mut rgb = opaque_rgb(read(decoder)?, colour);
    colour::to_srgb(&mut rgb, icc.as_deref());
    let picture = Upright::new(width, height, rgb)
        .ok_or_else(|| Refusal::damaged("it has fewer pixels than it says"))?;
    Ok((picture, exif))
}

/// A decoder that has read the header, whose dimensions are within the limits.
fn open<'a>(
    format: Format,
    bytes: &'a [u8],
    limits: &Limits,
) -> Result<Box<dyn ImageDecoder + 'a>, Refusal> {
    if let Some((width, height)) = claimed_size(format, bytes) {
        limits.check(width, height)?;
    }
    let mut allocation = image::Limits::default();
    allocation.max_alloc = Some(limits.max_pixels.saturating_mul(8).saturating_add(SLACK));
    let input = Cursor::new(bytes);
    let mut decoder: Box<dyn ImageDecoder> = match format {
        Format::Png => {
            Box::new(PngDecoder::with_limits(input, allocation.clone()).map_err(refusal)?)
        }
        Format::Gif => Box::new(GifDecoder::new(input).map_err(refusal)?),
        Format::WebP => Box::new(WebPDecoder::new(input).map_err(refusal)?),
        Format::Jpeg => unreachable!("JPEG has a module of its own"),
    };
    let (width, height) = decoder.dimensions();
    limits.check(width, height)?;
    decoder.set_limits(allocation).map_err(refusal)?;
    Ok(decoder)
}

/// Width and height where they stand at a fixed place: PNG (third edition) 11.2.1 `IHDR`,
/// GIF89a section 18.
fn claimed_size(format: Format, bytes: &[u8]) -> Option<(u32, u32)> {
    match format {
        Format::Png => {
            let word = |at: usize| {
                let word = bytes.get(at..at + 4)?.try_into().ok()?;
                Some(u32::from_be_bytes(word))
            };
            Some((word(16)?, word(20)?))
        }
        Format::Gif => {
            let word = |at: usize| {
                let word = bytes.get(at..at + 2)?.try_into().ok()?;
                Some(u32::from(u16::from_le_bytes(word)))
            };
            Some((word(6)?, word(8)?))
        }
        _ => None,
    }
}

fn read(decoder: Box<dyn ImageDecoder + '_>) -> Result<Vec<u8>, Refusal> {
    let length = usize::try_from(decoder.total_bytes())
        .map_err(|_| Refusal::damaged("its size does not fit in memory"))?;
    let mut pixels = vec![0; length];
    decoder.read_image_boxed(&mut pixels).map_err(refusal)?;
    Ok(pixels)
}

fn refusal(error: ImageError) -> Refusal {
    match error {
        ImageError::IoError(error) if error.kind() == ErrorKind::UnexpectedEof => {
            Refusal::truncated()
        }
        error => {
            let what = error.to_string();
            let ends_early = [
                "end of file",
                "unexpected end",
                "UnexpectedEof",
                "too short",
            ];
            if ends_early.iter().any(|sign| what.contains(sign)) {
                Refusal::truncated()
            } else {
                Refusal::damaged(&what)
            }
        }
    }
}

/// Whatever the decoder gives, as three opaque bytes a pixel, in the same memory. Of 16 bits
/// the upper eight are kept, and transparency is laid on white.
fn opaque_rgb(mut pixels: Vec<u8>, colour: ColorType) -> Vec<u8> {
    let channels = usize::from(colour.channel_count());
    let wide = usize::from(colour.bytes_per_pixel()) / channels.max(1) == 2;
    if wide {
        let count = pixels.len() / 2;
        for at in 0..count {
            let sample = u16::from_ne_bytes([pixels[at * 2], pixels[at * 2 + 1]]);
            // 65,535 is to 255 what 257 is to 1.
            pixels[at] = ((u32::from(sample) + 128) / 257) as u8;
        }
        pixels.truncate(count);
    }
    match channels {
        1 => pixels.iter().flat_map(|grey| [*grey; 3]).collect(),
        2 => pixels
            .chunks_exact(2)
            .flat_map(|p| [on_white(p[0], p[1]); 3])
            .collect(),
        4 => {
            let count = pixels.len() / 4;
            for at in 0..count {
                let alpha = pixels[at * 4 + 3];
                for channel in 0..3 {
                    pixels[at * 3 + channel] = on_white(pixels[at * 4 + channel], alpha);
                }
            }
            pixels.truncate(count * 3);
            pixels.shrink_to_fit();
            pixels
        }
        _ => pixels,
    }
}

fn on_white(value: u8, alpha: u8) -> u8 {
    let (value, alpha) = (u32::from(value), u32::from(alpha));
    ((value * alpha + 255 * (255 - alpha) + 127) / 255) as u8
}
