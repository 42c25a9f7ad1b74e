//! Hand-made files, for what no encoder writes: EXIF, palettes, segments, unusual depths.

use crate::picture::Orientation;

/// A PNG chunk: its name and its contents.
#[derive(Clone, Debug)]
pub struct Chunk(pub [u8; 4], pub Vec<u8>);

/// A big-endian number, as in PNG.
pub fn word(n: u32) -> [u8; 4] {
    n.to_be_bytes()
}

/// A PNG from its rows. `chunks` go before the pixels; nothing is compressed.
pub fn png(
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
pub fn zlib(data: &[u8]) -> Vec<u8> {
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

/// A box of an ISO base media file.
pub fn boxed(name: &[u8; 4], body: &[u8]) -> Vec<u8> {
    let length = word(u32::try_from(body.len() + 8).expect("a box is short"));
    [&length[..], name, body].concat()
}

/// An item of a HEIF file.
#[derive(Clone, Debug)]
pub struct Item {
    /// What it is: `hvc1`, `av01`, `grid`, `Exif` …
    pub kind: [u8; 4],
    /// Whole boxes.
    pub properties: Vec<Vec<u8>>,
    /// Its contents.
    pub data: Vec<u8>,
}

/// A HEIF file. Items are numbered from 1, and the first is the primary picture. References are a
/// kind, the item that refers, and the items it refers to.
pub fn heif(brand: &[u8; 4], items: &[Item], references: &[([u8; 4], u16, Vec<u16>)]) -> Vec<u8> {
    let short = |n: usize| (n as u16).to_be_bytes();
    let full = |name: &[u8; 4], body: &[u8]| boxed(name, &[&[0; 4], body].concat());
    let numbered = || (1..).zip(items);
    let kinds: Vec<u8> = numbered()
        .flat_map(|(n, item)| {
            boxed(
                b"infe",
                &[&[2, 0, 0, 0], &short(n)[..], &[0, 0], &item.kind, &[0]].concat(),
            )
        })
        .collect();
    let properties: Vec<u8> = items.iter().flat_map(|it| it.properties.concat()).collect();
    let mut next = 0;
    let associations: Vec<u8> = numbered()
        .flat_map(|(n, item)| {
            let count = item.properties.len() as u8;
            let indices: Vec<u8> = (next + 1..=next + count).collect();
            next += count;
            [&short(n)[..], &[count], &indices].concat()
        })
        .collect();
    let links: Vec<u8> = references
        .iter()
        .flat_map(|(kind, from, to)| {
            let to: Vec<u8> = to.iter().flat_map(|id| id.to_be_bytes()).collect();
            let body = [&from.to_be_bytes()[..], &short(to.len() / 2), &to].concat();
            boxed(kind, &body)
        })
        .collect();
    let start = boxed(b"ftyp", &[&brand[..], &[0; 4], b"mif1", brand].concat());
    let meta = |data_at: usize| {
        let mut at = data_at;
        let places: Vec<u8> = numbered()
            .flat_map(|(n, item)| {
                let place = [word(at as u32), word(item.data.len() as u32)].concat();
                at += item.data.len();
                [&short(n)[..], &[0, 0, 0, 1], &place].concat()
            })
            .collect();
        let handler = full(b"hdlr", b"\0\0\0\0pict\0\0\0\0\0\0\0\0\0\0\0\0\0");
        let body = [
            handler,
            full(b"pitm", &short(1)),
            full(b"iinf", &[&short(items.len())[..], &kinds].concat()),
            full(b"iref", &links),
            boxed(
                b"iprp",
                &[
                    boxed(b"ipco", &properties),
                    full(
                        b"ipma",
                        &[&word(items.len() as u32)[..], &associations].concat(),
                    ),
                ]
                .concat(),
            ),
            full(
                b"iloc",
                &[&[0x44, 0], &short(items.len())[..], &places].concat(),
            ),
        ];
        full(b"meta", &body.concat())
    };
    let data_at = start.len() + meta(0).len() + 8;
    let data: Vec<u8> = items.iter().flat_map(|item| item.data.clone()).collect();
    [start, meta(data_at), boxed(b"mdat", &data)].concat()
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

/// An EXIF block: a little-endian TIFF header with two directories. `taken_at` as EXIF writes it,
/// `2016:04:30 17:05:09`.
pub fn exif(
    orientation: Orientation,
    taken_at: Option<&str>,
    make: Option<&str>,
    model: Option<&str>,
) -> Vec<u8> {
    let text = |tag: u16, value: Option<&str>| {
        value.map(|value| (tag, Value::Text([value.as_bytes(), b"\0"].concat())))
    };
    let value = Value::Short(orientation.exif() as u16);
    let first = [
        text(0x010F, make),
        text(0x0110, model),
        Some((0x0112, value)),
    ];
    let second = text(0x9003, taken_at);
    tiff(
        &first.into_iter().flatten().collect::<Vec<_>>(),
        &second.into_iter().collect::<Vec<_>>(),
    )
}

/// A value in an EXIF directory.
#[derive(Clone, Debug)]
pub enum Value {
    /// Text, with its final zero.
    Text(Vec<u8>),
    /// A number of two bytes.
    Short(u16),
    /// A number of four bytes.
    Long(u32),
}

/// An EXIF block with these fields in its first directory, and those in the one of Exif.
pub fn tiff(first: &[(u16, Value)], exif: &[(u16, Value)]) -> Vec<u8> {
    const LONG: u16 = 4;
    let entry = |tag: u16, kind: u16, count: u32, value: u32| {
        [
            &tag.to_le_bytes()[..],
            &kind.to_le_bytes(),
            &count.to_le_bytes(),
            &value.to_le_bytes(),
        ]
        .concat()
    };
    let size = |fields: usize| 2 + fields * 12 + 4;
    let second_at = 8 + size(first.len() + 1);
    let mut data_at = second_at + size(exif.len());
    let mut data = Vec::new();
    let mut entries = |fields: &[(u16, Value)]| -> Vec<Vec<u8>> {
        let mut entries = Vec::new();
        for (tag, value) in fields {
            entries.push(match value {
                Value::Short(value) => entry(*tag, 3, 1, u32::from(*value)),
                Value::Long(value) => entry(*tag, LONG, 1, *value),
                Value::Text(text) if text.len() <= 4 => {
                    let mut bytes = [0; 4];
                    bytes[..text.len()].copy_from_slice(text);
                    entry(*tag, 2, text.len() as u32, u32::from_le_bytes(bytes))
                }
                Value::Text(text) => {
                    let at = data_at as u32;
                    data_at += text.len();
                    data.extend_from_slice(text);
                    entry(*tag, 2, text.len() as u32, at)
                }
            });
        }
        entries
    };
    let mut first = entries(first);
    let exif = entries(exif);
    first.push(entry(0x8769, LONG, 1, second_at as u32));
    let mut block = b"II*\0\x08\0\0\0".to_vec();
    for directory in [first, exif] {
        block.extend((directory.len() as u16).to_le_bytes());
        block.extend(directory.concat());
        block.extend([0; 4]);
    }
    block.extend(data);
    block
}

/// An EXIF block with a date, and a latitude: its letter, and degrees, minutes and seconds as
/// fractions.
pub fn exif_at(taken_at: &str, letter: &str, latitude: [(u32, u32); 3]) -> Vec<u8> {
    let taken_at = Value::Text([taken_at.as_bytes(), b"\0"].concat());
    let block = |gps_at: usize| {
        tiff(
            &[(0x8825, Value::Long(gps_at as u32))],
            &[(0x9003, taken_at.clone())],
        )
    };
    let gps_at = block(0).len();
    let mut block = block(gps_at);
    let mut written = [0; 4];
    written[..letter.len()].copy_from_slice(letter.as_bytes());
    let fractions_at = gps_at as u32 + 2 + 2 * 12 + 4;
    block.extend(2_u16.to_le_bytes());
    for (tag, kind, count, value) in [
        (1_u16, 2_u16, 2_u32, u32::from_le_bytes(written)),
        (2, 5, 3, fractions_at),
    ] {
        block.extend(tag.to_le_bytes());
        block.extend(kind.to_le_bytes());
        block.extend(count.to_le_bytes());
        block.extend(value.to_le_bytes());
    }
    block.extend([0; 4]);
    for (above, below) in latitude {
        block.extend(above.to_le_bytes());
        block.extend(below.to_le_bytes());
    }
    block
}
