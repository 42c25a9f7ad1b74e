//! PNG (third edition). This reader walks the chunks and passes only those with pixels to the
//! decoder, followed by an `IEND`: text and profiles cost the decoder nothing, and a file without an
//! end is read. Rows are converted to 8-bit sRGB one by one, so that 16 bits a channel take no more
//! memory than eight.

use std::borrow::Cow;

use super::colour::{self, Chromaticities, Rows};
use super::exif::{self, Metadata};
use super::limits::{MAX_PARTS, MAX_PIXEL_CHUNKS, MAX_PROFILE};
use super::pieces::{Pieces, refusal};
use super::{Detail, Memory, Refusal, Source, Upright};

const SIGNATURE: &[u8] = b"\x89PNG\r\n\x1a\n";
const END: &[u8] = b"\0\0\0\0IEND\xAE\x42\x60\x82";

/// What the decoder may allocate: a few rows of the widest picture, and its tables.
const DECODER_MEMORY: usize = 16 << 20;

/// Columns and rows of the seven passes of Adam7: the first, and the distance to the next.
const ADAM7: [[usize; 4]; 7] = [
    [0, 0, 8, 8],
    [4, 0, 8, 8],
    [0, 4, 4, 8],
    [2, 0, 4, 4],
    [0, 2, 2, 4],
    [1, 0, 2, 2],
    [0, 1, 1, 2],
];

/// The facts from the chunks.
#[derive(Debug)]
pub(super) struct Header<'a> {
    width: u32,
    height: u32,
    grey: bool,
    interlaced: bool,
    palette: Option<&'a [u8]>,
    transparency: Option<&'a [u8]>,
    /// The chunks with pixels, one after the other.
    pixels: &'a [u8],
    head: &'a [u8],
    exif: Vec<&'a [u8]>,
    /// EXIF after the pixels, whose orientation browsers do not see.
    late_exif: Vec<&'a [u8]>,
    colour: ColourChunks<'a>,
}

/// The chunks that say what the colours mean.
#[derive(Debug, Default)]
struct ColourChunks<'a> {
    cicp: Option<[u8; 4]>,
    icc: Option<&'a [u8]>,
    srgb: bool,
    gamma: Option<u32>,
    chromaticities: Option<&'a [u8; 32]>,
}

/// One chunk.
struct Chunk<'a> {
    name: [u8; 4],
    body: &'a [u8],
    start: usize,
    end: usize,
    /// Whether the file ends before the chunk does.
    cut: bool,
}

fn chunk_at(bytes: &[u8], start: usize) -> Option<Chunk<'_>> {
    let word = |at: usize| bytes.get(at..at + 4)?.first_chunk::<4>().copied();
    let length = u32::from_be_bytes(word(start)?) as usize;
    let name = word(start + 4)?;
    let body = start + 8;
    let end = body.checked_add(length)?.checked_add(4)?;
    let cut = end > bytes.len();
    Some(Chunk {
        name,
        body: &bytes[body..(body + length).min(bytes.len())],
        start,
        end: end.min(bytes.len()),
        cut,
    })
}

impl<'a> Header<'a> {
    /// Walks the chunks.
    pub(super) fn read(bytes: &'a [u8]) -> Result<Self, Refusal> {
        let first = chunk_at(bytes, SIGNATURE.len()).ok_or_else(Refusal::truncated)?;
        if first.cut {
            return Err(Refusal::truncated());
        }
        if &first.name == b"CgBI" {
            return Err(Refusal::unsupported("a PNG as iPhone apps contain them"));
        }
        let [
            w1,
            w2,
            w3,
            w4,
            h1,
            h2,
            h3,
            h4,
            _,
            colour_type,
            _,
            _,
            interlace,
        ] = *first.body
        else {
            return Err(Refusal::damaged("it does not begin with its header"));
        };
        if &first.name != b"IHDR" {
            return Err(Refusal::damaged("it does not begin with its header"));
        }
        let mut header = Self {
            width: u32::from_be_bytes([w1, w2, w3, w4]),
            height: u32::from_be_bytes([h1, h2, h3, h4]),
            grey: matches!(colour_type, 0 | 4),
            interlaced: interlace == 1,
            palette: None,
            transparency: None,
            pixels: &[],
            head: &bytes[..first.end],
            exif: Vec::new(),
            late_exif: Vec::new(),
            colour: ColourChunks::default(),
        };
        header.walk(bytes, first.end, colour_type)?;
        Ok(header)
    }

    fn walk(&mut self, bytes: &'a [u8], from: usize, colour_type: u8) -> Result<(), Refusal> {
        let mut at = from;
        let (mut pixel_chunks, mut others) = (0, 0);
        let mut pixels: Option<(usize, usize)> = None;
        while let Some(chunk) = chunk_at(bytes, at) {
            at = chunk.end;
            if &chunk.name == b"IDAT" {
                pixel_chunks += 1;
                match &mut pixels {
                    None => pixels = Some((chunk.start, chunk.end)),
                    Some((_, end)) if *end == chunk.start => *end = chunk.end,
                    // Chunks with pixels are consecutive; the decoder does not read later ones.
                    Some(_) => {}
                }
                if pixel_chunks > MAX_PIXEL_CHUNKS {
                    return Err(Refusal::excessive("more than 100,000 chunks"));
                }
                continue;
            }
            let done = pixels.is_some();
            others += 1;
            if others > MAX_PARTS {
                if done {
                    // Frames of a long animation; chunks behind them are not read.
                    break;
                }
                return Err(Refusal::excessive(&format!("more than {MAX_PARTS} chunks")));
            }
            if chunk.cut || &chunk.name == b"IEND" || !chunk.name.is_ascii() {
                break;
            }
            match &chunk.name {
                b"eXIf" if done => self.late_exif.push(chunk.body),
                b"eXIf" => self.exif.push(chunk.body),
                b"PLTE" if !done => {
                    self.palette = self.palette.or(Some(&bytes[chunk.start..chunk.end]));
                }
                b"tRNS" if !done => {
                    let most = self.palette.map_or(0, |palette| (palette.len() - 12) / 3);
                    let fits = match colour_type {
                        0 => chunk.body.len() == 2,
                        2 => chunk.body.len() == 6,
                        3 => (1..=most).contains(&chunk.body.len()),
                        _ => false,
                    };
                    if fits && self.transparency.is_none() {
                        self.transparency = Some(&bytes[chunk.start..chunk.end]);
                    }
                }
                _ if !done => self.colour.keep(&chunk),
                _ => {}
            }
        }
        let (start, end) = pixels.ok_or_else(Refusal::truncated)?;
        self.pixels = &bytes[start..end];
        if colour_type != 3 {
            // What a palette suggests for colours that are there themselves.
            self.palette = None;
        }
        Ok(())
    }

    fn decoder(&self) -> Result<png::Reader<Pieces<'a>>, Refusal> {
        let pieces = [
            Some(self.head),
            self.palette,
            self.transparency,
            Some(self.pixels),
            Some(END),
        ];
        let pieces = Pieces::new(pieces.into_iter().flatten());
        let limits = png::Limits {
            bytes: DECODER_MEMORY,
        };
        let mut decoder = png::Decoder::new_with_limits(pieces, limits);
        decoder.set_transformations(png::Transformations::EXPAND);
        decoder.read_info().map_err(refusal)
    }

    /// Hands out every row: its bytes, and which columns of which row of the picture they are.
    fn each_row(&self, mut take: impl FnMut(&[u8], Place)) -> Result<(), Refusal> {
        let mut reader = self.decoder()?;
        for place in places(self.width as usize, self.height as usize, self.interlaced) {
            match reader.next_row().map_err(refusal)? {
                Some(row) => take(row.data(), place),
                None => return Err(Refusal::truncated()),
            }
        }
        Ok(())
    }
}

impl<'a> ColourChunks<'a> {
    fn keep(&mut self, chunk: &Chunk<'a>) {
        match &chunk.name {
            b"cICP" => self.cicp = self.cicp.or(chunk.body.try_into().ok()),
            b"iCCP" => self.icc = self.icc.or(Some(chunk.body)),
            b"sRGB" => self.srgb |= chunk.body.len() == 1,
            b"gAMA" => {
                let gamma = chunk.body.try_into().ok().map(u32::from_be_bytes);
                self.gamma = self.gamma.or(gamma);
            }
            b"cHRM" => {
                self.chromaticities = self.chromaticities.or(chunk.body.try_into().ok());
            }
            _ => {}
        }
    }

    /// In the order of 13.12.1: `cICP`, `iCCP`, `sRGB`, and `gAMA` with `cHRM`; each counts only
    /// if it can be used.
    fn source(&self) -> colour::Source<'a> {
        if let Some([primaries, transfer, 0, 1]) = self.cicp {
            let code_points = colour::Source::CodePoints {
                primaries,
                transfer,
            };
            if code_points.is_known() {
                return code_points;
            }
        }
        if let Some(profile) = self.icc.and_then(inflated_profile) {
            return colour::Source::Icc(Cow::Owned(profile));
        }
        if self.srgb {
            return colour::Source::Srgb;
        }
        let Some(gamma) = self.gamma else {
            return colour::Source::Srgb;
        };
        let chromaticities = self.chromaticities.map(|bytes| {
            let (words, _) = bytes.as_chunks::<4>();
            let value = |n: usize| u32::from_be_bytes(words[n]) as f32 / 100_000.0;
            let point = |n: usize| [value(n), value(n + 1)];
            Chromaticities {
                white: point(0),
                red: point(2),
                green: point(4),
                blue: point(6),
            }
        });
        colour::Source::Measured {
            gamma: gamma as f32 / 100_000.0,
            chromaticities,
        }
    }
}

/// The profile of an `iCCP` chunk: a name, a zero, the number of the method, and zlib.
fn inflated_profile(chunk: &[u8]) -> Option<Vec<u8>> {
    let name = chunk.iter().take(80).position(|byte| *byte == 0)?;
    let (method, compressed) = chunk.get(name + 1..)?.split_first()?;
    if *method != 0 {
        return None;
    }
    fdeflate::decompress_to_vec_bounded(compressed, MAX_PROFILE).ok()
}

/// Which pixels of the picture one row of a pass is.
#[derive(Clone, Copy)]
struct Place {
    row: usize,
    first: usize,
    step: usize,
}

/// The rows in the order in which they are stored. A pass without a column or a row is left out.
fn places(width: usize, height: usize, interlaced: bool) -> impl Iterator<Item = Place> {
    let passes: &[[usize; 4]] = match interlaced {
        true => &ADAM7,
        false => &[[0, 0, 1, 1]],
    };
    passes
        .iter()
        .filter(move |[first, ..]| *first < width)
        .flat_map(move |[first, top, step, distance]| {
            (*top..height).step_by(*distance).map(|row| Place {
                row,
                first: *first,
                step: *step,
            })
        })
}

impl Source for Header<'_> {
    fn size(&self) -> (u32, u32) {
        (self.width, self.height)
    }

    fn metadata(&self) -> Metadata {
        let metadata = exif::read_all(self.exif.iter().copied());
        let late = exif::read_all(self.late_exif.iter().copied());
        Metadata {
            orientation: metadata.orientation,
            taken_at: metadata.taken_at.or(late.taken_at),
            camera: metadata.camera.or(late.camera),
            hemisphere: metadata.hemisphere.or(late.hemisphere),
        }
    }

    fn memory(&self) -> Memory {
        // Deflate makes a thousand bytes of one at most (RFC 1951: 258 of two bits).
        let profile = self.colour.icc.map_or(0, |chunk| {
            colour::memory(chunk.len().saturating_mul(1032).min(MAX_PROFILE))
        });
        Memory {
            // Some rows of up to eight bytes a pixel, and the window of deflate.
            fixed: u64::from(self.width) * 40 + (1 << 20) + profile,
            ..Memory::rgb()
        }
    }

    fn verify(&self) -> Result<(), Refusal> {
        self.each_row(|_, _| {})
    }

    fn decode(&self, _: Detail) -> Result<Upright, Refusal> {
        let (width, height) = (self.width as usize, self.height as usize);
        let reader = self.decoder()?;
        let (kind, depth) = reader.output_color_type();
        let wide = depth == png::BitDepth::Sixteen;
        let mut rows = Rows::new(
            &self.colour.source(),
            self.grey,
            kind.samples(),
            wide,
            width,
        );
        let mut rgb = vec![0; width * height * 3];
        self.each_row(|row, place| {
            let row = rows.convert(row);
            let target = &mut rgb[place.row * width * 3..][..width * 3];
            if place.step == 1 {
                target.copy_from_slice(row);
                return;
            }
            let (pixels, _) = row.as_chunks::<3>();
            let (target, _) = target.as_chunks_mut::<3>();
            let columns = target.iter_mut().skip(place.first).step_by(place.step);
            for (target, pixel) in columns.zip(pixels) {
                *target = *pixel;
            }
        })?;
        Upright::new(self.width, self.height, rgb).ok_or_else(Refusal::truncated)
    }
}
