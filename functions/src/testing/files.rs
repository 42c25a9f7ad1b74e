//! Hand-made files, for what no encoder writes: EXIF, palettes, segments, unusual depths.

use crate::picture::Orientation;

/// A PNG chunk: its name and its contents.
pub(super) struct Chunk(pub(super) [u8; 4], pub(super) Vec<u8>);

/// A big-endian number, as in PNG.
pub(super) fn word(n: u32) -> [u8; 4] {
    n.to_be_bytes()
}

/// A PNG from its rows. `chunks` go before the pixels; nothing is compressed.
pub(super) fn png(
    width: u32,
    height: u32,
    depth: u8,
    colour_type: u8,
    chunks: &[Chunk],
    rows: &[Vec<u8>],
) -> Vec<u8> {
    let header = [
        &word(width)[..],
        &word(height),
        &[depth, colour_type, 0, 0, 0],
    ]
    .concat();
    let mut file = b"\x89PNG\r\n\x1a\n".to_vec();
    file.extend(chunk_of(*b"IHDR", &header));
    for Chunk(name, body) in chunks {
        file.extend(chunk_of(*name, body));
    }
    let filtered: Vec<u8> = rows
        .iter()
        .flat_map(|row| [&[0], &row[..]].concat())
        .collect();
    file.extend(chunk_of(*b"IDAT", &zlib(&filtered)));
    file.extend(chunk_of(*b"IEND", b""));
    file
}

/// A PNG chunk with its length and check sum.
pub fn chunk_of(name: [u8; 4], body: &[u8]) -> Vec<u8> {
    let length = word(u32::try_from(body.len()).expect("a chunk is short"));
    let named = [&name[..], body].concat();
    [&length[..], &named, &word(crc32(&named))].concat()
}

/// zlib (RFC 1950) with stored blocks only.
fn zlib(data: &[u8]) -> Vec<u8> {
    let mut out = vec![0x78, 0x01];
    let blocks = data.len().div_ceil(0xFFFF);
    for (n, block) in data.chunks(0xFFFF).enumerate() {
        let length = block.len() as u16;
        out.push(u8::from(n + 1 == blocks));
        out.extend(length.to_le_bytes());
        out.extend((!length).to_le_bytes());
        out.extend(block);
    }
    let (a, b) = data.iter().fold((1_u32, 0_u32), |(a, b), byte| {
        let a = (a + u32::from(*byte)) % 65_521;
        (a, (b + a) % 65_521)
    });
    out.extend(word(b << 16 | a));
    out
}

fn crc32(data: &[u8]) -> u32 {
    !data.iter().fold(!0, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| {
            (crc >> 1) ^ (0xEDB8_8320 & (crc & 1).wrapping_neg())
        })
    })
}

/// A JPEG with one more segment right after its start.
pub fn with_segment(jpeg: &[u8], marker: u8, body: &[u8]) -> Vec<u8> {
    let length = u16::try_from(body.len() + 2).expect("a segment is short");
    [
        &jpeg[..2],
        &[0xFF, marker],
        &length.to_be_bytes(),
        body,
        &jpeg[2..],
    ]
    .concat()
}

/// An EXIF block: a little-endian TIFF header with one directory. `taken_at` as EXIF writes
/// it, `2016:04:30 17:05:09`.
pub fn exif(
    orientation: Orientation,
    taken_at: Option<&str>,
    make: Option<&str>,
    model: Option<&str>,
) -> Vec<u8> {
    const ASCII: u16 = 2;
    const SHORT: u16 = 3;
    let mut fields: Vec<(u16, u16, Vec<u8>)> = Vec::new();
    let mut text = |tag: u16, value: Option<&str>| {
        if let Some(value) = value {
            fields.push((tag, ASCII, [value.as_bytes(), b"\0"].concat()));
        }
    };
    text(0x010F, make);
    text(0x0110, model);
    text(0x0132, taken_at);
    let value = orientation.exif() as u16;
    fields.push((0x0112, SHORT, value.to_le_bytes().to_vec()));
    fields.sort_by_key(|(tag, ..)| *tag);

    let mut block = b"II*\0\x08\0\0\0".to_vec();
    let mut data_at = 8 + 2 + fields.len() * 12 + 4;
    let mut data = Vec::new();
    block.extend((fields.len() as u16).to_le_bytes());
    for (tag, kind, mut value) in fields {
        let count = if kind == ASCII { value.len() } else { 1 };
        block.extend(tag.to_le_bytes());
        block.extend(kind.to_le_bytes());
        block.extend((count as u32).to_le_bytes());
        if value.len() > 4 {
            block.extend((data_at as u32).to_le_bytes());
            data_at += value.len();
            data.append(&mut value);
        } else {
            value.resize(4, 0);
            block.extend(value);
        }
    }
    block.extend([0; 4]);
    block.extend(data);
    block
}
