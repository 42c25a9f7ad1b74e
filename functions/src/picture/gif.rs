//! GIF89a: its first frame. This reader walks the blocks before it, so that endless comments and
//! application data cost nothing.

use gif::{ColorOutput, DecodeOptions, MemoryLimit};

use super::exif::Metadata;
use super::limits::MAX_PARTS;
use super::pieces::{Pieces, refusal};
use super::{Detail, Memory, Refusal, Source, Upright};

/// The signature, and the logical screen descriptor (section 18).
const SCREEN: usize = 13;
const EXTENSION: u8 = 0x21;
const GRAPHIC_CONTROL: u8 = 0xF9;
const IMAGE: u8 = 0x2C;

/// The most extension data before the first frame, in blocks of 255 bytes: 25 MB.
const MAX_BLOCKS: usize = 100_000;

/// The facts from the blocks up to the first frame.
#[derive(Debug)]
pub(super) struct Header<'a> {
    screen: (u32, u32),
    frame: Frame,
    /// The screen descriptor with the global palette.
    head: &'a [u8],
    control: Option<&'a [u8]>,
    /// The first frame and everything behind it.
    image: &'a [u8],
    palette: &'a [u8],
    transparent: Option<u8>,
}

/// Where the first frame is on the screen.
#[derive(Clone, Copy, Debug)]
struct Frame {
    left: u32,
    top: u32,
    width: u32,
    height: u32,
}

fn pair(bytes: &[u8], at: usize) -> Option<u32> {
    let bytes = bytes.get(at..at + 2)?.try_into().ok()?;
    Some(u32::from(u16::from_le_bytes(bytes)))
}

/// The colours of a palette whose size is in a packed field, from `at` on.
fn palette(bytes: &[u8], packed: u8, at: usize) -> Option<&[u8]> {
    match packed & 0x80 {
        0 => Some(&[]),
        _ => bytes.get(at..at + 3 * (2 << (packed & 7))),
    }
}

/// Where the sub-blocks that begin at `at` end.
fn skip_blocks(bytes: &[u8], mut at: usize, blocks: &mut usize) -> Result<usize, Refusal> {
    loop {
        let length = *bytes.get(at).ok_or_else(Refusal::truncated)?;
        at += 1 + usize::from(length);
        *blocks += 1;
        if length == 0 {
            return Ok(at);
        }
        if *blocks > MAX_BLOCKS {
            return Err(Refusal::excessive("more than 100,000 blocks"));
        }
    }
}

impl<'a> Header<'a> {
    /// Walks the blocks up to the first frame.
    pub(super) fn read(bytes: &'a [u8]) -> Result<Self, Refusal> {
        let cut = Refusal::truncated;
        let screen = pair(bytes, 6).zip(pair(bytes, 8)).ok_or_else(cut)?;
        let packed = *bytes.get(10).ok_or_else(cut)?;
        let global = palette(bytes, packed, SCREEN).ok_or_else(cut)?;
        let mut at = SCREEN + global.len();
        let head = bytes.get(..at).ok_or_else(cut)?;
        let mut control = None;
        let (mut parts, mut blocks) = (0, 0);
        loop {
            parts += 1;
            if parts > MAX_PARTS {
                return Err(Refusal::excessive(&format!(
                    "more than {MAX_PARTS} extensions"
                )));
            }
            match *bytes.get(at).ok_or_else(cut)? {
                EXTENSION => {
                    let label = *bytes.get(at + 1).ok_or_else(cut)?;
                    let end = skip_blocks(bytes, at + 2, &mut blocks)?;
                    if label == GRAPHIC_CONTROL {
                        control = bytes.get(at..end).filter(|block| block.len() == 8);
                    }
                    at = end;
                }
                IMAGE => break,
                // Some encoders write zeros between blocks as padding.
                0 => at += 1,
                _ => return Err(Refusal::damaged("it has no frame")),
            }
        }
        let image = &bytes[at..];
        let word = |at| pair(image, at).ok_or_else(cut);
        let frame = Frame {
            left: word(1)?,
            top: word(3)?,
            width: word(5)?,
            height: word(7)?,
        };
        let packed = *image.get(9).ok_or_else(cut)?;
        let local = palette(image, packed, 10).ok_or_else(cut)?;
        Ok(Self {
            screen,
            frame,
            head,
            control,
            image,
            palette: if local.is_empty() { global } else { local },
            transparent: control.and_then(|block| (block[3] & 1 == 1).then_some(block[6])),
        })
    }

    /// The size of the picture, and where on it the frame is. A frame that does not fit its
    /// screen makes the screen as large as it needs, as in browsers.
    fn canvas(&self) -> (u32, u32) {
        let Frame {
            left,
            top,
            width,
            height,
        } = self.frame;
        (
            self.screen.0.max(left + width),
            self.screen.1.max(top + height),
        )
    }

    fn frame_pixels(&self) -> Result<Vec<u8>, Refusal> {
        let pieces = [Some(self.head), self.control, Some(self.image)];
        let mut options = DecodeOptions::new();
        options.set_color_output(ColorOutput::Indexed);
        options.set_memory_limit(MemoryLimit::Unlimited);
        let mut decoder = options
            .read_info(Pieces::new(pieces.into_iter().flatten()))
            .map_err(refusal)?;
        if decoder.next_frame_info().map_err(refusal)?.is_none() {
            return Err(Refusal::truncated());
        }
        // The size was checked as a part of the canvas.
        let mut pixels = vec![0; self.frame.width as usize * self.frame.height as usize];
        decoder.read_into_buffer(&mut pixels).map_err(refusal)?;
        Ok(pixels)
    }

    /// The colours of the palette. Transparent entries and missing ones are white.
    fn colours(&self) -> [[u8; 3]; 256] {
        let mut colours = [[0; 3]; 256];
        let (known, _) = self.palette.as_chunks::<3>();
        for (colour, known) in colours.iter_mut().zip(known) {
            *colour = *known;
        }
        if let Some(transparent) = self.transparent {
            colours[usize::from(transparent)] = [255; 3];
        }
        colours
    }
}

impl Source for Header<'_> {
    fn size(&self) -> (u32, u32) {
        self.canvas()
    }

    fn metadata(&self) -> Metadata {
        Metadata::default()
    }

    fn memory(&self) -> Memory {
        let frame = u64::from(self.frame.width) * u64::from(self.frame.height);
        Memory {
            fixed: frame + (1 << 20),
            ..Memory::rgb()
        }
    }

    fn verify(&self) -> Result<(), Refusal> {
        self.frame_pixels().map(drop)
    }

    fn decode(&self, _: Detail) -> Result<Upright, Refusal> {
        let pixels = self.frame_pixels()?;
        let colours = self.colours();
        let (width, height) = self.canvas();
        let mut rgb = vec![255; width as usize * height as usize * 3];
        let (canvas, _) = rgb.as_chunks_mut::<3>();
        let rows = canvas
            .chunks_exact_mut(width as usize)
            .skip(self.frame.top as usize);
        for (row, source) in rows.zip(pixels.chunks_exact(self.frame.width as usize)) {
            let row = &mut row[self.frame.left as usize..];
            for (pixel, index) in row.iter_mut().zip(source) {
                *pixel = colours[usize::from(*index)];
            }
        }
        Upright::new(width, height, rgb).ok_or_else(Refusal::truncated)
    }
}
