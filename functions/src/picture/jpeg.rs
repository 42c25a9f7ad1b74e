//! JPEG, through libjpeg-turbo. It can decode at a fraction of the size. Its warnings are judged
//! here: a photo that is cut short is refused, one with a few stray bytes is taken.

use std::borrow::Cow;

use turbojpeg::{Compressor, Decompressor, Image, PixelFormat, ScalingFactor, Subsamp};

use super::exif::{self, Metadata};
use super::limits::check_scans;
use super::{Detail, Memory, Refusal, Source, Upright, colour};
pub(super) use header::Header;

mod header;

/// More scans than any picture may have; libjpeg counts them once more.
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

impl Source for Header<'_> {
    fn size(&self) -> (u32, u32) {
        (self.width, self.height)
    }

    fn metadata(&self) -> Metadata {
        exif::read_all(self.exif.iter().copied())
    }

    fn memory(&self) -> Memory {
        let coefficients = if self.several_scans || self.lossless {
            self.coefficients()
        } else {
            0
        };
        Memory {
            // Some rows of blocks, whole and upsampled.
            fixed: coefficients + self.profile_memory() + u64::from(self.width) * 256 + (1 << 20),
            pixel: if self.is_cmyk() { 4 } else { 3 },
            scales: !self.lossless,
        }
    }

    /// Decodes at an eighth of the size, which reads every coefficient and computes few pixels.
    fn verify(&self) -> Result<(), Refusal> {
        pixels(self, Detail::AtLeast(0)).map(drop)
    }

    fn decode(&self, detail: Detail) -> Result<Upright, Refusal> {
        let decoded = pixels(self, detail)?;
        let source = self.icc().map_or(colour::Source::Srgb, |icc| {
            colour::Source::Icc(Cow::Owned(icc))
        });
        let rgb = match decoded.format {
            PixelFormat::CMYK => colour::cmyk_to_srgb(decoded.pixels, &source),
            _ => {
                let mut rgb = decoded.pixels;
                colour::to_srgb(&mut rgb, &source, self.is_grey());
                rgb
            }
        };
        u32::try_from(decoded.width)
            .ok()
            .zip(u32::try_from(decoded.height).ok())
            .and_then(|(width, height)| Upright::new(width, height, rgb))
            .ok_or_else(|| Refusal::damaged("it has fewer pixels than it says"))
    }
}

/// Decodes the file unchanged, and after a warning once more without the parts that libjpeg warns
/// about for no consequence.
fn pixels(header: &Header<'_>, detail: Detail) -> Result<Image<Vec<u8>>, Refusal> {
    let mut scans = None;
    if header.several_scans {
        let found = header.scans();
        check_scans(found.count, header.width, header.height)?;
        if !found.complete {
            return Err(Refusal::truncated());
        }
        scans = Some(found);
    }
    if !header.is_odd() {
        let (image, complaint) = attempt(header.bytes, header, detail)?;
        let Some(complaint) = complaint else {
            return Ok(image);
        };
        let scans = scans.get_or_insert_with(|| header.scans());
        if is_harmless(&complaint, scans.ended) {
            return Ok(image);
        }
    }
    let scans = scans.unwrap_or_else(|| header.scans());
    match attempt(&header.mended(&scans), header, detail)? {
        (_, Some(complaint)) if !is_harmless(&complaint, scans.ended) => Err(refusal(&complaint)),
        (image, _) => Ok(image),
    }
}

/// Decodes with libjpeg. After a warning it goes on and fills the picture; the crate reports the
/// first warning and an error alike, by its text.
fn attempt(
    bytes: &[u8],
    header: &Header<'_>,
    detail: Detail,
) -> Result<(Image<Vec<u8>>, Option<String>), Refusal> {
    let fatal = |error: turbojpeg::Error| refusal(&error.to_string());
    let mut decompressor = Decompressor::new().map_err(fatal)?;
    let factor = match detail {
        Detail::AtLeast(long_side) if !header.lossless => {
            scaling(header.width.max(header.height) as usize, long_side as usize)
        }
        _ => ScalingFactor::ONE,
    };
    let format = match header.is_cmyk() {
        true => PixelFormat::CMYK,
        false => PixelFormat::RGB,
    };
    let mut image = Image {
        pixels: Vec::new(),
        width: factor.scale(header.width as usize),
        pitch: 0,
        height: factor.scale(header.height as usize),
        format,
    };
    let found = match decompressor.read_header(bytes) {
        Ok(found) => found,
        Err(error) => return Ok((image, Some(error.to_string()))),
    };
    if (found.width, found.height) != (header.width as usize, header.height as usize) {
        return Err(Refusal::damaged("it has two sizes"));
    }
    decompressor.set_scaling_factor(factor).map_err(fatal)?;
    decompressor.set_scan_limit(MAX_SCANS).map_err(fatal)?;
    image.pitch = image.width * format.size();
    image.pixels = vec![0; image.pitch * image.height];
    let result = decompressor.decompress(bytes, image.as_deref_mut());
    Ok((image, result.err().map(|error| error.to_string())))
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

/// Whether this is a warning (`jerror.h`) that leaves every pixel in place: stray bytes between
/// two markers, and oddities of old encoders. In a file without an end, a first harmless warning
/// may hide that the rest is missing.
fn is_harmless(complaint: &str, ended: bool) -> bool {
    if complaint.contains("extraneous bytes before marker 0xd9") {
        return true;
    }
    let odd = [
        "extraneous bytes before marker",
        "Inconsistent progression sequence",
        "Invalid SOS parameters for sequential JPEG",
    ];
    ended && odd.iter().any(|start| complaint.contains(start))
}

fn refusal(complaint: &str) -> Refusal {
    if complaint.contains("Insufficient memory") {
        return Refusal::NoMemory;
    }
    let cut_short = ["remature end", "empty input file"];
    if cut_short.iter().any(|sign| complaint.contains(sign)) {
        Refusal::truncated()
    } else {
        Refusal::damaged(complaint)
    }
}
