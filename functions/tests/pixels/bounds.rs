//! Small files that claim to be large: each is cheap to refuse.

use std::time::{Duration, Instant};

use functions::picture::{Detail, Orientation, decode, inspect, memory_needed, verify};
use functions::testing::{
    self, Chunk, Item, boxed, brand, chunk_of, coded_quarters, heif, png, with_segment, word,
};
use platform::Format;

use crate::allocations::allocated;
use crate::files::{last_scan_at, progressive};
use crate::{LIMITS, assert_shows_quarters, decoded};

/// What an inspection takes at most, with room for a machine that is busy: in truth it is some
/// microseconds.
const QUICK: Duration = Duration::from_millis(500);
const LITTLE: usize = 512 << 10;

/// Inspects a file and says whether that worked.
#[track_caller]
fn inspect_cheaply(file: &[u8]) -> bool {
    let started = Instant::now();
    let (result, most) = allocated(|| inspect(file, &LIMITS));
    let time = started.elapsed();
    assert!(most < LITTLE, "{most} bytes");
    assert!(time < QUICK, "{time:?}");
    result.is_ok()
}

/// Goes on to verify and decode it within what was said to be needed.
#[track_caller]
fn decode_within_memory(file: &[u8]) {
    let inspection = inspect(file, &LIMITS).unwrap();
    let needed = memory_needed(&inspection, Detail::Full) as usize;
    let (result, most) = allocated(|| verify(file, &LIMITS));
    assert!(
        result.is_ok() && most <= needed,
        "{most} of {needed} bytes: {result:?}"
    );
    let (result, most) = allocated(|| decode(file, &LIMITS, Detail::Full));
    assert!(
        result.is_ok() && most <= needed,
        "{most} of {needed} bytes: {result:?}"
    );
}

/// An EXIF block whose directories all point at each other.
fn directories_that_point_at_each_other(entries: u16) -> Vec<u8> {
    let size = 2 + u32::from(entries) * 12 + 4;
    let mut block = b"II*\0\x08\0\0\0".to_vec();
    for directory in 0..3 {
        block.extend(entries.to_le_bytes());
        for n in 0..entries {
            // Exif, GPS, interoperability and sub-directories; one LONG each.
            let tag: u16 = [0x8769, 0x8825, 0xA005, 0x014A][usize::from(n % 4)];
            let next = 8 + (directory + 1) % 3 * size;
            block.extend(tag.to_le_bytes());
            block.extend(4_u16.to_le_bytes());
            block.extend(1_u32.to_le_bytes());
            block.extend(next.to_le_bytes());
        }
        block.extend((8 + (directory + 1) % 3 * size).to_le_bytes());
    }
    block
}

#[test]
fn exif_directories_that_point_at_each_other_cost_nothing() {
    let block = directories_that_point_at_each_other(1800);
    assert!(block.len() < 66_000);
    let picture = testing::quarters(64, 48);
    for format in [Format::Jpeg, Format::Png, Format::WebP, Format::Heic] {
        let file = testing::encoded(format, &picture, Some(block.clone()), None);
        assert!(inspect_cheaply(&file), "{format:?}");
        assert_shows_quarters(&decoded(&file));
    }
    let mut many = testing::jpeg(&picture);
    for _ in 0..200 {
        many = with_segment(&many, 0xE1, &[b"Exif\0\0", &block[..64_000]].concat());
    }
    assert!(inspect_cheaply(&many));
}

/// A directory with as many entries as can be, each a text of all of the block.
#[test]
fn exif_texts_that_are_the_whole_block_cost_nothing() {
    let entries = 5000_u16;
    let mut block = b"MM\0*\0\0\0\x08".to_vec();
    block.extend(entries.to_be_bytes());
    for n in 0..entries {
        let tag: u16 = [0x010F, 0x0110, 0x9003, 0x9004][usize::from(n % 4)];
        block.extend(tag.to_be_bytes());
        block.extend(2_u16.to_be_bytes());
        block.extend(word(u32::MAX));
        block.extend(word(0));
    }
    let file = testing::encoded(Format::Png, &testing::quarters(8, 8), Some(block), None);
    assert!(inspect_cheaply(&file));
}

#[test]
fn what_is_compressed_in_a_png_is_inflated_within_bounds() {
    let bomb = fdeflate::compress_to_vec(&vec![0; 100 << 20]);
    assert!(bomb.len() < 2 << 20);
    let compressed = |name: &[u8; 4], head: &[u8]| Chunk(*name, [head, &bomb].concat());
    let chunks = [
        compressed(b"iCCP", b"name\0\0"),
        compressed(b"zTXt", b"Comment\0\0"),
        compressed(b"zTXt", b"Raw profile type exif\0\0"),
        compressed(b"iTXt", b"XML:com.adobe.xmp\0\x01\0\0\0"),
    ];
    let file = png(8, 8, 8, 2, &chunks, &vec![vec![40; 24]; 8]);
    assert!(inspect_cheaply(&file));
    let (picture, most) = allocated(|| decoded(&file));
    assert_eq!(picture.pixel(4, 4), [40; 3]);
    assert!(most < 16 << 20, "{most} bytes");
}

#[test]
fn parts_without_end_are_refused_soon() {
    let segments = [&b"\xFF\xD8"[..], &b"\xFF\xE5\0\x02".repeat(2_000_000)].concat();
    let strays = [&b"\xFF\xD8\xFF"[..], &vec![0; 8_000_000]].concat();
    let restarts = [&b"\xFF\xD8"[..], &b"\xFF\xD0".repeat(4_000_000)].concat();
    let fills = [&b"\xFF\xD8"[..], &vec![0xFF; 8_000_000]].concat();
    let start = testing::encoded(Format::Png, &testing::quarters(8, 8), None, None);
    let chunks = [&start[..33], &chunk_of(*b"tEXt", b"").repeat(600_000)].concat();
    let pixels = [&start[..33], &chunk_of(*b"IDAT", b"").repeat(600_000)].concat();
    let screen = b"GIF89a\x08\0\x08\0\0\0\0";
    let comments = [&screen[..], &b"\x21\xFE\0".repeat(3_000_000)].concat();
    let blocks = [&screen[..], b"\x21\xFE", &b"\x01x".repeat(4_000_000)].concat();
    let riff = b"RIFF\xFF\xFF\xFF\xFFWEBPVP8X\x0A\0\0\0\0\0\0\0\x07\0\0\x07\0\0";
    let webp = [&riff[..], &b"XMP \0\0\0\0".repeat(1_000_000)].concat();
    let boxes = [
        &boxed(b"ftyp", b"heic\0\0\0\0mif1heic")[..],
        &boxed(b"free", b"").repeat(1_000_000),
    ]
    .concat();
    for (name, file) in [
        ("segments", segments),
        ("stray bytes", strays),
        ("restarts", restarts),
        ("fill bytes", fills),
        ("chunks", chunks),
        ("chunks with pixels", pixels),
        ("comments", comments),
        ("blocks of a comment", blocks),
        ("chunks of a WebP", webp),
        ("boxes", boxes),
    ] {
        assert!(!inspect_cheaply(&file), "{name}");
        assert!(verify(&file, &LIMITS).is_err(), "{name}");
    }
}

#[test]
fn frames_after_the_first_do_not_matter() {
    let file = testing::animated_gif(12, 9);
    let frame = file.iter().rposition(|byte| *byte == 0x21).unwrap();
    let (head, last) = file[..file.len() - 1].split_at(frame);
    let long = [head, &last.repeat(200_000)].concat();
    assert!(inspect_cheaply(&long));
    assert_eq!(decoded(&long).pixel(6, 4), [255, 0, 0]);
}

#[test]
fn scans_without_end_are_refused_before_any_is_decoded() {
    let picture = testing::picture(1, 640, 480);
    let file = progressive(&picture);
    decode_within_memory(&file);
    let scan = last_scan_at(&file);
    let (head, last) = file[..file.len() - 2].split_at(scan);
    let bomb = [head, &last.repeat(3000), b"\xFF\xD9"].concat();
    assert!(inspect_cheaply(&bomb));
    let started = Instant::now();
    let refusal = verify(&bomb, &LIMITS).unwrap_err().to_string();
    assert!(refusal.contains("more than 100 scans"), "{refusal}");
    assert!(started.elapsed() < 4 * QUICK);
    let some = [head, &last.repeat(20), b"\xFF\xD9"].concat();
    verify(&some, &LIMITS).unwrap();
}

#[test]
fn the_larger_the_picture_the_fewer_its_scans() {
    // What is decoded is the header: a large frame with the scans of a small one.
    let mut file = progressive(&testing::picture(1, 64, 64));
    let scan = last_scan_at(&file);
    let last = file[scan..file.len() - 2].to_vec();
    let end = file.split_off(file.len() - 2);
    let large = |scans: usize| {
        let mut file = [&file[..], &last.repeat(scans), &end].concat();
        let frame = crate::files::frame_at(&file);
        let side = 10_000_u16.to_be_bytes();
        file[frame + 5..frame + 9].copy_from_slice(&[side, side].concat());
        file
    };
    let refusal = verify(&large(40), &LIMITS).unwrap_err().to_string();
    assert!(refusal.contains("more than 25 scans"), "{refusal}");
}

#[test]
fn a_picture_of_sixteen_bits_takes_no_more_memory_than_one_of_eight() {
    let (width, height) = (1500, 1000);
    let row: Vec<u8> = (0..width * 8).map(|n| (n % 251) as u8).collect();
    let file = png(width, height, 16, 6, &[], &vec![row; height as usize]);
    decode_within_memory(&file);
    let (_, most) = allocated(|| decode(&file, &LIMITS, Detail::Full).unwrap());
    assert!(
        most < (width * height * 3) as usize + (2 << 20),
        "{most} bytes"
    );
    let (_, most) = allocated(|| verify(&file, &LIMITS).unwrap());
    assert!(most < 2 << 20, "{most} bytes");
}

#[test]
fn every_format_decodes_within_the_memory_it_said() {
    let picture = testing::picture(2, 1400, 900);
    for format in testing::ENCODABLE {
        decode_within_memory(&testing::encoded(format, &picture, None, None));
    }
    decode_within_memory(&testing::cmyk_jpeg([1, 2, 3, 4], 900, 700));
    decode_within_memory(&testing::translucent(Format::WebP, [1, 2, 3, 4], 900, 700));
    decode_within_memory(&testing::translucent(Format::Png, [1, 2, 3, 4], 900, 700));
    let block = testing::exif(Orientation::QuarterClockwise, None, None, None);
    let sideways = testing::encoded(Format::Jpeg, &picture, Some(block), None);
    decode_within_memory(&sideways);
    for format in [Format::Heic, Format::Avif] {
        decode_within_memory(&crate::heif::grid(format));
        decode_within_memory(&crate::heif::with_alpha(format));
    }
}

#[test]
fn less_detail_needs_less_memory() {
    let inspection = inspect(&testing::photo(1, 4000, 3000), &LIMITS).unwrap();
    let full = memory_needed(&inspection, Detail::Full);
    let small = memory_needed(&inspection, Detail::AtLeast(800));
    assert!(full > 36_000_000 && small < full / 3, "{full}, {small}");
    let file = testing::photo(1, 4000, 3000);
    let (_, most) = allocated(|| decode(&file, &LIMITS, Detail::AtLeast(800)).unwrap());
    assert!(most as u64 <= small, "{most} of {small} bytes");
}

/// HEIC and AVIF whose boxes mean to make much of little.
#[test]
fn boxes_that_make_much_of_little_are_refused() {
    for format in [Format::Heic, Format::Avif] {
        let grid = |rows: u8, columns: u8, side: u32, tiles: Vec<u16>| {
            let size = [word(side), word(side)].concat();
            let item = Item {
                kind: *b"grid",
                properties: vec![boxed(b"ispe", &[&[0; 4], &size[..]].concat())],
                data: [&[0, 1, rows, columns][..], &size].concat(),
            };
            heif(
                brand(format),
                &[item, coded_quarters(format)],
                &[(*b"dimg", 1, tiles)],
            )
        };
        let derived = Item {
            kind: *b"iden",
            properties: Vec::new(),
            data: Vec::new(),
        };
        let itself = heif(
            brand(format),
            std::slice::from_ref(&derived),
            &[(*b"dimg", 1, vec![1])],
        );
        let each_other = heif(
            brand(format),
            &[derived.clone(), derived],
            &[(*b"dimg", 1, vec![2]), (*b"dimg", 2, vec![1])],
        );
        for (name, file) in [
            ("one tile many times", grid(99, 9, 640, vec![2; 1000])),
            (
                "as many tiles as can be",
                grid(255, 255, 9000, vec![2; 65_000]),
            ),
            ("tiles beyond the picture", grid(29, 29, 64, vec![2; 900])),
            ("a tile that is not there", grid(0, 0, 64, vec![7])),
            ("a grid of itself", grid(0, 0, 64, vec![1])),
            ("a picture of itself", itself),
            ("pictures of each other", each_other),
        ] {
            assert!(!inspect_cheaply(&file), "{format:?}: {name}");
            assert!(verify(&file, &LIMITS).is_err(), "{format:?}: {name}");
        }
        // Counts that only claim to be there.
        let file = heif(brand(format), &[coded_quarters(format)], &[]);
        for name in [b"iloc", b"iinf", b"ipma"] {
            let at = file.windows(4).position(|it| it == name).unwrap();
            let mut claiming = file.clone();
            claiming[at + 8..at + 12].fill(0xFF);
            inspect_cheaply(&claiming);
            let _ = verify(&claiming, &LIMITS);
        }
    }
}
