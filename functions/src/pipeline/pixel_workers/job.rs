//! What a worker can be asked to do, and what comes out. A new piece of work on pixels is a variant
//! of [`Job`], one of [`Output`], and an arm in each function here.

use entity::embedded::EmbeddedWords;
use platform::settings::CaptionSource;
use serde::{Deserialize, Serialize};

use crate::faces::FaceDetector;
use crate::picture::{self, Detail, Inspection, Limits, Refusal, memory_needed};
use crate::steps::annotate::{self, CAPTION_LONG_SIDE, CaptionPicture, JpegUse, Known};
use crate::steps::anonymise::{self, AnonymiseError, Anonymised};
use crate::steps::thumbnail::{self, Thumbnail};
use crate::words;

/// Memory that the face detector takes besides the picture: copies of it at the sizes that are
/// searched, and the layers of the network for one tile. The benchmark `pixels` shows the whole.
const DETECTOR: u64 = 96 << 20;

/// Memory of small things: tables of the decoders, the placeholder, buffers of the encoder.
const SMALL_THINGS: u64 = 2 << 20;

/// Work on the pixels of one file.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum Job {
    /// The cheapest decode that proves that the pixels are there.
    Verify {
        /// Whether there has to be memory for every step, because they are done here.
        for_steps: bool,
    },
    Thumbnail {
        /// Side, in pixels, of the square that it fits into.
        size: u32,
    },
    Anonymise(anonymise::Request),
    CaptionInput {
        /// What is covered, if faces need not be found again.
        known: Option<Known>,
        /// The picture for providers.
        source: CaptionSource,
        jpeg_use: JpegUse,
    },
    /// Misbehaviour on demand.
    #[cfg(feature = "testing")]
    Misbehave(super::misbehaviour::Misbehaviour),
}

/// What a job found out. The bytes of files travel apart from the rest.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum Output {
    /// With the words that the file brings along.
    Verified(Option<EmbeddedWords>),
    Thumbnail(Thumbnail),
    Anonymised(Anonymised),
    CaptionInput(CaptionParts),
    #[cfg(feature = "testing")]
    Behaved(String),
}

/// What a captioner needs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CaptionParts {
    pub picture: CaptionPicture,
    /// The number of faces of which the detector is sure.
    pub faces: usize,
    /// Whether there is one face, and it is large.
    pub is_portrait: bool,
    /// Whether all of it is clearly blurred.
    pub is_blurred: bool,
}

/// Why a job has no output, although its worker is well.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
pub enum JobError {
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The face detector failed.
    #[error("{0}")]
    Detector(String),
    /// The code panicked, with this message.
    #[error("{0}")]
    Panicked(String),
    /// The file cannot be read or the result not written.
    #[error("{0}")]
    Io(String),
}

impl From<AnonymiseError> for JobError {
    fn from(error: AnonymiseError) -> Self {
        match error {
            AnonymiseError::Refused(refusal) => Self::Refused(refusal),
            AnonymiseError::Detector(error) => Self::Detector(error.to_string()),
        }
    }
}

impl Job {
    /// The step that needs the most memory.
    pub(super) const LARGEST: Self = Self::Anonymise(anonymise::Request::first(1024));

    /// Bytes of memory that the work takes at most, besides the file itself.
    pub(super) fn memory_needed(&self, picture: &Inspection) -> u64 {
        let pixels = u64::from(picture.width) * u64::from(picture.height);
        let at_least = |side: u32| {
            // Resizing takes a copy of the result, and another one between its two passes.
            let side = u64::from(side);
            memory_needed(picture, Detail::AtLeast(side as u32 * 2)) + side * side * 3 * 3
        };
        let whole = || memory_needed(picture, Detail::Full) + DETECTOR;
        let work = match self {
            Self::Verify { .. } => memory_needed(picture, Detail::AtLeast(0)),
            Self::Thumbnail { size } => at_least(*size),
            // A JPEG of the whole picture has a third of its bytes at the very most.
            Self::Anonymise(request) => {
                whole() + pixels + u64::from(request.thumbnail_size).pow(2) * 3
            }
            Self::CaptionInput { known: Some(_), .. } => at_least(CAPTION_LONG_SIDE),
            Self::CaptionInput { known: None, .. } => {
                whole() + u64::from(CAPTION_LONG_SIDE).pow(2) * 3 * 3
            }
            #[cfg(feature = "testing")]
            Self::Misbehave(_) => 0,
        };
        work + SMALL_THINGS
    }

    /// Does the work in this process.
    pub(super) fn perform(
        &self,
        bytes: &[u8],
        limits: &Limits,
        detector: &dyn FaceDetector,
    ) -> Result<Output, JobError> {
        Ok(match self {
            Self::Verify { .. } => {
                picture::verify(bytes, limits)?;
                Output::Verified(words::embedded(bytes))
            }
            Self::Thumbnail { size } => Output::Thumbnail(thumbnail::make(bytes, *size, limits)?),
            Self::Anonymise(request) => {
                Output::Anonymised(anonymise::make(bytes, request, detector, limits)?)
            }
            Self::CaptionInput {
                known,
                source,
                jpeg_use,
            } => {
                let source = jpeg_use.source(*source);
                let input = annotate::prepare(bytes, limits, detector, known.clone(), source)?;
                Output::CaptionInput(CaptionParts {
                    picture: CaptionPicture::of(&input.picture, *jpeg_use)?,
                    faces: input.faces,
                    is_portrait: input.is_portrait,
                    is_blurred: input.is_blurred,
                })
            }
            #[cfg(feature = "testing")]
            Self::Misbehave(how) => Output::Behaved(how.perform()),
        })
    }
}

impl Output {
    /// The files of this output, in a fixed order: a worker writes them, and the process that asked
    /// for them fills them in.
    pub(super) fn files(&mut self) -> Vec<&mut Vec<u8>> {
        match self {
            Self::Verified(_) => Vec::new(),
            Self::Thumbnail(made) => vec![&mut made.jpeg],
            Self::Anonymised(made) => vec![&mut made.jpeg, &mut made.thumbnail],
            Self::CaptionInput(made) => vec![&mut made.picture.jpeg],
            #[cfg(feature = "testing")]
            Self::Behaved(_) => Vec::new(),
        }
    }
}

#[cfg(all(test, feature = "testing"))]
mod tests {
    use platform::settings::Settings;

    use super::super::budget::MemoryBudget;
    use super::*;
    use crate::testing::png;

    const SIZES: &str = include_str!("../../../../terraform/sizes.tf");

    /// The sizes of the functions on AWS, in MiB.
    fn function_sizes() -> Vec<u64> {
        let sizes = SIZES.lines().filter_map(|line| {
            let (name, size) = line.split_once('=')?;
            (name.trim() == "memory").then(|| size.trim().parse().ok())?
        });
        sizes.collect()
    }

    #[test]
    fn a_png_of_the_largest_size_fits_the_memory_of_each_function() {
        let settings = Settings::from_variables([]).unwrap();
        let side = settings.max_pixels.isqrt() as u32;
        let (eight_bits, with_transparency) = (8, 6);
        let header = png(side, side, eight_bits, with_transparency, &[], &[]);
        let limits = Limits {
            max_pixels: settings.max_pixels,
        };
        let found = picture::inspect(&header, &limits).unwrap();
        let needed = Job::LARGEST.memory_needed(&found);
        let sizes = function_sizes();
        assert_eq!(sizes.len(), 3);
        for size in sizes {
            let budget = MemoryBudget::share_of(size << 20);
            assert_eq!(budget.check(needed), Ok(()), "{needed} in {size} MiB");
        }
        // The test would notice a size that is too small.
        assert!(MemoryBudget::share_of(512 << 20).check(needed).is_err());
    }
}
