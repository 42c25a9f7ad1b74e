//! From a file's bytes to upright sRGB pixels, and back to a JPEG that carries nothing else.
//! Everything a stranger's file can do wrong is met here, so that what follows sees pixels only.

mod colour;
mod exif;
mod jpeg;
mod orientation;
mod raster;
mod refusal;
mod resize;
mod upright;

use chrono::NaiveDateTime;
use platform::Format;

pub use jpeg::encode as encode_jpeg;
pub use orientation::Orientation;
pub use refusal::Refusal;
pub use upright::Upright;

pub(crate) use resize::{fitted, resized};

/// The longest side taken, in pixels: what libjpeg can write (`JPEG_MAX_DIMENSION` in its
/// `jmorecfg.h`), since every rendition is a JPEG.
pub const MAX_SIDE: u32 = 65_500;

/// What is decoded at most. Checked against the header, before anything of the picture's size
/// is allocated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Width times height, in pixels.
    pub max_pixels: u64,
}

impl Limits {
    /// The limit for a setting in megapixels (millions of pixels).
    pub fn megapixels(megapixels: u32) -> Self {
        Self {
            max_pixels: u64::from(megapixels) * 1_000_000,
        }
    }

    fn check(&self, width: u32, height: u32) -> Result<(), Refusal> {
        if width == 0 || height == 0 {
            return Err(Refusal::damaged("the header says it has no pixels"));
        }
        if u64::from(width) * u64::from(height) > self.max_pixels {
            return Err(Refusal::TooManyPixels {
                width,
                height,
                max_pixels: self.max_pixels,
            });
        }
        if width.max(height) > MAX_SIDE {
            return Err(Refusal::SideTooLong { width, height });
        }
        Ok(())
    }
}

/// What a file says about itself, without a single pixel decoded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Inspection {
    /// The format its bytes announce.
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
}

/// How much of a picture is needed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Detail {
    /// Every pixel.
    Full,
    /// The long side stays at least this many pixels (if it has as many): the picture may be
    /// scaled down while it is decoded, which for JPEG saves most of the work.
    AtLeast(u32),
}

/// The pixels as the file stores them, in sRGB, and how to turn them upright. Turning comes
/// last, because it is cheaper on fewer pixels.
struct Stored {
    picture: Upright,
    orientation: Orientation,
}

/// Reads format, dimensions and metadata from the header. Allocates nothing of the picture's
/// size, whatever the header claims.
///
/// # Errors
/// A [`Refusal`] if this is no picture of ours, or larger than `limits`, or has no readable header.
pub fn inspect(bytes: &[u8], limits: &Limits) -> Result<Inspection, Refusal> {
    let format = Format::sniff(bytes).ok_or(Refusal::NotAnImage)?;
    let (size, exif) = match format {
        Format::Jpeg => {
            let header = jpeg::Header::read(bytes)?;
            limits.check(header.width, header.height)?;
            (
                (header.width, header.height),
                header.exif.map(<[u8]>::to_vec),
            )
        }
        _ => raster::inspect(format, bytes, limits)?,
    };
    let metadata = exif.map(exif::read).unwrap_or_default();
    let (width, height) = metadata.orientation.upright_size(size.0, size.1);
    Ok(Inspection {
        format,
        width,
        height,
        orientation: metadata.orientation,
        taken_at: metadata.taken_at,
        camera: metadata.camera,
    })
}

/// [`inspect`], and the cheapest decode that proves the pixels are there: for use at upload,
/// when the sender is still present and can do something about a broken file.
///
/// # Errors
/// As [`inspect`], and [`Refusal::Undecodable`] if the file is cut short or damaged.
pub fn verify(bytes: &[u8], limits: &Limits) -> Result<Inspection, Refusal> {
    let inspection = inspect(bytes, limits)?;
    match inspection.format {
        Format::Jpeg => jpeg::verify(bytes, limits)?,
        format => raster::verify(format, bytes, limits)?,
    }
    Ok(inspection)
}

/// Decodes a picture: upright, in sRGB, transparency on white. Of an animation, the first frame.
///
/// # Errors
/// As [`verify`].
pub fn decode(bytes: &[u8], limits: &Limits, detail: Detail) -> Result<Upright, Refusal> {
    let stored = decode_stored(bytes, limits, detail)?;
    Ok(stored.orientation.apply(stored.picture))
}

/// Decodes a picture so that it fits a square of `size` pixels; never enlarged, both sides at
/// least one pixel. The work is done at twice that size where the format allows it.
///
/// # Errors
/// As [`verify`].
pub fn decode_fitting(bytes: &[u8], limits: &Limits, size: u32) -> Result<Upright, Refusal> {
    let detail = Detail::AtLeast(size.saturating_mul(2));
    let stored = decode_stored(bytes, limits, detail)?;
    Ok(stored.orientation.apply(fitted(stored.picture, size)))
}

fn decode_stored(bytes: &[u8], limits: &Limits, detail: Detail) -> Result<Stored, Refusal> {
    let (picture, exif) = match Format::sniff(bytes).ok_or(Refusal::NotAnImage)? {
        Format::Jpeg => jpeg::decode(bytes, limits, detail)?,
        format => raster::decode(format, bytes, limits)?,
    };
    let orientation = exif.map(exif::read).unwrap_or_default().orientation;
    Ok(Stored {
        picture,
        orientation,
    })
}
