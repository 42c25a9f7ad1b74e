//! What leaves the machine.

use std::collections::HashSet;

use functions::faces::{Certainty, DetectError, Detection, Face, FaceDetector};
use functions::picture::{Detail, Limits, Upright, decode};
use functions::steps::annotate::{
    CaptionInput, CaptionPicture, Captioner as _, Gemini, JpegUse, Known, Prompt, Subject, prepare,
};
use functions::steps::anonymise::Region;
use functions::testing;
use functions::testing::provider::Provider;
use platform::settings::CaptionSource;

use crate::{PATIENCE, subject};

const LIMITS: Limits = Limits {
    max_pixels: 100_000_000,
};

/// A face on a photo of 2000 × 1000 pixels, and the middle of it on the copy of 1536 × 768.
const FACE: Face = Face {
    x: 1000,
    y: 250,
    width: 300,
    height: 300,
    score: 0.9,
    certainty: Certainty::Sure,
};

/// A detector that knows where the face is.
struct Told;

impl FaceDetector for Told {
    fn name(&self) -> &str {
        "told"
    }

    fn detect(&self, picture: &Upright) -> Result<Detection, DetectError> {
        assert_eq!(picture.width, 2000, "it is asked about the whole picture");
        Ok(vec![FACE].into())
    }
}

/// A detector that must not be asked.
struct Unasked;

impl FaceDetector for Unasked {
    fn name(&self) -> &str {
        "unasked"
    }

    fn detect(&self, _: &Upright) -> Result<Detection, DetectError> {
        panic!("the faces are known already");
    }
}

/// Black and white stripes of ten pixels: nothing of them survives in a mosaic's cell.
fn stripes() -> Upright {
    let row = (0..2000).flat_map(|x| if x / 10 % 2 == 0 { [0; 3] } else { [255; 3] });
    let row: Vec<u8> = row.collect();
    Upright::new(2000, 1000, row.repeat(1000)).unwrap()
}

fn known() -> Known {
    Known {
        cover: vec![Region::from(&FACE)],
        faces: 1,
    }
}

fn seen(detector: &dyn FaceDetector, known: Option<Known>, source: CaptionSource) -> CaptionInput {
    let photo = testing::jpeg(&stripes());
    prepare(&photo, &LIMITS, detector, known, source).unwrap()
}

/// How many colours there are inside the face on the small copy.
fn colours_in_the_face(picture: &Upright) -> usize {
    assert_eq!((picture.width, picture.height), (1536, 768));
    let (xs, ys) = (770..996, 194..420);
    let mut colours = HashSet::new();
    for y in ys {
        colours.extend(xs.clone().map(|x| picture.pixel(x, y)));
    }
    colours.len()
}

#[test]
fn faces_are_found_and_made_unrecognisable_before_anything_is_sent() {
    let input = seen(&Told, None, CaptionSource::Anonymised);
    assert_eq!(input.faces, 1);
    assert!(colours_in_the_face(&input.picture) <= 16);
}

#[test]
fn faces_that_are_known_are_not_looked_for_again() {
    let input = seen(&Unasked, Some(known()), CaptionSource::Anonymised);
    assert_eq!(input.faces, 1);
    assert!(colours_in_the_face(&input.picture) <= 16);
}

#[test]
fn an_uncertain_face_is_covered_and_not_counted() {
    let uncertain = Known {
        faces: 0,
        ..known()
    };
    let input = seen(&Unasked, Some(uncertain), CaptionSource::Anonymised);
    assert_eq!(input.faces, 0);
    assert!(colours_in_the_face(&input.picture) <= 16);
}

#[test]
fn the_original_is_shown_to_providers_only_if_somebody_says_so() {
    for (detector, known) in [
        (&Told as &dyn FaceDetector, None),
        (&Unasked, Some(known())),
    ] {
        let input = seen(detector, known, CaptionSource::Original);
        assert_eq!(input.faces, 1);
        assert!(colours_in_the_face(&input.picture) > 16);
    }
}

#[tokio::test]
async fn the_bytes_that_a_provider_receives_hold_no_face() {
    let provider = Provider::start().await;
    let gemini = Gemini::new(&provider.gemini(), Prompt::default(), PATIENCE).unwrap();
    for source in [CaptionSource::Anonymised, CaptionSource::Original] {
        let input = seen(&Told, None, source);
        let subject = Subject {
            picture: CaptionPicture::of(&input.picture, JpegUse::Sending).unwrap(),
            ..subject()
        };
        gemini.caption(&subject).await.unwrap();
    }
    let received: Vec<Upright> = provider
        .asked()
        .iter()
        .map(|asked| decode(&asked.picture(), &LIMITS, Detail::Full).unwrap())
        .collect();
    assert!(spread(&received[0]) <= 2, "a cell holds one colour");
    assert!(spread(&received[1]) > 200, "the photo has stripes there");
}

#[tokio::test]
async fn real_photos_take_tens_of_kilobytes() {
    let Some(photos) = testing::real_photos() else {
        return;
    };
    let provider = Provider::start().await;
    let gemini = Gemini::new(&provider.gemini(), Prompt::default(), PATIENCE).unwrap();
    for folder in ["people", "places"] {
        for (_, photo) in testing::files_in(photos.join(folder)) {
            let known = Some(Known::default());
            let input = prepare(&photo, &LIMITS, &Unasked, known, CaptionSource::Original).unwrap();
            let subject = Subject {
                picture: CaptionPicture::of(&input.picture, JpegUse::Sending).unwrap(),
                ..subject()
            };
            gemini.caption(&subject).await.unwrap();
        }
    }
    let asked = provider.asked();
    let mut sizes: Vec<_> = asked.iter().map(|asked| asked.picture().len()).collect();
    sizes.sort_unstable();
    let (median, most) = (sizes[sizes.len() / 2], sizes[sizes.len() - 1]);
    println!("{median} bytes at the median, {most} at most");
    assert!(median < 100_000 && most < 120_000, "{sizes:?}");
}

/// How far the reds are apart in the middle of one of the mosaic's cells, which is at 883 to 960
/// and 230 to 307 if the picture is 1536 pixels wide; JPEG blurs its edges.
fn spread(picture: &Upright) -> u8 {
    assert_eq!(picture.width, 2 * picture.height);
    let at = |on_1536: u32| on_1536 * picture.width / 1536;
    let reds =
        (at(245)..at(290)).flat_map(|y| (at(900)..at(940)).map(move |x| picture.pixel(x, y)[0]));
    let (low, high) = reds.fold((u8::MAX, 0), |(low, high), red| {
        (low.min(red), high.max(red))
    });
    high - low
}
