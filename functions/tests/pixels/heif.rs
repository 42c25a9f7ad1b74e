//! HEIC and AVIF: the primary picture, the way the container turns it, and nothing else of the
//! file.

use functions::picture::{Orientation, decode_fitting, inspect, verify};
use functions::testing::{self, Item, boxed, brand, coded_quarters, exif_item, heif, word};
use moxcms::ColorProfile;
use platform::Format;

use crate::{LIMITS, assert_close, assert_shows_quarters, decoded, quarters_of, refused};

const FORMATS: [Format; 2] = [Format::Heic, Format::Avif];

fn extent(width: u32, height: u32) -> Vec<u8> {
    boxed(
        b"ispe",
        &[&[0; 4], &word(width)[..], &word(height)].concat(),
    )
}

fn single(format: Format, properties: &[Vec<u8>]) -> Vec<u8> {
    let mut item = coded_quarters(format);
    item.properties.extend_from_slice(properties);
    heif(brand(format), &[item], &[])
}

/// Two by two quarters, 100 × 80 pixels of them.
pub(crate) fn grid(format: Format) -> Vec<u8> {
    let descriptor = [
        &[0, 0, 1, 1][..],
        &100_u16.to_be_bytes(),
        &80_u16.to_be_bytes(),
    ]
    .concat();
    let grid = Item {
        kind: *b"grid",
        properties: vec![extent(100, 80)],
        data: descriptor,
    };
    let mut tile = coded_quarters(format);
    if format == Format::Heic {
        // What is coded, with its padding.
        tile.properties[1] = extent(64, 64);
    }
    let items = [grid, tile.clone(), tile.clone(), tile.clone(), tile];
    heif(brand(format), &items, &[(*b"dimg", 1, vec![2, 3, 4, 5])])
}

/// Quarters whose own luma is their alpha.
pub(crate) fn with_alpha(format: Format) -> Vec<u8> {
    let mut alpha = coded_quarters(format);
    let kind = b"\0\0\0\0urn:mpeg:mpegB:cicp:systems:auxiliary:alpha\0";
    alpha.properties.push(boxed(b"auxC", kind));
    let items = [coded_quarters(format), alpha];
    heif(brand(format), &items, &[(*b"auxl", 2, vec![1])])
}

#[test]
fn the_primary_picture_is_decoded() {
    for format in FORMATS {
        let file = single(format, &[]);
        let seen = verify(&file, &LIMITS).unwrap();
        assert_eq!((seen.format, seen.width, seen.height), (format, 64, 48));
        assert_shows_quarters(&decoded(&file));
        let small = decode_fitting(&file, &LIMITS, 32).unwrap();
        assert_eq!((small.width, small.height), (32, 24));
    }
}

#[test]
fn the_container_says_which_way_is_up() {
    let turn = |angle: u8| boxed(b"irot", &[angle]);
    let mirror = |axis: u8| boxed(b"imir", &[axis]);
    // Top left, top right, bottom left, bottom right of what is stored.
    let [a, b, c, d] = testing::QUARTERS;
    let cases = [
        (vec![turn(1)], [b, d, a, c]),
        (vec![turn(2)], [d, c, b, a]),
        (vec![turn(3)], [c, a, d, b]),
        (vec![mirror(0)], [c, d, a, b]),
        (vec![mirror(1)], [b, a, d, c]),
        (vec![turn(1), mirror(1)], [d, b, c, a]),
        (vec![mirror(1), turn(1)], [a, c, b, d]),
    ];
    for format in FORMATS {
        for (properties, expected) in &cases {
            let picture = decoded(&single(format, properties));
            let seen = inspect(&single(format, properties), &LIMITS).unwrap();
            assert_eq!((seen.width, seen.height), (picture.width, picture.height));
            for (found, expected) in quarters_of(&picture).into_iter().zip(expected) {
                assert_close(found, *expected, 12);
            }
        }
    }
}

#[test]
fn date_and_camera_come_from_exif_and_its_orientation_is_ignored() {
    let block = testing::exif(
        Orientation::QuarterClockwise,
        Some("2016:04:30 17:05:09"),
        Some("Apple"),
        Some("iPhone 6"),
    );
    for format in FORMATS {
        let items = [coded_quarters(format), exif_item(&block)];
        let file = heif(brand(format), &items, &[(*b"cdsc", 2, vec![1])]);
        let seen = inspect(&file, &LIMITS).unwrap();
        assert_eq!(seen.orientation, Orientation::Upright);
        assert_eq!((seen.width, seen.height), (64, 48));
        assert_eq!(seen.camera.as_deref(), Some("Apple iPhone 6"));
        assert_eq!(seen.taken_at.unwrap().to_string(), "2016-04-30 17:05:09");
    }
}

#[test]
fn tiles_are_put_together() {
    for format in FORMATS {
        let picture = decoded(&grid(format));
        assert_eq!((picture.width, picture.height), (100, 80));
        let height = if format == Format::Heic { 64 } else { 48 };
        let [a, b, c, _] = testing::QUARTERS;
        assert_close(picture.pixel(10, 10), a, 12);
        assert_close(picture.pixel(50, 10), b, 12);
        assert_close(picture.pixel(74, 10), a, 12);
        assert_close(picture.pixel(10, 40), c, 12);
        assert_close(picture.pixel(10, height + 5), a, 12);
        assert_close(picture.pixel(74, height + 5), a, 12);
    }
}

#[test]
fn what_is_cropped_away_is_gone() {
    let number = |n: i32, of: i32| [n.to_be_bytes(), of.to_be_bytes()].concat();
    // 32 × 24 pixels, whose middle is moved by 16 to the right and 12 up: the top right quarter.
    let aperture = [number(32, 1), number(24, 1), number(16, 1), number(-12, 1)].concat();
    for format in FORMATS {
        let file = single(format, &[boxed(b"clap", &aperture)]);
        let picture = decoded(&file);
        assert_eq!((picture.width, picture.height), (32, 24));
        for found in quarters_of(&picture) {
            assert_close(found, testing::QUARTERS[1], 12);
        }
    }
}

#[test]
fn wide_gamut_colours_become_srgb() {
    let p3 = ColorProfile::new_display_p3().encode().unwrap();
    let profile = boxed(b"colr", &[b"prof", &p3[..]].concat());
    // Display P3, the curve of sRGB, the matrix of JPEG, full range.
    let code_points = boxed(b"colr", b"nclx\0\x0C\0\x0D\0\x06\x80");
    let plain = [220, 30, 30];
    let mut rgb = plain.to_vec();
    let transform = ColorProfile::new_display_p3()
        .create_transform_8bit(
            moxcms::Layout::Rgb,
            &ColorProfile::new_srgb(),
            moxcms::Layout::Rgb,
            moxcms::TransformOptions::default(),
        )
        .unwrap();
    transform.transform(&plain, &mut rgb).unwrap();
    for format in FORMATS {
        for property in [&profile, &code_points] {
            let picture = decoded(&single(format, std::slice::from_ref(property)));
            assert_close(picture.pixel(16, 12), [rgb[0], rgb[1], rgb[2]], 8);
            assert!(picture.pixel(16, 12)[1] < 20);
        }
    }
}

#[test]
fn transparency_lies_on_white() {
    for format in FORMATS {
        let picture = decoded(&with_alpha(format));
        // The luma of (40, 60, 210) is 71, of which little is left on white.
        let on_white = |value: u32| (255 - (255 - value) * 71 / 255) as u8;
        let expected = [40, 60, 210].map(on_white);
        assert_close(picture.pixel(16, 36), expected, 14);
        assert_close(picture.pixel(48, 36), [241; 3], 8);
    }
}

#[test]
fn depth_maps_further_pictures_and_appended_video_are_not_shown() {
    for format in FORMATS {
        let mut depth = coded_quarters(format);
        depth
            .properties
            .push(boxed(b"auxC", b"\0\0\0\0urn:mpeg:hevc:2015:auxid:2\0"));
        let mut other = coded_quarters(format);
        other.properties.push(boxed(b"irot", &[2]));
        let items = [coded_quarters(format), depth, other];
        let references = [(*b"auxl", 2, vec![1]), (*b"thmb", 3, vec![1])];
        let mut file = heif(brand(format), &items, &references);
        file.extend(boxed(b"mpvd", &[7; 5000]));
        assert_shows_quarters(&decoded(&file));
    }
}

#[test]
fn a_file_cut_short_or_in_another_coding_says_so() {
    for format in FORMATS {
        let file = single(format, &[]);
        for length in [file.len() - 20, file.len() / 2, 40] {
            let refusal = refused(&file[..length]);
            assert!(refusal.to_string().contains("cut short"), "{refusal}");
        }
        let mut item = coded_quarters(format);
        item.kind = *b"vvc1";
        let refusal = refused(&heif(brand(format), &[item], &[]));
        assert!(refusal.to_string().contains("does not read"), "{refusal}");
    }
}

#[test]
fn a_size_that_is_not_the_coded_one_is_refused() {
    for format in FORMATS {
        let mut item = coded_quarters(format);
        item.properties[1] = extent(300, 200);
        assert!(verify(&heif(brand(format), &[item], &[]), &LIMITS).is_err());
    }
}
