//! Files that are broken, or meant to break something.

use std::time::{Duration, Instant};

use functions::picture::{
    Detail, Limits, Orientation, Refusal, decode, inspect, memory_needed, verify,
};
use functions::steps::{annotate, thumbnail};
use functions::testing::{self, Noise};
use platform::Format;

use crate::allocations::allocated;
use crate::{LIMITS, decoded, refused};

#[test]
fn other_files_are_refused_with_a_list_of_the_formats() {
    for file in [
        &b""[..],
        b"<svg xmlns='http://www.w3.org/2000/svg'/>",
        b"\xFF\xD8",
    ] {
        let refusal = inspect(file, &LIMITS).unwrap_err();
        assert_eq!(refusal, Refusal::NotAnImage);
        assert!(refusal.to_string().contains(Format::ACCEPTED));
    }
}

#[test]
fn a_header_that_claims_too_much_is_refused_before_anything_is_allocated() {
    for (format, side) in [
        (Format::Jpeg, 60_000),
        (Format::Png, 60_000),
        (Format::Gif, 60_000),
        (Format::WebP, 16_383),
        (Format::Heic, 60_000),
        (Format::Avif, 60_000),
    ] {
        let file = testing::claiming(format, side, side);
        let expected = Refusal::TooManyPixels {
            width: side,
            height: side,
            max_pixels: LIMITS.max_pixels,
        };
        let before = peak_memory();
        assert_eq!(inspect(&file, &LIMITS).unwrap_err(), expected, "{format:?}");
        assert_eq!(verify(&file, &LIMITS).unwrap_err(), expected);
        assert_eq!(refused(&file), expected);
        assert_eq!(thumbnail::make(&file, 400, &LIMITS).unwrap_err(), expected);
        assert!(expected.is_too_large());
        // Other tests run at the same time; one decode of this would be gigabytes.
        assert!(peak_memory() - before < 400 << 20, "{format:?}");
    }
}

/// The most memory this process ever held, in bytes; zero where the system does not tell.
fn peak_memory() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))
        .and_then(|line| line.trim().trim_end_matches(" kB").parse::<usize>().ok())
        .unwrap_or(0)
        * 1024
}

#[test]
fn sizes_that_overflow_are_refused() {
    for (width, height) in [(u32::MAX, u32::MAX), (u32::MAX, 1), (1, 1 << 31)] {
        let file = testing::claiming(Format::Png, width, height);
        assert!(
            inspect(
                &file,
                &Limits {
                    max_pixels: u64::MAX
                }
            )
            .is_err()
        );
    }
}

#[test]
fn a_side_that_no_jpeg_can_have_is_refused() {
    let file = testing::claiming(Format::Png, 65_501, 1);
    let refusal = inspect(&file, &LIMITS).unwrap_err();
    assert!(matches!(refusal, Refusal::SideTooLong { .. }), "{refusal}");
}

#[test]
fn a_picture_without_pixels_is_refused() {
    for format in [Format::Jpeg, Format::Png, Format::Heic, Format::Avif] {
        assert!(inspect(&testing::claiming(format, 0, 10), &LIMITS).is_err());
        assert!(inspect(&testing::claiming(format, 10, 0), &LIMITS).is_err());
    }
}

#[test]
fn a_file_cut_short_is_refused_and_says_what_to_do() {
    for format in testing::ENCODABLE {
        let file = testing::encoded(format, &testing::picture(3, 200, 150), None, None);
        for share in [3, 5, 8, 9] {
            let cut = &file[..file.len() * share / 10];
            let refusal = verify(cut, &LIMITS).unwrap_err();
            assert!(
                refusal
                    .to_string()
                    .contains("copy it again from the camera"),
                "{format:?}, {share} tenths: {refusal}"
            );
            assert!(decode(cut, &LIMITS, Detail::Full).is_err());
            assert!(thumbnail::make(cut, 100, &LIMITS).is_err());
        }
    }
}

#[test]
fn a_jpeg_cut_a_little_short_is_told_from_one_that_only_lacks_its_end() {
    let file = testing::photo(4, 300, 200);
    let whole = decoded(&file);
    let without_end = &file[..file.len() - 2];
    verify(without_end, &LIMITS).unwrap();
    assert_eq!(decoded(without_end), whole);
    let cut = &file[..file.len() - 60];
    let refusal = verify(cut, &LIMITS).unwrap_err();
    assert!(refusal.to_string().contains("cut short"), "{refusal}");
}

#[test]
fn what_cameras_add_to_a_jpeg_does_no_harm() {
    let file = testing::photo(5, 120, 90);
    let whole = decoded(&file);
    let trailer = [&file[..], &[0; 500], b"maker's notes"].concat();
    let second = [&file[..], &testing::photo(6, 50, 50)].concat();
    let (body, end) = file.split_at(file.len() - 2);
    let stray = [body, &[0, 0, 0, 0], end].concat();
    // The first segment, JFIF's, is 18 bytes long.
    let between = [&file[..20], &[0, 7, 0], &file[20..]].concat();
    let odd_version = {
        let mut file = file.clone();
        let at = file.windows(5).position(|w| w == b"JFIF\0").unwrap();
        file[at + 5] = 9;
        file
    };
    for (name, file) in [
        ("a trailer", trailer),
        ("a second picture", second),
        ("stray bytes before the end", stray),
        ("stray bytes between segments", between),
        ("an unknown JFIF version", odd_version),
    ] {
        verify(&file, &LIMITS).unwrap_or_else(|refusal| panic!("{name}: {refusal}"));
        assert_eq!(decoded(&file), whole, "{name}");
    }
}

#[test]
fn a_jpeg_damaged_in_the_middle_is_refused() {
    let mut file = testing::photo(7, 400, 300);
    let middle = file.len() / 2;
    file[middle..middle + 400].fill(0xFF);
    assert!(matches!(
        verify(&file, &LIMITS),
        Err(Refusal::Undecodable(_))
    ));
}

/// One of every kind of file there is a decoder for.
fn specimens() -> Vec<Vec<u8>> {
    let picture = testing::picture(8, 60, 44);
    let profile = moxcms::ColorProfile::new_display_p3().encode().unwrap();
    let block = testing::exif(
        Orientation::Transversed,
        Some("2016:04:30 17:05:09"),
        Some("Canon"),
        Some("EOS"),
    );
    let mut files: Vec<_> = Format::ALL
        .into_iter()
        .map(|format| {
            testing::encoded(format, &picture, Some(block.clone()), Some(profile.clone()))
        })
        .collect();
    files.extend([
        testing::encoded(Format::Gif, &picture, None, None),
        testing::animated_gif(20, 20),
        testing::palette_png(),
        testing::deep_png(&[1000, 2000, 3000, 40_000], 9, 9),
        testing::grey_jpeg(77, 33, 17),
        testing::cmyk_jpeg([10, 200, 30, 250], 33, 17),
        testing::translucent(Format::WebP, [1, 2, 3, 100], 30, 20),
        crate::files::progressive(&picture),
        crate::heif::grid(Format::Heic),
        crate::heif::grid(Format::Avif),
        crate::files::animated_webp(),
        crate::heif::with_alpha(Format::Avif),
    ]);
    files
}

/// The most that an inspection may allocate for any file: lists of parts, some short texts.
const INSPECTION: usize = 1 << 20;

/// Longer than anything here takes in an unoptimised build on a machine that is busy.
const LONG: Duration = Duration::from_secs(5);

#[test]
fn no_bytes_make_it_panic_or_take_more_memory_or_time_than_promised() {
    let limits = Limits {
        max_pixels: 1_000_000,
    };
    let mut noise = Noise(20_240_607);
    let until = Instant::now() + Duration::from_secs(20);
    let specimens = specimens();
    let mut tried = 0;
    'all: for _ in 0..400 {
        for specimen in &specimens {
            if Instant::now() > until {
                break 'all;
            }
            let file = mutated(specimen, &mut noise);
            let started = Instant::now();
            let (inspection, inspecting) = allocated(|| inspect(&file, &limits));
            assert!(inspecting < INSPECTION, "{inspecting} bytes");
            let needed = inspection.as_ref().map_or(INSPECTION as u64, |inspection| {
                memory_needed(inspection, Detail::Full)
            });
            let (_, verifying) = allocated(|| verify(&file, &limits));
            let (decoded, decoding) = allocated(|| decode(&file, &limits, Detail::Full));
            assert!(
                verifying.max(decoding) as u64 <= needed,
                "{verifying} and {decoding} bytes are more than {needed}: {inspection:?}"
            );
            if let Ok(picture) = decoded {
                let pixels = picture.width as usize * picture.height as usize;
                assert_eq!(picture.rgb().len(), pixels * 3);
                let inspection = inspection.unwrap();
                assert_eq!(
                    (picture.width, picture.height),
                    (inspection.width, inspection.height)
                );
            }
            let _ = thumbnail::make(&file, 40, &limits);
            assert!(started.elapsed() < LONG, "{:?}", started.elapsed());
            tried += 1;
        }
    }
    println!("{tried} broken files");
}

/// A file with some of its bytes cut off, taken out, doubled or changed.
fn mutated(specimen: &[u8], noise: &mut Noise) -> Vec<u8> {
    let mut file = specimen.to_vec();
    let from = noise.below(file.len());
    let to = (from + noise.below(40)).min(file.len());
    match noise.below(5) {
        0 => file.truncate(from),
        1 => drop(file.drain(from..to)),
        2 => {
            let part = file[from..to].to_vec();
            file.splice(from..from, part);
        }
        _ => {
            // Headers are where the decisions are made.
            let reach = match noise.below(2) {
                0 => file.len(),
                _ => file.len().min(700),
            };
            for _ in 0..=noise.below(6) {
                let at = noise.below(reach);
                file[at] = [0, 0xFF, 0x7F, noise.next() as u8][noise.below(4)];
            }
        }
    }
    file
}

#[test]
fn the_smallest_picture_goes_all_the_way() {
    for (width, height) in [(1, 1), (1, 9), (19, 2)] {
        let file = testing::photo(9, width, height);
        let thumbnail = thumbnail::make(&file, 400, &LIMITS).unwrap();
        assert_eq!((thumbnail.width, thumbnail.height), (width, height));
        let detector = functions::faces::bundled();
        let copy = functions::steps::anonymise::make(
            &file,
            &functions::steps::anonymise::Request::first(400),
            &detector,
            &LIMITS,
        )
        .unwrap();
        assert!(copy.found.is_empty());
        let subject = annotate::Subject {
            picture: annotate::CaptionPicture::of(&decoded(&file), annotate::JpegUse::Nothing)
                .unwrap(),
            faces: 0,
            is_portrait: false,
            is_blurred: false,
            taken: None,
            language: "en".into(),
            more_languages: Vec::new(),
            context: None,
        };
        let _ = subject.shape();
    }
}
