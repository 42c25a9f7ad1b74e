//! Limits of files and pictures. They are checked against the headers, before memory in proportion
//! to the picture's size is allocated or anything is decoded.

use serde::{Deserialize, Serialize};

use super::Refusal;

/// The longest side taken, in pixels: what libjpeg can write (`JPEG_MAX_DIMENSION` in its
/// `jmorecfg.h`), since every rendition is a JPEG.
pub const MAX_SIDE: u32 = 65_500;

/// Parts before and around the pixels: segments of a JPEG, chunks of a PNG or WebP besides those
/// with pixels, blocks of a GIF, boxes and properties of a HEIC or AVIF. An extended XMP of 50 MB
/// is 800 segments.
pub(super) const MAX_PARTS: usize = 4096;

/// Bytes of metadata that one reader looks at: a colour profile once it is inflated, an EXIF
/// block. Profiles of printers have 3 MB.
pub(super) const MAX_PROFILE: usize = 4 << 20;

/// Stray bytes between the segments of a JPEG.
pub(super) const MAX_STRAY: usize = 64 << 10;

/// EXIF blocks of one file, and entries of one EXIF directory. Cameras write one and some fifty.
pub(super) const MAX_EXIF_BLOCKS: usize = 8;
pub(super) const MAX_EXIF_ENTRIES: u16 = 512;

/// Chunks with pixels of a PNG; 512 bytes in each of them are 50 MB.
pub(super) const MAX_PIXEL_CHUNKS: usize = 100_000;

/// Scans of a JPEG. Encoders write some ten; each one visits every block of the picture anew
/// ("Two Issues with the JPEG Standard", libjpeg-turbo).
const MAX_SCANS: u64 = 100;

/// Pixels times scans of a JPEG, so that a large picture has fewer: 25 scans of 100 megapixels.
const MAX_SCANNED: u64 = 2_500_000_000;

/// The largest picture that is decoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
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

    /// Whether a picture of this size may be decoded.
    pub(super) fn check(&self, width: u32, height: u32) -> Result<(), Refusal> {
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

/// Whether a picture of this many pixels may be stored in this many scans.
pub(super) fn check_scans(scans: usize, width: u32, height: u32) -> Result<(), Refusal> {
    let pixels = u64::from(width) * u64::from(height);
    let most = (MAX_SCANNED / pixels.max(1)).clamp(1, MAX_SCANS);
    if scans as u64 > most {
        return Err(Refusal::excessive(&format!("more than {most} scans")));
    }
    Ok(())
}
