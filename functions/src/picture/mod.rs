//! From a file's bytes to upright sRGB pixels, and back to a JPEG without metadata. Malformed and
//! hostile files are handled here, so that the steps only see pixels.

mod colour;
mod exif;
mod gif;
mod heif;
mod hemisphere;
mod jpeg;
mod limits;
mod orientation;
mod pieces;
pub mod placeholder;
mod png;
mod refusal;
mod resize;
mod upright;
mod webp;

use chrono::NaiveDateTime;
use platform::Format;
use serde::{Deserialize, Serialize};

use exif::Metadata;
pub use hemisphere::Hemisphere;
pub use jpeg::encode as encode_jpeg;
pub use limits::{Limits, MAX_SIDE};
pub use orientation::Orientation;
pub use refusal::Refusal;
pub use upright::Upright;

pub(crate) use resize::{fitted, resized};

/// The facts in a file's header, read without decoding any pixel.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Inspection {
    /// The format, by its first bytes.
    pub format: Format,
    /// Width in pixels when held upright.
    pub width: u32,
    /// Height in pixels when held upright.
    pub height: u32,
    /// How the stored pixels have to be turned to stand upright.
    pub orientation: Orientation,
    /// When the photo was taken by the camera's clock, which knows no time zone.
    pub taken_at: Option<NaiveDateTime>,
    /// Make and model, on one line of at most 80 characters.
    pub camera: Option<String>,
    /// The half of the earth on which it was taken, if that is outside the tropics.
    pub hemisphere: Option<Hemisphere>,
    memory: Memory,
}

/// How much detail of a picture is needed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Detail {
    /// Every pixel.
    Full,
    /// The long side stays at least this many pixels (if it has as many): the picture may be
    /// scaled down while it is decoded, which for JPEG saves most of the work.
    AtLeast(u32),
}

/// Memory for decoding besides the file itself, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Memory {
    /// Independent of how much of the picture is wanted.
    fixed: u64,
    /// For each pixel that comes out.
    pixel: u64,
    /// Whether fewer pixels come out where fewer are wanted.
    scales: bool,
}

impl Memory {
    /// The whole picture, at three bytes a pixel.
    const fn rgb() -> Self {
        Self {
            fixed: 0,
            pixel: 3,
            scales: false,
        }
    }
}

/// A file whose header has been read.
trait Source {
    /// Width and height as stored.
    fn size(&self) -> (u32, u32);

    /// The facts from the header. The orientation applies to the pixels from `decode`.
    fn metadata(&self) -> Metadata;

    fn memory(&self) -> Memory;

    /// The cheapest decode that proves that all pixels are present.
    fn verify(&self) -> Result<(), Refusal>;

    /// The pixels as stored, in sRGB.
    fn decode(&self, detail: Detail) -> Result<Upright, Refusal>;
}

/// Reads a header, and refuses what is larger than `limits`.
fn open<'a>(bytes: &'a [u8], limits: &Limits) -> Result<(Format, Box<dyn Source + 'a>), Refusal> {
    let format = Format::sniff(bytes).ok_or(Refusal::NotAnImage)?;
    let source: Box<dyn Source + 'a> = match format {
        Format::Jpeg => Box::new(jpeg::Header::read(bytes)?),
        Format::Png => Box::new(png::Header::read(bytes)?),
        Format::Gif => Box::new(gif::Header::read(bytes)?),
        Format::WebP => Box::new(webp::Header::read(bytes)?),
        Format::Heic | Format::Avif => Box::new(heif::Header::read(bytes, limits)?),
    };
    let (width, height) = source.size();
    limits.check(width, height)?;
    Ok((format, source))
}

/// Reads format, dimensions and metadata from the header. Never allocates memory in proportion to
/// the picture's size, and is cheap for any file.
///
/// # Errors
/// A [`Refusal`] if the format is not supported, the picture is larger than `limits`, or the header
/// cannot be read.
pub fn inspect(bytes: &[u8], limits: &Limits) -> Result<Inspection, Refusal> {
    let (format, source) = open(bytes, limits)?;
    Ok(inspection(format, source.as_ref()))
}

fn inspection(format: Format, source: &dyn Source) -> Inspection {
    let metadata = source.metadata();
    let orientation = metadata.orientation.unwrap_or_default();
    let (width, height) = source.size();
    let (width, height) = orientation.upright_size(width, height);
    Inspection {
        format,
        width,
        height,
        orientation,
        taken_at: metadata.taken_at,
        camera: metadata.camera,
        hemisphere: metadata.hemisphere,
        memory: source.memory(),
    }
}

/// The most bytes that verifying or decoding this picture with this much detail takes besides the
/// file itself, for sharing out memory among several pictures.
pub fn memory_needed(picture: &Inspection, detail: Detail) -> u64 {
    let memory = picture.memory;
    let (width, height) = (u64::from(picture.width), u64::from(picture.height));
    let scale = match detail {
        // The strongest scaling that leaves enough is at most twice as large as wanted; those
        // there are, are an eighth, a quarter and a half.
        Detail::AtLeast(wanted) if memory.scales => [8, 4, 2]
            .into_iter()
            .find(|scale| width.max(height).div_ceil(*scale) >= u64::from(wanted))
            .unwrap_or(1),
        _ => 1,
    };
    let (width, height) = (width.div_ceil(scale), height.div_ceil(scale));
    // Turning needs some rows besides.
    let turning = (width + height) * 3 * 64;
    memory.fixed + memory.pixel * width * height + turning
}

/// [`inspect`], and the cheapest decode that proves that all pixels are present. For uploads: the
/// sender is still there to send another file.
///
/// # Errors
/// As [`inspect`], and [`Refusal::Undecodable`] if the file is cut short or damaged.
pub fn verify(bytes: &[u8], limits: &Limits) -> Result<Inspection, Refusal> {
    let (format, source) = open(bytes, limits)?;
    source.verify()?;
    Ok(inspection(format, source.as_ref()))
}

/// Decodes a picture: upright, in sRGB, transparency on white. Of an animation, the first frame.
///
/// # Errors
/// As [`verify`].
pub fn decode(bytes: &[u8], limits: &Limits, detail: Detail) -> Result<Upright, Refusal> {
    let (_, source) = open(bytes, limits)?;
    let orientation = source.metadata().orientation.unwrap_or_default();
    Ok(orientation.apply(source.decode(detail)?))
}

/// Decodes a picture so that it fits a square of `size` pixels; never enlarged, both sides at
/// least one pixel. The work is done at twice that size where the format allows it.
///
/// # Errors
/// As [`verify`].
pub fn decode_fitting(bytes: &[u8], limits: &Limits, size: u32) -> Result<Upright, Refusal> {
    let (_, source) = open(bytes, limits)?;
    let detail = Detail::AtLeast(size.saturating_mul(2));
    let orientation = source.metadata().orientation.unwrap_or_default();
    // Turning comes last, because it is cheaper on fewer pixels.
    Ok(orientation.apply(fitted(source.decode(detail)?, size)))
}
