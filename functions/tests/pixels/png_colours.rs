//! What the chunks of a PNG say about its colours, and which of them counts.

use functions::testing::{Chunk, chunk_of, png, word, zlib};
use moxcms::ColorProfile;

use crate::{assert_close, decoded};

const CHUNK_SRGB: u8 = 0;

fn gamma(value: u32) -> Chunk {
    Chunk(*b"gAMA", word(value).to_vec())
}

/// White and primaries of Display P3, or of sRGB.
fn chromaticities(p3: bool) -> Chunk {
    let primaries = match p3 {
        true => [68_000, 32_000, 26_500, 69_000, 15_000, 6_000],
        false => [64_000, 33_000, 30_000, 60_000, 15_000, 6_000],
    };
    let values = [31_270, 32_900].into_iter().chain(primaries);
    Chunk(*b"cHRM", values.flat_map(word).collect())
}

fn srgb() -> Chunk {
    Chunk(*b"sRGB", vec![CHUNK_SRGB])
}

fn code_points(primaries: u8, transfer: u8) -> Chunk {
    Chunk(*b"cICP", vec![primaries, transfer, 0, 1])
}

fn profile(profile: &ColorProfile) -> Chunk {
    let zlib = zlib(&profile.encode().unwrap());
    Chunk(*b"iCCP", [b"name\0\0", &zlib[..]].concat())
}

/// The colour of a PNG of one colour, with these chunks.
fn shown(rgb: [u8; 3], chunks: &[Chunk]) -> [u8; 3] {
    let file = png(4, 4, 8, 2, chunks, &vec![rgb.repeat(4); 4]);
    decoded(&file).pixel(1, 2)
}

/// Light of 0 to 1 as sRGB has it (IEC 61966-2-1).
fn encoded(light: f64) -> u8 {
    let value = match light <= 0.003_130_8 {
        true => light * 12.92,
        false => 1.055 * light.powf(1.0 / 2.4) - 0.055,
    };
    (value * 255.0).round() as u8
}

#[test]
fn gamma_alone_bends_the_curve() {
    for (file_gamma, value) in [(100_000, 60), (55_556, 100), (30_000, 200), (1000, 254)] {
        let power = 100_000.0 / f64::from(file_gamma);
        let expected = encoded((f64::from(value) / 255.0).powf(power));
        assert_close(shown([value; 3], &[gamma(file_gamma)]), [expected; 3], 2);
    }
}

#[test]
fn gamma_counts_for_grey_palettes_and_sixteen_bits() {
    let chunks = [gamma(100_000)];
    let expected = [encoded(55.0 / 255.0); 3];
    let grey = png(3, 3, 8, 0, &chunks, &vec![vec![55; 3]; 3]);
    assert_close(decoded(&grey).pixel(1, 1), expected, 2);
    let palette = [
        Chunk(*b"gAMA", word(100_000).to_vec()),
        Chunk(*b"PLTE", vec![55; 3]),
    ];
    let indexed = png(3, 3, 8, 3, &palette, &vec![vec![0; 3]; 3]);
    assert_close(decoded(&indexed).pixel(1, 1), expected, 2);
    let deep = png(
        1,
        1,
        16,
        2,
        &chunks,
        &[vec![0x37, 0x37, 0x37, 0x37, 0x37, 0x37]],
    );
    assert_close(decoded(&deep).pixel(0, 0), expected, 2);
}

#[test]
fn sixteen_bits_of_linear_light_keep_their_dark_tones() {
    let file = |value: u16| {
        png(
            1,
            1,
            16,
            0,
            &[gamma(100_000)],
            &[value.to_be_bytes().to_vec()],
        )
    };
    // Less than one of 255, but not black.
    for value in [20_u16, 60, 120] {
        let expected = encoded(f64::from(value) / 65_535.0);
        assert!(expected > 0);
        assert_close(decoded(&file(value)).pixel(0, 0), [expected; 3], 1);
    }
}

#[test]
fn chromaticities_count_with_gamma_only() {
    let red = [220, 40, 40];
    let vivid = shown(red, &[gamma(45_455), chromaticities(true)]);
    let plain = shown(red, &[gamma(45_455), chromaticities(false)]);
    // The power of 2.2 is nearly the curve of sRGB; alone, it means that.
    assert_close(plain, red, 6);
    assert_eq!(shown(red, &[gamma(45_455)]), red);
    assert!(vivid[0] > 230 && vivid[1] < 20, "{vivid:?}");
    assert_eq!(shown(red, &[chromaticities(true)]), red);
}

#[test]
fn the_more_exact_chunk_wins() {
    let colour = [200, 60, 60];
    let p3 = shown(colour, &[code_points(12, 13)]);
    // Display P3 (200, 60, 60) in sRGB, by the primaries and curve of SMPTE EG 432-1.
    assert_close(p3, [216, 46, 54], 4);
    let linear = || gamma(100_000);
    let srgb_profile = || profile(&ColorProfile::new_srgb());
    let p3_profile = || profile(&ColorProfile::new_display_p3());
    assert_close(shown(colour, &[srgb(), linear()]), colour, 1);
    assert_close(
        shown(colour, &[linear(), srgb(), chromaticities(true)]),
        colour,
        1,
    );
    assert_close(shown(colour, &[p3_profile(), linear()]), p3, 2);
    assert_close(shown(colour, &[code_points(12, 13), srgb_profile()]), p3, 2);
    assert_close(
        shown(colour, &[code_points(1, 13), p3_profile()]),
        colour,
        1,
    );
    assert_close(shown(colour, &[code_points(1, 13), linear()]), colour, 1);
}

#[test]
fn what_cannot_be_used_is_passed_over() {
    let colour = [200, 60, 60];
    let linear = shown(colour, &[gamma(100_000)]);
    assert_ne!(linear, colour);
    let broken_profile = Chunk(*b"iCCP", b"name\0\0not zlib".to_vec());
    let other_method = Chunk(*b"iCCP", b"name\0\x01x".to_vec());
    for useless in [
        broken_profile,
        other_method,
        Chunk(*b"iCCP", Vec::new()),
        // A matrix, half of the range, reserved numbers.
        Chunk(*b"cICP", vec![12, 13, 1, 1]),
        Chunk(*b"cICP", vec![12, 13, 0, 0]),
        code_points(200, 13),
        code_points(12, 200),
        Chunk(*b"cICP", vec![12]),
        Chunk(*b"sRGB", Vec::new()),
        Chunk(*b"cHRM", vec![9; 31]),
    ] {
        let name = String::from_utf8_lossy(&useless.0).into_owned();
        assert_eq!(shown(colour, &[useless, gamma(100_000)]), linear, "{name}");
    }
    for useless in [gamma(0), Chunk(*b"gAMA", vec![1])] {
        assert_eq!(shown(colour, &[useless]), colour);
    }
    // A point and a line are no triangle; in Chromium, gamma then does not count either.
    for byte in [0, 0x09, 0xFF] {
        let useless = Chunk(*b"cHRM", vec![byte; 32]);
        assert_eq!(shown(colour, &[useless, gamma(100_000)]), colour);
    }
}

#[test]
fn curves_of_television_and_cinema_are_shown_as_there() {
    let light = |transfer: u8, signal: f64| match transfer {
        1 | 6 | 14 | 15 => signal.powf(2.4),
        4 => signal.powf(2.2),
        5 => signal.powf(2.8),
        8 => signal,
        7 => ((signal + 0.1115) / 1.1115).powf(1.0 / 0.45),
        _ => signal.powf(2.6) * 52.37 / 48.0,
    };
    for transfer in [1, 4, 5, 6, 7, 8, 14, 15, 17] {
        for signal in [70_u8, 128, 210] {
            let expected = encoded(light(transfer, f64::from(signal) / 255.0));
            let found = shown([signal; 3], &[code_points(1, transfer)]);
            assert_close(found, [expected; 3], 2);
        }
    }
}

#[test]
fn a_picture_of_high_dynamic_range_is_neither_black_nor_white() {
    // PQ has the white of a page at 58 % of the signal; HLG at 75 %.
    for (transfer, signal) in [(16, 148), (18, 191)] {
        let [level, ..] = shown([signal; 3], &[code_points(9, transfer)]);
        assert!((150..230).contains(&level), "{transfer}: {level}");
        let [dark, ..] = shown([signal / 2; 3], &[code_points(9, transfer)]);
        let [bright, ..] = shown([signal + 40; 3], &[code_points(9, transfer)]);
        assert!(dark < level && level < bright, "{dark}, {level}, {bright}");
    }
}

#[test]
fn chunks_after_the_pixels_say_nothing_about_them() {
    let file = png(4, 4, 8, 2, &[], &vec![vec![100; 12]; 4]);
    let (body, end) = file.split_at(file.len() - 12);
    let late = [body, &chunk_of(*b"gAMA", &word(100_000)), end].concat();
    assert_eq!(decoded(&late).pixel(0, 0), [100; 3]);
}
