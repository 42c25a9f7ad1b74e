//! Files that are not as they should be, and that every browser shows.

use functions::picture::{Upright, inspect, verify};
use functions::testing::{self, Chunk, Value, png, tiff, with_segment};
use moxcms::{ColorProfile, DataColorSpace};
use platform::Format;

use crate::files::{animated_webp, frame_at, progressive, without_jfif};
use crate::{LIMITS, assert_close, assert_shows_quarters, decoded, refused};

fn assert_shows(file: &[u8], expected: &Upright, name: &str) {
    verify(file, &LIMITS).unwrap_or_else(|refusal| panic!("{name}: {refusal}"));
    assert_eq!(&decoded(file), expected, "{name}");
}

/// A segment with a part of a profile: its number, their count, its contents.
type Part<'a> = (u8, u8, &'a [u8]);

/// A JPEG with a profile in these segments.
fn with_profile(jpeg: &[u8], parts: &[Part<'_>]) -> Vec<u8> {
    let mut file = jpeg.to_vec();
    for (number, count, data) in parts.iter().rev() {
        let body = [b"ICC_PROFILE\0", &[*number, *count][..], data].concat();
        file = with_segment(&file, 0xE2, &body);
    }
    file
}

#[test]
fn a_profile_whose_segments_do_not_fit_together_counts_as_none() {
    let jpeg = testing::photo(1, 80, 60);
    let plain = decoded(&jpeg);
    let p3 = ColorProfile::new_display_p3().encode().unwrap();
    let (one, two) = p3.split_at(p3.len() / 2);
    let whole = decoded(&with_profile(&jpeg, &[(1, 1, &p3)]));
    assert_ne!(whole, plain);
    assert_shows(
        &with_profile(&jpeg, &[(1, 2, one), (2, 2, two)]),
        &whole,
        "in order",
    );
    assert_shows(
        &with_profile(&jpeg, &[(2, 2, two), (1, 2, one)]),
        &whole,
        "turned round",
    );
    let cases: &[(&str, &[Part<'_>])] = &[
        ("counts differ", &[(1, 2, one), (2, 3, two)]),
        ("a part is missing", &[(1, 2, one)]),
        ("the first part is missing", &[(2, 2, two)]),
        ("a number twice", &[(1, 2, one), (1, 2, two)]),
        ("a part too many", &[(1, 2, one), (2, 2, two), (2, 2, two)]),
        ("number zero", &[(0, 2, one), (1, 2, two)]),
        ("a number beyond the count", &[(1, 1, one), (2, 1, two)]),
        ("no count", &[(1, 0, &p3)]),
        ("empty", &[(1, 1, &[])]),
        ("all empty", &[(1, 2, &[]), (2, 2, &[])]),
        ("cut short", &[(1, 1, one)]),
    ];
    for (name, parts) in cases {
        assert_shows(&with_profile(&jpeg, parts), &plain, name);
        let file = with_profile(&progressive(&testing::picture(1, 80, 60)), parts);
        verify(&file, &LIMITS).unwrap_or_else(|refusal| panic!("{name}: {refusal}"));
    }
}

#[test]
fn a_profile_of_another_kind_of_colours_counts_as_none() {
    let grey = ColorProfile::new_gray_with_gamma(1.0).encode().unwrap();
    let mut inks = ColorProfile::new_srgb();
    inks.color_space = DataColorSpace::Cmyk;
    let inks = inks.encode().unwrap_or_else(|_| b"not a profile".to_vec());
    let picture = testing::quarters(32, 32);
    for format in [Format::Jpeg, Format::Png, Format::WebP] {
        for icc in [&grey, &inks] {
            let file = testing::encoded(format, &picture, None, Some(icc.clone()));
            assert_shows_quarters(&decoded(&file));
        }
    }
    // For inks, a profile of light says nothing.
    let p3 = ColorProfile::new_display_p3().encode().unwrap();
    let file = testing::cmyk_jpeg([0, 255, 255, 255], 16, 16);
    let profiled = with_profile(&file, &[(1, 1, &p3)]);
    assert_shows(&profiled, &decoded(&file), "inks");
}

#[test]
fn a_profile_of_colours_counts_for_grey() {
    let mut linear = ColorProfile::new_srgb();
    let curve = moxcms::ToneReprCurve::Parametric(vec![1.0]);
    linear.cicp = None;
    linear.red_trc = Some(curve.clone());
    linear.green_trc = Some(curve.clone());
    linear.blue_trc = Some(curve);
    let file = with_profile(
        &testing::grey_jpeg(55, 16, 16),
        &[(1, 1, &linear.encode().unwrap())],
    );
    // 55 of 255 in linear light is 128 in sRGB (IEC 61966-2-1).
    assert_close(decoded(&file).pixel(8, 8), [128; 3], 2);
}

#[test]
fn an_impossible_transform_of_adobe_is_the_usual_one() {
    let adobe = |jpeg: &[u8], transform: u8| {
        let body = [b"Adobe\0\x64\0\0\0\0", &[transform][..]].concat();
        with_segment(&without_jfif(jpeg), 0xEE, &body)
    };
    for jpeg in [
        testing::photo(2, 80, 60),
        progressive(&testing::picture(2, 80, 60)),
    ] {
        let usual = decoded(&adobe(&jpeg, 1));
        assert_eq!(usual, decoded(&jpeg));
        for transform in [2, 3, 7, 255] {
            assert_shows(&adobe(&jpeg, transform), &usual, "three channels");
        }
        assert_ne!(decoded(&adobe(&jpeg, 0)), usual);
    }
    let inks = testing::cmyk_jpeg([0, 128, 255, 200], 24, 24);
    let at = inks.windows(5).position(|it| it == b"Adobe").unwrap() + 11;
    for transform in [1, 3, 9] {
        let mut odd = inks.clone();
        odd[at] = transform;
        assert_shows(&odd, &decoded(&inks), "four channels");
    }
}

#[test]
fn whole_scans_without_an_end_are_taken_with_any_data_after_them() {
    let picture = testing::picture(3, 120, 90);
    let other = testing::photo(4, 50, 50);
    for jpeg in [testing::jpeg(&picture), progressive(&picture)] {
        let whole = decoded(&jpeg);
        let body = &jpeg[..jpeg.len() - 2];
        let trailers: &[(&str, &[u8])] = &[
            ("nothing", b""),
            ("half an end", b"\xFF"),
            ("a second picture", &other),
            ("a segment cut short", b"\xFF\xE4\x40\0some data"),
            ("a whole segment", b"\xFF\xE4\0\x06data"),
            (
                "a whole segment and text",
                b"\xFF\xE4\0\x06dataSEFT and so on",
            ),
            ("an unknown marker", b"\xFF\x05\0\0\0\0"),
            ("a box of video", b"\xFF\x10\0\0\0\x18ftypmp42"),
        ];
        for (name, trailer) in trailers {
            assert_shows(&[body, trailer].concat(), &whole, name);
            // With an end as well, nothing changes.
            assert_shows(&[&jpeg, *trailer].concat(), &whole, name);
        }
        for (name, trailer) in trailers {
            let cut = [&jpeg[..jpeg.len() * 2 / 3], trailer].concat();
            let refusal = verify(&cut, &LIMITS).unwrap_err().to_string();
            assert!(refusal.contains("copy it again"), "{name}: {refusal}");
        }
    }
}

#[test]
fn a_jpeg_whose_scans_lack_a_channel_is_cut_short() {
    let mut jpeg = progressive(&testing::picture(3, 120, 90));
    // No scan is about the third channel if that has another name.
    let frame = frame_at(&jpeg);
    assert_eq!(jpeg[frame + 16], 3);
    jpeg[frame + 16] = 9;
    let refusal = verify(&jpeg, &LIMITS).unwrap_err().to_string();
    assert!(refusal.contains("cut short"), "{refusal}");
}

#[test]
fn a_png_with_all_pixels_needs_no_end() {
    for picture in [testing::picture(5, 90, 70), testing::quarters(90, 70)] {
        let file = testing::encoded(Format::Png, &picture, None, None);
        for left_out in [1, 4, 8, 11, 12] {
            assert_shows(&file[..file.len() - left_out], &picture, "no end");
        }
        let trailer = [&file[..file.len() - 12], b"whatever"].concat();
        assert_shows(&trailer, &picture, "something else");
        let refusal = refused(&file[..file.len() / 2]).to_string();
        assert!(refusal.contains("cut short"), "{refusal}");
    }
}

#[test]
fn chunks_that_make_no_sense_do_not_matter() {
    let rows = vec![vec![40; 12]; 4];
    for chunk in [
        Chunk(*b"tRNS", vec![1, 2, 3]),
        Chunk(*b"PLTE", vec![1, 2, 3]),
        Chunk(*b"tIME", vec![0xFF; 3]),
        Chunk(*b"pHYs", Vec::new()),
        Chunk(*b"sBIT", vec![99; 9]),
        Chunk(*b"bKGD", vec![0; 100]),
        Chunk(*b"acTL", vec![0xFF; 8]),
        Chunk(*b"zTXt", b"x".to_vec()),
        Chunk(*b"iTXt", vec![0; 3]),
        Chunk(*b"eXIf", b"MM".to_vec()),
        Chunk(*b"pRVt", vec![7; 70]),
    ] {
        let name = String::from_utf8_lossy(&chunk.0).into_owned();
        let file = png(4, 4, 8, 2, &[chunk], &rows);
        assert_eq!(decoded(&file).pixel(2, 2), [40; 3], "{name}");
    }
}

#[test]
fn interlaced_pictures_are_put_together() {
    for (width, height) in [(1, 1), (3, 5), (8, 8), (17, 33)] {
        let level = |x: usize, y: usize| (x * 7 + y * 11) as u8;
        let passes = [
            [0, 0, 8, 8],
            [4, 0, 8, 8],
            [0, 4, 4, 8],
            [2, 0, 4, 4],
            [0, 2, 2, 4],
            [1, 0, 2, 2],
            [0, 1, 1, 2],
        ];
        let mut rows = Vec::new();
        for [left, top, right, down] in passes {
            for y in (top..height).step_by(down) {
                let row: Vec<u8> = (left..width).step_by(right).map(|x| level(x, y)).collect();
                rows.extend((!row.is_empty()).then_some(row));
            }
        }
        let mut file = png(width as u32, height as u32, 8, 0, &[], &rows);
        // The last byte of the header says that it is interlaced.
        let mut header = file[16..29].to_vec();
        header[12] = 1;
        file.splice(8..33, testing::chunk_of(*b"IHDR", &header));
        let picture = decoded(&file);
        for y in 0..height {
            for x in 0..width {
                assert_eq!(picture.pixel(x as u32, y as u32), [level(x, y); 3]);
            }
        }
    }
}

#[test]
fn a_screen_smaller_than_its_frame_grows() {
    let file = testing::encoded(Format::Gif, &testing::quarters(60, 40), None, None);
    for (width, height) in [(0, 0), (1, 1), (30, 20), (60, 5)] {
        let mut small = file.clone();
        small[6..10].copy_from_slice(&[width, 0, height, 0]);
        let seen = inspect(&small, &LIMITS).unwrap();
        assert_eq!((seen.width, seen.height), (60, 40));
        assert_shows_quarters(&decoded(&small));
    }
    let mut large = file;
    large[6..10].copy_from_slice(&[100, 0, 90, 0]);
    let picture = decoded(&large);
    assert_eq!((picture.width, picture.height), (100, 90));
    assert_eq!(picture.pixel(80, 80), [255; 3]);
}

#[test]
fn only_the_camera_says_when_a_photo_was_taken() {
    let text = |text: &str| Value::Text([text.as_bytes(), b"\0"].concat());
    let taken = |first: &[(u16, Value)], exif: &[(u16, Value)]| {
        let block = tiff(first, exif);
        let file = testing::encoded(Format::Jpeg, &testing::quarters(8, 8), Some(block), None);
        inspect(&file, &LIMITS)
            .unwrap()
            .taken_at
            .map(|at| at.to_string())
    };
    let edited = (0x0132, text("2024:12:24 18:00:00"));
    let original = (0x9003, text("2016:04:30 17:05:09"));
    let digitized = (0x9004, text("2016:04:30 17:05:10"));
    let unset = (0x9003, text("0000:00:00 00:00:00"));
    let edited = std::slice::from_ref(&edited);
    assert_eq!(taken(edited, &[]), None);
    assert_eq!(taken(edited, std::slice::from_ref(&unset)), None);
    assert_eq!(
        taken(edited, &[digitized.clone(), original]).unwrap(),
        "2016-04-30 17:05:09"
    );
    assert_eq!(
        taken(edited, &[unset, digitized]).unwrap(),
        "2016-04-30 17:05:10"
    );
}

#[test]
fn exif_after_the_pixels_of_a_png_does_not_turn_it() {
    let block = tiff(
        &[
            (0x0110, Value::Text(b"X100\0".to_vec())),
            (0x0112, Value::Short(6)),
        ],
        &[],
    );
    let picture = testing::quarters(64, 48);
    let file = testing::encoded(Format::Png, &picture, None, None);
    let (body, end) = file.split_at(file.len() - 12);
    let late = [body, &testing::chunk_of(*b"eXIf", &block), end].concat();
    let seen = inspect(&late, &LIMITS).unwrap();
    assert_eq!((seen.width, seen.height), (64, 48));
    assert_eq!(seen.camera.as_deref(), Some("X100"));
    assert_shows(&late, &picture, "late EXIF");
}

#[test]
fn each_field_comes_from_the_first_block_that_has_it() {
    let empty = tiff(&[], &[]);
    let camera = tiff(&[(0x0110, Value::Text(b"X100\0".to_vec()))], &[]);
    let sideways = tiff(&[(0x0112, Value::Short(6))], &[]);
    let upside_down = tiff(&[(0x0112, Value::Short(3))], &[]);
    let nonsense = tiff(&[(0x0112, Value::Short(0))], &[]);
    let blocks = [
        &b""[..],
        &empty,
        &nonsense,
        &camera,
        &sideways,
        &upside_down,
    ];
    let mut file = testing::jpeg(&testing::quarters(64, 48));
    for block in blocks.iter().rev() {
        file = with_segment(&file, 0xE1, &[b"Exif\0\0", *block].concat());
    }
    let seen = inspect(&file, &LIMITS).unwrap();
    assert_eq!((seen.width, seen.height), (48, 64));
    assert_eq!(seen.camera.as_deref(), Some("X100"));
}

#[test]
fn what_no_decoder_reads_is_told_from_what_is_damaged() {
    let jpeg = testing::photo(6, 40, 30);
    let frame = frame_at(&jpeg);
    let changed = |marker: u8, precision: u8, channels: Option<u8>| {
        let mut file = jpeg.clone();
        file[frame + 1] = marker;
        file[frame + 4] = precision;
        file[frame + 9] = channels.unwrap_or(file[frame + 9]);
        file
    };
    for (file, what) in [
        (changed(0xC1, 12, None), "12 bits"),
        (changed(0xC2, 12, None), "12 bits"),
        (changed(0xC3, 16, None), "a lossless JPEG with 16 bits"),
        (changed(0xCB, 8, None), "lossless JPEG with arithmetic"),
        (changed(0xC5, 8, None), "hierarchical"),
        (changed(0xF7, 8, None), "JPEG-LS"),
        (changed(0xC0, 8, Some(2)), "2 channels"),
    ] {
        for refusal in [inspect(&file, &LIMITS).unwrap_err(), refused(&file)] {
            let refusal = refusal.to_string();
            assert!(refusal.contains(what), "{refusal}");
            assert!(refusal.contains("does not read"), "{refusal}");
            assert!(!refusal.contains("damaged"), "{refusal}");
        }
    }
    let refusal = refused(&changed(0xC0, 9, None)).to_string();
    assert!(refusal.contains("damaged"), "{refusal}");
}

#[test]
fn a_webp_is_taken_even_if_its_flags_are_wrong() {
    let picture = testing::quarters(40, 30);
    let plain = testing::encoded(Format::WebP, &picture, None, None);
    let chunk = &plain[12..];
    // An announcement of EXIF, XMP and a profile, of which none is there.
    let flags = [&b"VP8X\x0A\0\0\0\x2C\0\0\0\x27\0\0\x1D\0\0"[..], chunk].concat();
    let length = (flags.len() as u32 + 4).to_le_bytes();
    let file = [&b"RIFF"[..], &length, b"WEBP", &flags].concat();
    assert_shows(&file, &picture, "empty announcements");
    let trailer = [&plain[..], b"whatever"].concat();
    assert_shows(&trailer, &picture, "a trailer");
}

#[test]
fn the_first_frame_of_a_webp_is_where_it_belongs() {
    let picture = decoded(&animated_webp());
    assert_eq!((picture.width, picture.height), (40, 30));
    assert_eq!(picture.pixel(9, 15), [255; 3]);
    assert_eq!(picture.pixel(10, 10), [200, 0, 0]);
    assert_eq!(picture.pixel(29, 19), [200, 0, 0]);
    assert_eq!(picture.pixel(30, 20), [255; 3]);
}
