//! JPEG, through libjpeg-turbo. It decodes at a fraction of the size where less is needed, and
//! it warns where we must decide: a photo that is cut short is refused, one with a few stray
//! bytes is not.

use std::borrow::Cow;

use turbojpeg::{Colorspace, Compressor, Decompressor, Image, PixelFormat, ScalingFactor, Subsamp};

use super::{Detail, Limits, Refusal, Upright, colour};
pub(super) use header::Header;

mod header;

/// More passes over one picture than any encoder writes; each costs a full decode.
const MAX_SCANS: u32 = 100;

/// Writes a picture as a baseline JPEG with 4:2:0 colour and no metadata at all.
///
/// # Errors
/// [`Refusal::Unwritable`] if libjpeg runs out of memory or a side is longer than
/// [`MAX_SIDE`](super::MAX_SIDE).
pub fn encode(picture: &Upright, quality: u8) -> Result<Vec<u8>, Refusal> {
    let write = || {
        let mut compressor = Compressor::new()?;
        compressor.set_quality(i32::from(quality.clamp(1, 100)))?;
        compressor.set_subsamp(Subsamp::Sub2x2)?;
        let width = picture.width as usize;
        compressor.compress_to_vec(Image {
            pixels: picture.rgb(),
            width,
            pitch: width * 3,
            height: picture.height as usize,
            format: PixelFormat::RGB,
        })
    };
    write().map_err(|error: turbojpeg::Error| Refusal::Unwritable(error.to_string()))
}

/// Decodes at an eighth of the size, which reads every coefficient and computes few pixels.
pub(super) fn verify(bytes: &[u8], limits: &Limits) -> Result<(), Refusal> {
    let header = Header::read(bytes)?;
    pixels(bytes, &header, limits, Detail::AtLeast(0)).map(drop)
}

/// The pixels as stored, and the EXIF block if there is one.
pub(super) fn decode(
    bytes: &[u8],
    limits: &Limits,
    detail: Detail,
) -> Result<(Upright, Option<Vec<u8>>), Refusal> {
    let header = Header::read(bytes)?;
    let decoded = pixels(bytes, &header, limits, detail)?;
    let icc = header.icc();
    let rgb = match decoded.format {
        PixelFormat::CMYK => colour::cmyk_to_srgb(decoded.pixels, icc.as_deref()),
        _ => {
            let mut rgb = decoded.pixels;
            colour::to_srgb(&mut rgb, icc.as_deref());
            rgb
        }
    };
    let picture = u32::try_from(decoded.width)
        .ok()
        .zip(u32::try_from(decoded.height).ok())
        .and_then(|(width, height)| Upright::new(width, height, rgb))
        .ok_or_else(|| Refusal::damaged("it has fewer pixels than it says"))?;
    Ok((picture, header.exif.map(<[u8]>::to_vec)))
}

fn pixels(
    bytes: &[u8],
    header: &Header<'_>,
    limits: &Limits,
    detail: Detail,
) -> Result<Image<Vec<u8>>, Refusal> {
    limits.check(header.width, header.height)?;
    let bytes: Cow<'_, [u8]> = header.repaired(bytes);
    let mut decompressor = Decompressor::new().map_err(fatal)?;
    let found = decompressor.read_header(&bytes).map_err(fatal)?;
    if (found.width, found.height) != (header.width as usize, header.height as usize) {
        return Err(Refusal::damaged("it has two sizes"));
    }
    let factor = match detail {
        Detail::AtLeast(long_side) if !found.is_lossless => {
            scaling(found.width.max(found.height), long_side as usize)
        }
        _ => ScalingFactor::ONE,
    };
    decompressor.set_scaling_factor(factor).map_err(fatal)?;
    decompressor.set_scan_limit(MAX_SCANS).map_err(fatal)?;
    let format = match found.colorspace {
        Colorspace::CMYK | Colorspace::YCCK => PixelFormat::CMYK,
        _ => PixelFormat::RGB,
    };
    let scaled = found.scaled(factor);
    let pitch = scaled.width * format.size();
    let mut image = Image {
        pixels: vec![0; pitch * scaled.height],
        width: scaled.width,
        pitch,
        height: scaled.height,
        format,
    };
    match decompressor.decompress(&bytes, image.as_deref_mut()) {
        Err(error) if !is_harmless(&error, header.ended) => Err(fatal(error)),
        _ => Ok(image),
    }
}

/// The strongest of the scalings that libjpeg-turbo does with SIMD which leaves the long side
/// at `wanted` pixels or more.
fn scaling(long_side: usize, wanted: usize) -> ScalingFactor {
    [
        ScalingFactor::ONE_EIGHTH,
        ScalingFactor::ONE_QUARTER,
        ScalingFactor::ONE_HALF,
    ]
    .into_iter()
    .find(|factor| factor.scale(long_side) >= wanted)
    .unwrap_or(ScalingFactor::ONE)
}

/// libjpeg goes on after a warning and has filled the picture; the crate reports the first
/// warning and the last error alike, by its text only (`jerror.h`). These are the warnings that
/// leave every pixel in place: stray bytes between two markers, and oddities of old encoders.
/// In a file without an end, a first harmless warning may hide that the rest is missing.
fn is_harmless(error: &turbojpeg::Error, ended: bool) -> bool {
    let turbojpeg::Error::TurboJpegError(message) = error else {
        return false;
    };
    if message.contains("extraneous bytes before marker 0xd9") {
        return true;
    }
    let odd = [
        "extraneous bytes before marker",
        "Inconsistent progression sequence",
        "Invalid SOS parameters for sequential JPEG",
        "Unknown Adobe color transform code",
    ];
    ended && odd.iter().any(|start| message.contains(start))
}

fn fatal(error: turbojpeg::Error) -> Refusal {
    let message = error.to_string();
    let cut_short = ["remature end", "empty input file"];
    if cut_short.iter().any(|sign| message.contains(sign)) {
        Refusal::truncated()
    } else {
        Refusal::damaged(&message)
    }
}
