//! WebP: its picture, or the first frame of an animation. This reader walks the chunks and passes
//! only those with pixels to the decoder.

use std::borrow::Cow;

use image_webp::WebPDecoder;

use super::colour::{self, Rows};
use super::exif::{self, Metadata};
use super::limits::{MAX_EXIF_BLOCKS, MAX_PARTS, MAX_PROFILE};
use super::pieces::{Pieces, refusal};
use super::{Detail, Memory, Refusal, Source, Upright};

/// `RIFF`, a length and `WEBP`.
const FIRST_CHUNK: usize = 12;

/// Bits of the first byte of `VP8X`.
const HAS_PROFILE: u8 = 0x20;
const IS_ANIMATED: u8 = 0x02;

/// The facts from the chunks.
#[derive(Debug)]
pub(super) struct Header<'a> {
    canvas: (u32, u32),
    offset: (u32, u32),
    frame: Bitstream<'a>,
    exif: Vec<&'a [u8]>,
    icc: Option<&'a [u8]>,
}

/// A coded picture, with its size.
#[derive(Clone, Copy, Debug)]
struct Bitstream<'a> {
    kind: Kind<'a>,
    data: &'a [u8],
    width: u32,
    height: u32,
}

#[derive(Clone, Copy, Debug)]
enum Kind<'a> {
    /// `VP8 `, and `ALPH` if there is one.
    Lossy(Option<&'a [u8]>),
    /// `VP8L`, and whether it uses its alpha.
    Lossless(bool),
}

/// Name, contents and end of the chunk at `at`.
fn chunk_at(bytes: &[u8], at: usize) -> Option<(&[u8], &[u8], usize)> {
    let name = bytes.get(at..at + 4)?;
    let length = u32::from_le_bytes(bytes.get(at + 4..at + 8)?.try_into().ok()?) as usize;
    let body = bytes.get(at + 8..(at + 8).checked_add(length)?)?;
    Some((name, body, at + 8 + length + length % 2))
}

/// A number of three bytes.
fn triple(bytes: &[u8], at: usize) -> Option<u32> {
    match bytes.get(at..at + 3)? {
        [a, b, c] => Some(u32::from_le_bytes([*a, *b, *c, 0])),
        _ => None,
    }
}

impl<'a> Bitstream<'a> {
    fn new(name: &[u8], data: &'a [u8], alpha: Option<&'a [u8]>) -> Option<Self> {
        match name {
            // RFC 6386, 9.1.
            b"VP8 " => {
                let side = |at: usize| {
                    let bytes = data.get(at..at + 2)?.try_into().ok()?;
                    Some(u32::from(u16::from_le_bytes(bytes) & 0x3FFF))
                };
                Some(Self {
                    kind: Kind::Lossy(alpha),
                    data,
                    width: side(6)?,
                    height: side(8)?,
                })
            }
            // A signature byte, then 14 bits each of width - 1 and height - 1, and one for alpha.
            b"VP8L" => {
                let bits = u32::from_le_bytes(data.get(1..5)?.try_into().ok()?);
                Some(Self {
                    kind: Kind::Lossless(bits >> 28 & 1 == 1),
                    data,
                    width: (bits & 0x3FFF) + 1,
                    height: (bits >> 14 & 0x3FFF) + 1,
                })
            }
            _ => None,
        }
    }

    /// The first picture among the chunks of a frame.
    fn find(bytes: &'a [u8]) -> Option<Self> {
        let (mut at, mut alpha) = (0, None);
        for _ in 0..MAX_PARTS {
            let (name, body, end) = chunk_at(bytes, at)?;
            match name {
                b"ALPH" => alpha = alpha.or(Some(body)),
                b"VP8 " | b"VP8L" => return Self::new(name, body, alpha),
                _ => {}
            }
            at = end;
        }
        None
    }

    fn has_alpha(&self) -> bool {
        matches!(self.kind, Kind::Lossy(Some(_)) | Kind::Lossless(true))
    }

    /// The channels of the decoder's output. Lossless pictures are always decoded with alpha, because
    /// the decoder would need a second copy to leave it out.
    fn channels(&self) -> usize {
        match self.kind {
            Kind::Lossy(None) => 3,
            _ => 4,
        }
    }

    /// The headers of a file with only this picture: the bytes before each of its parts.
    fn container(&self) -> Vec<(Vec<u8>, &'a [u8])> {
        let chunk =
            |name: &[u8; 4], body: &[u8]| [&name[..], &(body.len() as u32).to_le_bytes()].concat();
        let mut parts = Vec::new();
        if self.channels() == 4 {
            let side = |side: u32| (side - 1).to_le_bytes();
            let (width, height) = (side(self.width), side(self.height));
            let body = [&[0x10, 0, 0, 0], &width[..3], &height[..3]].concat();
            parts.push((
                [
                    &b"RIFF\xFE\xFF\xFF\xFFWEBP"[..],
                    &chunk(b"VP8X", &body),
                    &body,
                ]
                .concat(),
                &[][..],
            ));
        } else {
            parts.push((b"RIFF\xFE\xFF\xFF\xFFWEBP".to_vec(), &[][..]));
        }
        match self.kind {
            Kind::Lossy(alpha) => {
                if let Some(alpha) = alpha {
                    parts.push((chunk(b"ALPH", alpha), alpha));
                    if alpha.len() % 2 == 1 {
                        parts.push((vec![0], &[][..]));
                    }
                }
                parts.push((chunk(b"VP8 ", self.data), self.data));
            }
            Kind::Lossless(_) => parts.push((chunk(b"VP8L", self.data), self.data)),
        }
        if self.data.len() % 2 == 1 {
            parts.push((vec![0], &[][..]));
        }
        parts
    }

    /// The pixels, with [`Bitstream::channels`] bytes each.
    fn decode(&self) -> Result<Vec<u8>, Refusal> {
        let parts = self.container();
        let pieces = Pieces::new(parts.iter().flat_map(|(head, body)| [&head[..], body]));
        let mut decoder = WebPDecoder::new(pieces).map_err(refusal)?;
        let length = self.width as usize * self.height as usize * self.channels();
        if decoder.output_buffer_size() != Some(length) {
            return Err(Refusal::damaged("it has two sizes"));
        }
        let mut pixels = vec![0; length];
        decoder.read_image(&mut pixels).map_err(refusal)?;
        Ok(pixels)
    }
}

impl<'a> Header<'a> {
    /// Walks the chunks.
    pub(super) fn read(bytes: &'a [u8]) -> Result<Self, Refusal> {
        let cut = Refusal::truncated;
        let (name, body, end) = chunk_at(bytes, FIRST_CHUNK).ok_or_else(cut)?;
        if name != b"VP8X" {
            let frame = Bitstream::new(name, body, None)
                .ok_or_else(|| Refusal::damaged("it does not begin with a picture"))?;
            return Ok(Self {
                canvas: (frame.width, frame.height),
                offset: (0, 0),
                frame,
                exif: Vec::new(),
                icc: None,
            });
        }
        let flags = *body.first().ok_or_else(cut)?;
        let canvas = triple(body, 4).zip(triple(body, 7)).ok_or_else(cut)?;
        let canvas = (canvas.0 + 1, canvas.1 + 1);
        let animated = flags & IS_ANIMATED != 0;
        let (mut alpha, mut frame, mut icc) = (None, None, None);
        let mut exif = Vec::new();
        let (mut at, mut parts) = (end, 0);
        while let Some((name, body, end)) = chunk_at(bytes, at) {
            parts += 1;
            if parts > MAX_PARTS && frame.is_none() {
                return Err(Refusal::excessive(&format!("more than {MAX_PARTS} chunks")));
            }
            if parts > 4 * MAX_PARTS {
                // Frames of a long animation; chunks behind them are not read.
                break;
            }
            at = end;
            match name {
                b"ICCP" if flags & HAS_PROFILE != 0 => icc = icc.or(Some(body)),
                b"EXIF" if exif.len() < MAX_EXIF_BLOCKS => exif.push(body),
                b"ANMF" if animated && frame.is_none() => frame = Some(animation_frame(body)?),
                b"ALPH" if !animated => alpha = alpha.or(Some(body)),
                b"VP8 " | b"VP8L" if !animated && frame.is_none() => {
                    frame = Bitstream::new(name, body, alpha).map(|frame| ((0, 0), frame));
                }
                _ => {}
            }
        }
        let (offset, frame) = frame.ok_or_else(cut)?;
        let fits = match animated {
            true => offset.0 + frame.width <= canvas.0 && offset.1 + frame.height <= canvas.1,
            false => (frame.width, frame.height) == canvas,
        };
        if !fits || frame.width == 0 || frame.height == 0 {
            return Err(Refusal::damaged("it has two sizes"));
        }
        Ok(Self {
            canvas,
            offset,
            frame,
            exif,
            icc: icc.filter(|profile| profile.len() <= MAX_PROFILE),
        })
    }

    fn covers_canvas(&self) -> bool {
        (self.frame.width, self.frame.height) == self.canvas
    }
}

/// A frame and its position on the canvas.
fn animation_frame(body: &[u8]) -> Result<((u32, u32), Bitstream<'_>), Refusal> {
    let offset = triple(body, 0).zip(triple(body, 3));
    let (left, top) = offset.ok_or_else(Refusal::truncated)?;
    let frame = body.get(16..).and_then(Bitstream::find);
    let frame = frame.ok_or_else(|| Refusal::damaged("its first frame has no picture"))?;
    Ok(((left * 2, top * 2), frame))
}

impl Source for Header<'_> {
    fn size(&self) -> (u32, u32) {
        self.canvas
    }

    fn metadata(&self) -> Metadata {
        exif::read_all(self.exif.iter().copied())
    }

    fn memory(&self) -> Memory {
        let frame = u64::from(self.frame.width) * u64::from(self.frame.height);
        // Tenths of a byte per pixel: the planes of VP8 and the RGB made from them, and for alpha a
        // plane that may have been decoded from a picture of four channels.
        let tenths = match self.frame.kind {
            Kind::Lossy(None) => 46,
            Kind::Lossy(Some(_)) => 110,
            Kind::Lossless(_) => 42,
        };
        let canvas = if self.covers_canvas() { 0 } else { 3 };
        let profile = self.icc.map_or(0, |icc| colour::memory(icc.len()));
        Memory {
            fixed: frame * tenths / 10 + (4 << 20) + profile,
            pixel: canvas,
            scales: false,
        }
    }

    fn verify(&self) -> Result<(), Refusal> {
        self.frame.decode().map(drop)
    }

    fn decode(&self, _: Detail) -> Result<Upright, Refusal> {
        let mut pixels = self.frame.decode()?;
        let (width, channels) = (self.frame.width as usize, self.frame.channels());
        if channels == 4 && !self.frame.has_alpha() {
            for pixel in pixels.as_chunks_mut::<4>().0 {
                pixel[3] = 255;
            }
        }
        let source = self.icc.map_or(colour::Source::Srgb, |icc| {
            colour::Source::Icc(Cow::Borrowed(icc))
        });
        let mut rows = Rows::new(&source, false, channels, false, width);
        for y in 0..self.frame.height as usize {
            let row = rows.convert(&pixels[y * width * channels..][..width * channels]);
            pixels[y * width * 3..][..width * 3].copy_from_slice(row);
        }
        pixels.truncate(width * self.frame.height as usize * 3);
        pixels.shrink_to_fit();
        let picture = Upright::new(self.frame.width, self.frame.height, pixels)
            .ok_or_else(Refusal::truncated)?;
        if self.covers_canvas() {
            return Ok(picture);
        }
        picture.on_canvas(self.canvas, self.offset)
    }
}
