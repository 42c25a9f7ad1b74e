//! Every format, depth, colour model and orientation comes out as upright sRGB.

use functions::picture::{
    Detail, Hemisphere, Orientation, decode, decode_fitting, inspect, verify,
};
use functions::testing;
use moxcms::ColorProfile;
use platform::Format;

use crate::{LIMITS, assert_close, assert_shows_quarters, decoded};

const WITH_EXIF: [Format; 3] = [Format::Jpeg, Format::Png, Format::WebP];

#[test]
fn all_eight_orientations_stand_upright_in_every_format_that_knows_them() {
    for format in WITH_EXIF {
        for orientation in Orientation::ALL {
            let file = testing::with_orientation(format, orientation);
            let seen = inspect(&file, &LIMITS).unwrap();
            assert_eq!(
                (seen.width, seen.height),
                (64, 48),
                "{format:?} {orientation:?}"
            );
            assert_eq!(seen.orientation, orientation);
            let picture = decoded(&file);
            assert_eq!((picture.width, picture.height), (64, 48));
            assert_shows_quarters(&picture);
            let small = decode_fitting(&file, &LIMITS, 32).unwrap();
            assert_eq!((small.width, small.height), (32, 24));
            assert_shows_quarters(&small);
        }
    }
}

#[test]
fn every_format_is_inspected_verified_and_decoded_alike() {
    let picture = testing::quarters(90, 50);
    for format in testing::ENCODABLE {
        let file = testing::encoded(format, &picture, None, None);
        let seen = inspect(&file, &LIMITS).unwrap();
        assert_eq!((seen.format, seen.width, seen.height), (format, 90, 50));
        assert_eq!(verify(&file, &LIMITS).unwrap(), seen);
        assert_shows_quarters(&decoded(&file));
    }
}

#[test]
fn date_and_camera_come_from_exif() {
    let block = testing::exif(
        Orientation::Upright,
        Some("2016:04:30 17:05:09"),
        Some("Canon"),
        Some("Canon\u{7}EOS  70D\n"),
    );
    for format in WITH_EXIF {
        let picture = testing::quarters(20, 10);
        let file = testing::encoded(format, &picture, Some(block.clone()), None);
        let seen = inspect(&file, &LIMITS).unwrap();
        assert_eq!(seen.camera.as_deref(), Some("Canon EOS 70D"));
        assert_eq!(seen.taken_at.unwrap().to_string(), "2016-04-30 17:05:09");
    }
}

#[test]
fn the_hemisphere_comes_from_a_latitude_outside_the_tropics() {
    let hemisphere = |letter: &str, latitude: [(u32, u32); 3]| {
        let block = testing::exif_at("2016:04:30 17:05:09", letter, latitude);
        let seen = WITH_EXIF.map(|format| {
            let picture = testing::quarters(20, 10);
            let file = testing::encoded(format, &picture, Some(block.clone()), None);
            let seen = inspect(&file, &LIMITS).unwrap();
            assert_eq!(seen.taken_at.unwrap().to_string(), "2016-04-30 17:05:09");
            seen.hemisphere
        });
        assert!(seen.iter().all(|one| *one == seen[0]), "{seen:?}");
        seen[0]
    };
    let whole = |degrees| [(degrees, 1), (0, 1), (0, 1)];
    assert_eq!(hemisphere("N", whole(47)), Some(Hemisphere::Northern));
    assert_eq!(hemisphere("S", whole(34)), Some(Hemisphere::Southern));
    // 23° 30′ 36″, with minutes and seconds as phones write them.
    let just_outside = [(23, 1), (30, 1), (3600, 100)];
    assert_eq!(hemisphere("N", just_outside), Some(Hemisphere::Northern));
    for unknown in [
        hemisphere("N", whole(23)),
        hemisphere("N", whole(0)),
        hemisphere("N", whole(91)),
        hemisphere("E", whole(47)),
        hemisphere("", whole(47)),
        hemisphere("N", [(47, 0), (0, 1), (0, 1)]),
        hemisphere("N", [(47, 1), (0, 0), (0, 1)]),
    ] {
        assert_eq!(unknown, None);
    }
}

#[test]
fn a_camera_name_without_end_is_cut() {
    let block = testing::exif(Orientation::Upright, None, None, Some(&"é".repeat(5000)));
    let file = testing::encoded(Format::Jpeg, &testing::quarters(8, 8), Some(block), None);
    assert_eq!(
        inspect(&file, &LIMITS)
            .unwrap()
            .camera
            .unwrap()
            .chars()
            .count(),
        80
    );
}

#[test]
fn transparency_lies_on_white() {
    for format in [Format::Png, Format::WebP] {
        let clear = testing::translucent(format, [0, 0, 0, 0], 8, 8);
        assert_eq!(decoded(&clear).pixel(3, 3), [255; 3]);
        let half = testing::translucent(format, [255, 0, 0, 128], 8, 8);
        assert_close(decoded(&half).pixel(3, 3), [255, 127, 127], 1);
    }
}

#[test]
fn sixteen_bits_keep_their_upper_eight() {
    let deep = |channels: &[u16]| decoded(&testing::deep_png(channels, 5, 3)).pixel(4, 2);
    assert_eq!(deep(&[0x8080]), [0x80; 3]);
    assert_eq!(deep(&[0xFFFF, 0x0040, 0x4242]), [0xFF, 0x00, 0x42]);
    assert_eq!(deep(&[0, 0]), [255; 3]);
    assert_eq!(deep(&[0xFFFF, 0, 0, 0xFFFF]), [255, 0, 0]);
}

#[test]
fn a_palette_is_looked_up_and_its_transparent_colour_is_white() {
    let picture = decoded(&testing::palette_png());
    let row: Vec<_> = (0..4).map(|x| picture.pixel(x, 1)).collect();
    assert_eq!(
        row,
        [[255, 0, 0], [0, 255, 0], [0, 0, 255], [255, 255, 255]]
    );
}

#[test]
fn grey_is_grey() {
    assert_close(
        decoded(&testing::grey_jpeg(90, 20, 20)).pixel(9, 9),
        [90; 3],
        1,
    );
}

#[test]
fn cmyk_without_a_profile_looks_as_in_other_viewers() {
    // No ink; full cyan; half black.
    for (inverted, expected) in [
        ([255, 255, 255, 255], [255, 255, 255]),
        ([0, 255, 255, 255], [0, 255, 255]),
        ([255, 255, 255, 128], [128, 128, 128]),
        ([255, 128, 0, 255], [255, 128, 0]),
    ] {
        let file = testing::cmyk_jpeg(inverted, 24, 24);
        assert_close(decoded(&file).pixel(12, 12), expected, 4);
    }
}

#[test]
fn an_animation_is_its_first_frame() {
    assert_eq!(
        decoded(&testing::animated_gif(12, 9)).pixel(6, 4),
        [255, 0, 0]
    );
}

#[test]
fn wide_gamut_colours_become_srgb() {
    let p3 = ColorProfile::new_display_p3().encode().unwrap();
    let plain = functions::picture::Upright::new(16, 16, [200, 60, 60].repeat(256)).unwrap();
    for format in WITH_EXIF {
        let file = testing::encoded(format, &plain, None, Some(p3.clone()));
        // Display P3 (200, 60, 60) in sRGB, by the primaries and curve of SMPTE EG 432-1.
        assert_close(decoded(&file).pixel(8, 8), [216, 46, 54], 4);
    }
}

#[test]
fn a_grey_profile_bends_grey_only() {
    let linear = ColorProfile::new_gray_with_gamma(1.0).encode().unwrap();
    let body = [b"ICC_PROFILE\0\x01\x01", &linear[..]].concat();
    let file = testing::with_segment(&testing::grey_jpeg(55, 16, 16), 0xE2, &body);
    // 55 of 255 in linear light is 128 in sRGB (IEC 61966-2-1).
    assert_close(decoded(&file).pixel(8, 8), [128; 3], 2);
}

#[test]
fn a_broken_profile_is_ignored() {
    let mut profile = ColorProfile::new_display_p3().encode().unwrap();
    profile.truncate(200);
    for icc in [profile, b"not a profile".to_vec()] {
        let picture = testing::quarters(32, 32);
        let file = testing::encoded(Format::Jpeg, &picture, None, Some(icc));
        assert_shows_quarters(&decoded(&file));
    }
}

#[test]
fn less_detail_is_less_work_but_never_too_little() {
    let file = testing::photo(1, 1000, 600);
    for (wanted, width) in [(0, 125), (125, 125), (126, 250), (400, 500), (501, 1000)] {
        let picture = decode(&file, &LIMITS, Detail::AtLeast(wanted)).unwrap();
        assert_eq!(picture.width, width, "at least {wanted}");
    }
}
