//! Pictures for tests of this crate and others: generated, and the same on every run. Behind the
//! feature `testing`, so that none of it ships.
//!
//! They show no faces; tests of faces use real photos and are skipped without them.

#![allow(clippy::expect_used, reason = "test support: a panic is the report")]

mod files;
pub mod provider;
pub mod runtime;
mod sign;

use std::path::PathBuf;

use image::codecs::gif::GifEncoder;
use image::codecs::png::PngEncoder;
use image::codecs::webp::WebPEncoder;
use image::{Delay, ExtendedColorType, Frame, ImageEncoder, RgbaImage};
use platform::Format;

use crate::picture::{Orientation, Upright, encode_jpeg};

pub use files::{
    Chunk, Item, Value, boxed, chunk_of, exif, exif_at, heif, png, tiff, with_segment, word, zlib,
};
pub use sign::sign;

/// The colours of [`quarters`]: top left, top right, bottom left, bottom right.
pub const QUARTERS: [[u8; 3]; 4] = [[220, 30, 30], [30, 180, 50], [40, 60, 210], [240, 240, 240]];

/// The folder of real photos beside the repository: test data that is not ours to publish. A
/// missing folder is reported on standard output.
pub fn real_photos() -> Option<PathBuf> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../shared/photos");
    if !folder.is_dir() {
        println!("SKIPPED: there are no photos beside the repository");
        return None;
    }
    Some(folder)
}

/// Names and contents of the files in a folder, by name.
pub fn files_in(folder: PathBuf) -> impl Iterator<Item = (String, Vec<u8>)> {
    let entries = std::fs::read_dir(folder).expect("the folder can be read");
    let mut paths: Vec<_> = entries
        .map(|entry| entry.expect("the folder can be read").path())
        .collect();
    paths.sort();
    paths.into_iter().map(|path| {
        let name = path.file_name().expect("a file has a name");
        let name = name.to_string_lossy().into_owned();
        (name, std::fs::read(path).expect("the file can be read"))
    })
}

/// A picture that looks a little like a photo: a gradient, soft waves and some noise. Two seeds
/// never give the same bytes.
pub fn picture(seed: u64, width: u32, height: u32) -> Upright {
    let mut noise = Noise(seed);
    let phase = (noise.next() % 628) as f32 / 100.0;
    let tint: [f32; 3] = std::array::from_fn(|_| (noise.next() % 160) as f32);
    let mut rgb = Vec::with_capacity(width as usize * height as usize * 3);
    for y in 0..height {
        for x in 0..width {
            let (u, v) = (x as f32 / width as f32, y as f32 / height as f32);
            let wave = ((u * 9.0 + phase).sin() + (v * 7.0 + phase).cos()) * 20.0;
            for tint in tint {
                let grain = (noise.next() % 8) as f32;
                rgb.push((tint + u * 40.0 + v * 40.0 + wave + grain).clamp(0.0, 255.0) as u8);
            }
        }
    }
    Upright::new(width, height, rgb).expect("a picture has pixels")
}

/// [`picture`] as a JPEG.
pub fn photo(seed: u64, width: u32, height: u32) -> Vec<u8> {
    jpeg(&picture(seed, width, height))
}

/// A picture as a JPEG of high quality.
pub fn jpeg(picture: &Upright) -> Vec<u8> {
    encode_jpeg(picture, 95).expect("a picture can be encoded")
}

/// A picture of four plain quarters in the colours [`QUARTERS`], which shows how it is rotated or
/// mirrored.
pub fn quarters(width: u32, height: u32) -> Upright {
    let rgb = (0..height)
        .flat_map(|y| (0..width).map(move |x| (x, y)))
        .flat_map(|(x, y)| QUARTERS[usize::from(x >= width / 2) + 2 * usize::from(y >= height / 2)])
        .collect();
    Upright::new(width, height, rgb).expect("a picture has pixels")
}

/// The formats that [`encoded`] really encodes. For the others it has one picture.
pub const ENCODABLE: [Format; 4] = [Format::Jpeg, Format::Png, Format::Gif, Format::WebP];

/// [`quarters`] of 64 × 48, coded as HEVC or as AV1, with its box of parameters and its size. Items
/// of this kind make a HEIF file.
pub fn coded_quarters(format: Format) -> Item {
    let size = [&[0; 4], &word(64)[..], &word(48)].concat();
    let (kind, name, parameters, data): (_, _, &[u8], &[u8]) = match format {
        Format::Avif => (
            b"av01",
            b"av1C",
            include_bytes!("quarters.av1c"),
            include_bytes!("quarters.av1"),
        ),
        _ => (
            b"hvc1",
            b"hvcC",
            include_bytes!("quarters.hvcc"),
            include_bytes!("quarters.hevc"),
        ),
    };
    Item {
        kind: *kind,
        properties: vec![boxed(name, parameters), boxed(b"ispe", &size)],
        data: data.to_vec(),
    }
}

/// An EXIF block as an item of a HEIF file.
pub fn exif_item(block: &[u8]) -> Item {
    Item {
        kind: *b"Exif",
        properties: Vec::new(),
        data: [&word(6)[..], b"Exif\0\0", block].concat(),
    }
}

/// The name of a format among the brands of HEIF files.
pub fn brand(format: Format) -> &'static [u8; 4] {
    match format {
        Format::Avif => b"avif",
        _ => b"heic",
    }
}

/// [`quarters`] of 64 × 48 as a camera stores them that was held so.
pub fn stored(orientation: Orientation) -> Upright {
    let upright = quarters(64, 48);
    let (width, height) = orientation.upright_size(64, 48);
    let mut rgb = Vec::new();
    for y in 0..height {
        for x in 0..width {
            let (right, bottom) = (width - 1 - x, height - 1 - y);
            let (x, y) = match orientation {
                Orientation::Upright => (x, y),
                Orientation::MirroredHorizontally => (right, y),
                Orientation::UpsideDown => (right, bottom),
                Orientation::MirroredVertically => (x, bottom),
                Orientation::Transposed => (y, x),
                Orientation::QuarterClockwise => (bottom, x),
                Orientation::Transversed => (bottom, right),
                Orientation::QuarterAnticlockwise => (y, right),
            };
            rgb.extend(upright.pixel(x, y));
        }
    }
    Upright::new(width, height, rgb).expect("a picture has pixels")
}

/// [`quarters`] of 64 × 48 as a camera in this orientation stores them, in a format with EXIF (all
/// but GIF).
pub fn with_orientation(format: Format, orientation: Orientation) -> Vec<u8> {
    let stored = stored(orientation);
    let block = exif(orientation, None, None, None);
    encoded(format, &stored, Some(block), None)
}

/// A picture in any of the formats, with an EXIF block and a colour profile where the format
/// can carry them. All but JPEG are lossless, GIF within its 256 colours. HEIC and AVIF, for which
/// there is no encoder, always show [`quarters`] of 64 × 48.
pub fn encoded(
    format: Format,
    picture: &Upright,
    exif: Option<Vec<u8>>,
    icc: Option<Vec<u8>>,
) -> Vec<u8> {
    let mut out = Vec::new();
    let (width, height) = (picture.width, picture.height);
    let write = |mut encoder: Box<dyn Encoder + '_>| {
        if let Some(exif) = exif.clone() {
            encoder.exif(exif);
        }
        if let Some(icc) = icc.clone() {
            encoder.icc(icc);
        }
        encoder.write(picture.rgb(), width, height);
    };
    match format {
        Format::Jpeg => {
            out = jpeg(picture);
            if let Some(icc) = &icc {
                let body = [b"ICC_PROFILE\0\x01\x01", &icc[..]].concat();
                out = with_segment(&out, 0xE2, &body);
            }
            if let Some(exif) = &exif {
                let body = [b"Exif\0\0", &exif[..]].concat();
                out = with_segment(&out, 0xE1, &body);
            }
        }
        Format::Png => write(Box::new(PngEncoder::new(&mut out))),
        Format::WebP => write(Box::new(WebPEncoder::new_lossless(&mut out))),
        Format::Gif => {
            let mut encoder = GifEncoder::new(&mut out);
            encoder
                .encode(picture.rgb(), width, height, ExtendedColorType::Rgb8)
                .expect("a GIF can be encoded");
        }
        Format::Heic | Format::Avif => {
            let mut items = vec![coded_quarters(format)];
            let mut references = Vec::new();
            if let Some(icc) = &icc {
                let profile = boxed(b"colr", &[b"prof", &icc[..]].concat());
                items[0].properties.push(profile);
            }
            if let Some(exif) = &exif {
                items.push(exif_item(exif));
                references.push((*b"cdsc", 2, vec![1]));
            }
            out = heif(brand(format), &items, &references);
        }
    }
    out
}

trait Encoder {
    fn exif(&mut self, block: Vec<u8>);
    fn icc(&mut self, profile: Vec<u8>);
    fn write(self: Box<Self>, rgb: &[u8], width: u32, height: u32);
}

impl<T: ImageEncoder> Encoder for T {
    fn exif(&mut self, block: Vec<u8>) {
        self.set_exif_metadata(block).expect("it carries EXIF");
    }

    fn icc(&mut self, profile: Vec<u8>) {
        self.set_icc_profile(profile).expect("it carries profiles");
    }

    fn write(self: Box<Self>, rgb: &[u8], width: u32, height: u32) {
        self.write_image(rgb, width, height, ExtendedColorType::Rgb8)
            .expect("a picture can be encoded");
    }
}

/// A PNG or WebP of one colour, with transparency.
pub fn translucent(format: Format, rgba: [u8; 4], width: u32, height: u32) -> Vec<u8> {
    let pixels = rgba.repeat(width as usize * height as usize);
    let mut out = Vec::new();
    let result = match format {
        Format::Png => {
            PngEncoder::new(&mut out).write_image(&pixels, width, height, ExtendedColorType::Rgba8)
        }
        _ => WebPEncoder::new_lossless(&mut out).write_image(
            &pixels,
            width,
            height,
            ExtendedColorType::Rgba8,
        ),
    };
    result.expect("a picture can be encoded");
    out
}

/// A PNG of one colour with 16 bits a channel: 1 channel is grey, 2 grey and alpha, 3 RGB,
/// 4 RGB and alpha.
pub fn deep_png(channels: &[u16], width: u32, height: u32) -> Vec<u8> {
    let colour_type = [0, 4, 2, 6][channels.len() - 1];
    let row: Vec<u8> = channels.iter().flat_map(|c| c.to_be_bytes()).collect();
    let rows = vec![row.repeat(width as usize); height as usize];
    png(width, height, 16, colour_type, &[], &rows)
}

/// A PNG with a palette of 2 bits whose fourth colour is transparent: four columns of red,
/// green, blue and nothing.
pub fn palette_png() -> Vec<u8> {
    let palette = [255, 0, 0, 0, 255, 0, 0, 0, 255, 9, 9, 9];
    let chunks = [
        Chunk(*b"PLTE", palette.to_vec()),
        Chunk(*b"tRNS", vec![255, 255, 255, 0]),
    ];
    png(4, 4, 2, 3, &chunks, &vec![vec![0b00_01_10_11]; 4])
}

/// A JPEG with one channel, of one level.
pub fn grey_jpeg(level: u8, width: u32, height: u32) -> Vec<u8> {
    let pixels = vec![level; width as usize * height as usize];
    let (width, height) = (width as usize, height as usize);
    turbojpeg::compress(
        turbojpeg::Image {
            pixels: &pixels[..],
            width,
            pitch: width,
            height,
            format: turbojpeg::PixelFormat::GRAY,
        },
        95,
        turbojpeg::Subsamp::Gray,
    )
    .expect("a picture can be encoded")
    .to_vec()
}

/// A JPEG with four channels, of one colour, stored as Photoshop does: 255 is no ink.
pub fn cmyk_jpeg(inverted: [u8; 4], width: u32, height: u32) -> Vec<u8> {
    let pixels = inverted.repeat(width as usize * height as usize);
    let (width, height) = (width as usize, height as usize);
    turbojpeg::compress(
        turbojpeg::Image {
            pixels: &pixels[..],
            width,
            pitch: width * 4,
            height,
            format: turbojpeg::PixelFormat::CMYK,
        },
        95,
        turbojpeg::Subsamp::None,
    )
    .expect("a picture can be encoded")
    .to_vec()
}

/// A GIF of two frames: the first red, the second green.
pub fn animated_gif(width: u32, height: u32) -> Vec<u8> {
    let mut out = Vec::new();
    let mut encoder = GifEncoder::new(&mut out);
    for colour in [[255, 0, 0, 255], [0, 255, 0, 255]] {
        let picture = RgbaImage::from_pixel(width, height, image::Rgba(colour));
        let frame = Frame::from_parts(picture, 0, 0, Delay::from_numer_denom_ms(100, 1));
        encoder.encode_frame(frame).expect("a GIF can be encoded");
    }
    drop(encoder);
    out
}

/// A small, complete file whose header claims another size. A WebP cannot claim more than 16,383 a
/// side in the form used here.
pub fn claiming(format: Format, width: u32, height: u32) -> Vec<u8> {
    let mut file = encoded(format, &quarters(16, 16), None, None);
    let (w, h) = (word(width), word(height));
    match format {
        Format::Jpeg => {
            let frame = file
                .windows(2)
                .position(|marker| marker == [0xFF, 0xC0])
                .expect("a baseline JPEG has a frame");
            file[frame + 5..frame + 9].copy_from_slice(&[h[2], h[3], w[2], w[3]]);
        }
        Format::Png => {
            let mut header = file[16..29].to_vec();
            header[..8].copy_from_slice(&[w, h].concat());
            let chunk = chunk_of(*b"IHDR", &header);
            file[8..8 + chunk.len()].copy_from_slice(&chunk);
        }
        Format::Gif => file[6..10].copy_from_slice(&[w[3], w[2], h[3], h[2]]),
        Format::WebP => {
            // VP8L: a signature byte, then 14 bits each of width - 1 and height - 1.
            let at = 21;
            let alpha = file[at + 3] & 0xF0;
            let size = (width - 1) & 0x3FFF | ((height - 1) & 0x3FFF) << 14;
            file[at..at + 4].copy_from_slice(&size.to_le_bytes());
            file[at + 3] |= alpha;
        }
        Format::Heic | Format::Avif => {
            let mut item = coded_quarters(format);
            item.properties[1] = boxed(b"ispe", &[&[0; 4], &w[..], &h].concat());
            file = heif(brand(format), &[item], &[]);
        }
    }
    file
}

/// Pseudo-random numbers, the same on every run (Steele et al., "SplitMix", 2014).
#[derive(Clone, Debug)]
pub struct Noise(pub u64);

impl Noise {
    #[allow(clippy::should_implement_trait, reason = "it never ends")]
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// A number below `limit`, which is not zero.
    pub fn below(&mut self, limit: usize) -> usize {
        (self.next() % limit as u64) as usize
    }
}
