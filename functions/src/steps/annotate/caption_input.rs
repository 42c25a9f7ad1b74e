//! The input of a captioner: a small copy, on which faces are made unrecognisable unless the
//! settings say otherwise. This is the last step before a picture may leave the machine.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use platform::settings::CaptionSource;
use serde::{Deserialize, Serialize};

use super::{colours, sharpness};
use crate::faces::{Certainty, FaceDetector};
use crate::picture::{self, Detail, Limits, Refusal, Upright, encode_jpeg};
use crate::steps::anonymise::{AnonymiseError, Region, cover};

/// Long side of the small copy, in pixels. Providers scale down to about that themselves.
pub(crate) const LONG_SIDE: u32 = 1536;
/// A JPEG of this size or less is sent, in bytes.
const FEW_BYTES: usize = 100_000;
/// Long sides, in pixels, and JPEG qualities that are tried until the JPEG is small enough; the
/// last one is sent whatever its size. Leaves and pebbles take several times the bytes of faces and
/// walls.
const SHAPES: [(u32, u8); 4] = [(LONG_SIDE, 75), (LONG_SIDE, 55), (1152, 55), (896, 55)];

/// The JPEG quality of what is read on this machine, where bytes do not matter.
const READING_QUALITY: u8 = 90;

/// The height of the only face in a portrait, as a share of the picture's height, at least.
const PORTRAIT: f32 = 0.25;

#[derive(Clone, Debug)]
pub struct CaptionInput {
    pub picture: Upright,
    /// The number of faces of which the detector is sure.
    pub faces: usize,
    /// Whether there is one face, and it is large.
    pub is_portrait: bool,
    /// Whether all of it is clearly blurred.
    pub is_blurred: bool,
}

/// What a captioner does with a JPEG of the picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum JpegUse {
    /// It needs none.
    Nothing,
    /// It reads text in it, on this machine.
    Reading,
    /// It sends it to a provider.
    Sending,
}

impl JpegUse {
    /// The picture that it is made from. The setting is about providers; faces are covered before
    /// anything else.
    pub(crate) fn source(self, for_providers: CaptionSource) -> CaptionSource {
        match self {
            Self::Sending => for_providers,
            Self::Nothing | Self::Reading => CaptionSource::Anonymised,
        }
    }
}

/// What is known of a picture whose copy was made before.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Known {
    /// What is covered, in pixels of the whole upright picture.
    pub cover: Vec<Region>,
    /// The number of boxes that are surely faces.
    pub faces: usize,
}

/// Makes the small copy. Unless it is known what to cover, faces are detected on the same pixels as in
/// `anonymise`, so that caption and boxes agree.
pub fn prepare(
    original: &[u8],
    limits: &Limits,
    detector: &dyn FaceDetector,
    known: Option<Known>,
    source: CaptionSource,
) -> Result<CaptionInput, AnonymiseError> {
    let (mut picture, size, known) = match known {
        Some(known) => {
            let whole = picture::inspect(original, limits)?;
            let picture = picture::decode_fitting(original, limits, LONG_SIDE)?;
            (picture, (whole.width, whole.height), known)
        }
        None => {
            let whole = picture::decode(original, limits, Detail::Full)?;
            let faces = detector.detect(&whole)?.faces;
            let size = (whole.width, whole.height);
            let known = Known {
                cover: faces.iter().map(Region::from).collect(),
                faces: faces
                    .iter()
                    .filter(|face| face.certainty == Certainty::Sure)
                    .count(),
            };
            (picture::fitted(whole, LONG_SIDE), size, known)
        }
    };
    // Mosaics have sharp edges.
    let is_blurred = sharpness::is_blurred(&picture);
    if source == CaptionSource::Anonymised {
        let scaled: Vec<Region> = known
            .cover
            .iter()
            .map(|region| scaled(region, size, (picture.width, picture.height)))
            .collect();
        cover(&mut picture, &scaled);
    }
    let is_portrait = match known.cover.as_slice() {
        [face] => known.faces == 1 && face.height as f32 / size.1.max(1) as f32 >= PORTRAIT,
        _ => false,
    };
    Ok(CaptionInput {
        picture,
        faces: known.faces,
        is_portrait,
        is_blurred,
    })
}

/// A region on a picture of another size, rounded outwards: never smaller than it was.
fn scaled(region: &Region, from: (u32, u32), to: (u32, u32)) -> Region {
    let (x, width) = span(region.x, region.width, from.0, to.0);
    let (y, height) = span(region.y, region.height, from.1, to.1);
    Region {
        x,
        y,
        width,
        height,
        ..*region
    }
}

fn span(start: i32, length: u32, from: u32, to: u32) -> (i32, u32) {
    let scale = f64::from(to) / f64::from(from);
    let first = (f64::from(start) * scale).floor();
    let end = ((f64::from(start) + f64::from(length)) * scale).ceil();
    (first as i32, (end - first) as u32)
}

/// What a captioner gets to know of the small copy. The pixels stay in the process that decoded
/// them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CaptionPicture {
    /// In pixels.
    pub width: u32,
    /// In pixels.
    pub height: u32,
    /// The main colours, largest share first.
    pub colours: Vec<String>,
    /// Without metadata; empty if the captioner needs none. One that is sent may be smaller than the
    /// picture.
    #[serde(skip)]
    pub jpeg: Vec<u8>,
}

impl CaptionPicture {
    /// What a captioner needs that uses the JPEG so.
    pub fn of(picture: &Upright, jpeg_use: JpegUse) -> Result<Self, Refusal> {
        Ok(Self {
            width: picture.width,
            height: picture.height,
            colours: colours::dominant(picture)
                .into_iter()
                .map(str::to_owned)
                .collect(),
            jpeg: match jpeg_use {
                JpegUse::Nothing => Vec::new(),
                JpegUse::Reading => encode_jpeg(picture, READING_QUALITY)?,
                JpegUse::Sending => small_jpeg(picture)?,
            },
        })
    }

    /// The JPEG in base64, as all providers want it.
    pub(super) fn base64_jpeg(&self) -> String {
        BASE64.encode(&self.jpeg)
    }
}

fn small_jpeg(picture: &Upright) -> Result<Vec<u8>, Refusal> {
    let own_size = picture.width.max(picture.height);
    let mut shapes = SHAPES
        .map(|(size, quality)| (size.min(own_size), quality))
        .to_vec();
    // Small pictures are not scaled, and need not be tried twice.
    shapes.dedup();
    let mut jpeg = Vec::new();
    for (long_side, quality) in shapes {
        jpeg = encode_jpeg(&picture.fitting(long_side), quality)?;
        if jpeg.len() <= FEW_BYTES {
            break;
        }
    }
    Ok(jpeg)
}

#[cfg(test)]
mod tests {
    use super::{FEW_BYTES, LONG_SIDE, SHAPES, small_jpeg, span};
    use crate::picture::{Upright, encode_jpeg};
    use crate::testing::Noise;

    fn noise(width: u32, height: u32, loudness: usize) -> Upright {
        let mut noise = Noise(1);
        let rgb = (0..width * height * 3).map(|_| u8::try_from(noise.below(loudness)).unwrap());
        Upright::new(width, height, rgb.collect()).unwrap()
    }

    #[test]
    fn first_encoding_within_the_limit_is_sent() {
        let mut met = Vec::new();
        for loudness in [1, 24, 48, 96, 256] {
            let picture = noise(LONG_SIDE, 1024, loudness);
            let sent = small_jpeg(&picture).unwrap();
            let shapes =
                SHAPES.map(|(size, quality)| encode_jpeg(&picture.fitting(size), quality).unwrap());
            let sizes = shapes.each_ref().map(Vec::len);
            let first = sizes.iter().position(|size| *size <= FEW_BYTES);
            assert!(
                sent == shapes[first.unwrap_or(SHAPES.len() - 1)],
                "{sizes:?}"
            );
            met.push(first);
        }
        assert_eq!(met, [Some(0), Some(1), Some(2), Some(3), None]);
    }

    #[test]
    fn scaled_boxes_cover_the_whole_face() {
        assert_eq!(span(100, 50, 1000, 500), (50, 25));
        assert_eq!(span(101, 50, 1000, 500), (50, 26));
        assert_eq!(span(999, 1, 1000, 100), (99, 1));
        assert_eq!(span(0, 1000, 1000, 333), (0, 333));
    }
}
