//! HEVC, through `heic-decoder`. It takes whole files, so each coded picture is wrapped in a minimal
//! one, and the decoder's container reader sees a single item.

use heic_decoder::{ColorInfo, DecodedImage, HeifError, RgbOptions};

use super::super::Refusal;
use super::container::Reader;
use super::{CodePoints, Tile};

/// The default if neither the container nor the coding names the colours: television's range
/// (Rec. H.265, E.3.1), and the matrix that libheif assumes.
const UNSPECIFIED: CodePoints = CodePoints {
    full_range: false,
    ..CodePoints::DEFAULT
};

/// Memory while a picture is decoded, in bytes per pixel: samples of four bytes, a copy while padding
/// is cut off, the decoder's data for each block, and the result.
pub(super) const BYTES_PER_PIXEL: u64 = 24;

const SEQUENCE_PARAMETER_SET: u8 = 33;
/// The most parameter sets that are looked through for it; there are three.
const MAX_PARAMETER_SETS: usize = 64;
/// Where the parameter sets begin in an `hvcC` box (ISO/IEC 14496-15, 8.3.3.1).
const PARAMETER_SETS: usize = 22;

/// The size in the first sequence parameter set of an `hvcC` box, with padding.
pub(super) fn coded_size(configuration: &[u8]) -> Result<(u32, u32), Refusal> {
    let nonsense = || Refusal::damaged("its coding has no parameters");
    let set = parameter_set(configuration).ok_or_else(nonsense)?;
    // Three zeros in a row do not occur: a 3 stands in between (Rec. H.265, 7.3.1.1).
    let mut zeros = 0;
    let unescaped = set.iter().copied().filter(|byte| {
        let escape = zeros >= 2 && *byte == 3;
        zeros = if *byte == 0 { zeros + 1 } else { 0 };
        !escape
    });
    // The fields before the size are shorter than this.
    let bytes: Vec<u8> = unescaped.take(256).collect();
    size_in(&mut Bits {
        bytes: &bytes,
        at: 0,
    })
    .ok_or_else(nonsense)
}

fn parameter_set(configuration: &[u8]) -> Option<&[u8]> {
    let mut reader = Reader(configuration);
    reader.take(PARAMETER_SETS)?;
    let mut left = MAX_PARAMETER_SETS;
    for _ in 0..reader.number(1)? {
        let array = reader.number(1)? as u8 & 0x3F;
        for _ in 0..reader.number(2)? {
            left = left.checked_sub(1)?;
            let length = reader.number(2)? as usize;
            let set = reader.take(length)?;
            // The kind once more, and the base layer: the one that the decoder takes.
            let [first, second, ..] = set else { continue };
            let (kind, layer) = (first >> 1 & 0x3F, (first & 1) << 5 | second >> 3);
            if array == SEQUENCE_PARAMETER_SET && kind == array && layer == 0 {
                return Some(set);
            }
        }
    }
    None
}

/// Rec. H.265, 7.3.2.2 and 7.3.3, up to the size.
fn size_in(bits: &mut Bits<'_>) -> Option<(u32, u32)> {
    // The header of the unit, and the number of the video parameter set.
    bits.skip(16 + 4)?;
    let sub_layers = bits.number(3)?;
    bits.skip(1)?;
    // Profile, tier and level.
    bits.skip(88 + 8)?;
    if sub_layers > 0 {
        let present: Vec<(u32, u32)> = (0..8)
            .map(|_| Some((bits.number(1)?, bits.number(1)?)))
            .collect::<Option<_>>()?;
        for (profile, level) in present.into_iter().take(sub_layers as usize) {
            bits.skip(88 * profile as usize + 8 * level as usize)?;
        }
    }
    bits.exponential()?;
    if bits.exponential()? == 3 {
        bits.skip(1)?;
    }
    Some((bits.exponential()?, bits.exponential()?))
}

/// Bits that are read from the front.
struct Bits<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Bits<'_> {
    fn skip(&mut self, count: usize) -> Option<()> {
        self.at += count;
        (self.at <= self.bytes.len() * 8).then_some(())
    }

    fn number(&mut self, count: usize) -> Option<u32> {
        (0..count).try_fold(0, |number, _| {
            let byte = self.bytes.get(self.at / 8)?;
            let bit = byte >> (7 - self.at % 8) & 1;
            self.at += 1;
            Some(number << 1 | u32::from(bit))
        })
    }

    /// `ue(v)`: as many zeros as bits follow the first one, less one (9.2).
    fn exponential(&mut self) -> Option<u32> {
        let zeros = (0..32).find_map(|zeros| match self.number(1) {
            Some(0) => None,
            Some(_) => Some(Some(zeros)),
            None => Some(None),
        })??;
        let rest = self.number(zeros)?;
        (1_u32.checked_shl(zeros as u32)? - 1).checked_add(rest)
    }
}

/// Decodes one coded picture, of which at most `wanted` pixels across and down are kept.
pub(super) fn decode(
    configuration: &[u8],
    data: &[u8],
    code_points: Option<CodePoints>,
    wanted: (usize, usize),
) -> Result<Tile, Refusal> {
    let file = file(configuration, data).ok_or_else(|| Refusal::excessive("4 GB of pixels"))?;
    let mut decoded = heic_decoder::decode(&file).map_err(refusal)?;
    drop(file);
    let coded = (decoded.width, decoded.height);
    crop(&mut decoded, wanted);
    let own = decoded.color_info.map(|own| CodePoints {
        primaries: own.color_primaries,
        transfer: own.transfer_characteristics,
        matrix: own.matrix_coefficients,
        full_range: own.full_range,
    });
    let mut code_points = code_points.or(own).unwrap_or(UNSPECIFIED);
    if code_points.matrix == 2 {
        code_points.matrix = CodePoints::DEFAULT.matrix;
    }
    let options = RgbOptions {
        color: Some(ColorInfo {
            color_primaries: code_points.primaries,
            transfer_characteristics: code_points.transfer,
            matrix_coefficients: code_points.matrix,
            full_range: code_points.full_range,
        }),
        ..RgbOptions::default()
    };
    let rgb = decoded.to_rgb8_with_options(&options).map_err(refusal)?;
    Ok(Tile {
        coded,
        width: rgb.width,
        height: rgb.height,
        rgb: rgb.data,
        code_points,
    })
}

/// Cuts off the unwanted part to the right and below, before chroma is blended between pixels:
/// encoders pad tiles with arbitrary pixels.
fn crop(picture: &mut DecodedImage, wanted: (usize, usize)) {
    let (width, height) = (picture.width.min(wanted.0), picture.height.min(wanted.1));
    let sampling = picture.chroma_sampling;
    let chroma_width = picture
        .cb_width
        .min(width.div_ceil(sampling.sub_x.max(1) as usize));
    let chroma_height = picture
        .cb_height
        .min(height.div_ceil(sampling.sub_y.max(1) as usize));
    crop_plane(&mut picture.y, picture.width, (width, height));
    crop_plane(
        &mut picture.cb,
        picture.cb_width,
        (chroma_width, chroma_height),
    );
    crop_plane(
        &mut picture.cr,
        picture.cb_width,
        (chroma_width, chroma_height),
    );
    (picture.width, picture.height) = (width, height);
    (picture.cb_width, picture.cb_height) = (chroma_width, chroma_height);
}

fn crop_plane(plane: &mut Vec<i32>, stride: usize, (width, height): (usize, usize)) {
    if width < stride {
        for y in 0..height.min(plane.len() / stride) {
            plane.copy_within(y * stride..y * stride + width, y * width);
        }
    }
    plane.truncate(width * height);
}

/// A HEIC with only this picture.
fn file(configuration: &[u8], data: &[u8]) -> Option<Vec<u8>> {
    const ITEM: [u8; 2] = [0, 1];
    let properties = boxed(b"ipco", &[&boxed(b"hvcC", &[configuration])?])?;
    // Version and flags, one item, one property, the first.
    let associations = boxed(b"ipma", &[&[0; 4], &[0, 0, 0, 1], &ITEM, &[1, 1]])?;
    let kind = boxed(b"infe", &[&[2, 0, 0, 0], &ITEM, &[0, 0], b"hvc1\0"])?;
    let head = boxed(b"ftyp", &[b"heic\0\0\0\0mif1heic"])?;
    let meta = |offset: u32| {
        let length = u32::try_from(data.len()).ok()?;
        boxed(
            b"meta",
            &[
                &[0; 4],
                &boxed(b"pitm", &[&[0; 4], &ITEM])?,
                &boxed(b"iinf", &[&[0; 4], &[0, 1], &kind])?,
                &boxed(b"iprp", &[&properties, &associations])?,
                &boxed(
                    b"iloc",
                    &[
                        // Numbers of four bytes, one item, one extent.
                        &[0, 0, 0, 0, 0x44, 0, 0, 1],
                        &ITEM,
                        &[0, 0, 0, 1],
                        &offset.to_be_bytes(),
                        &length.to_be_bytes(),
                    ],
                )?,
            ],
        )
    };
    let offset = head.len() + meta(0)?.len() + 8;
    let meta = meta(u32::try_from(offset).ok()?)?;
    Some([&head[..], &meta, &boxed(b"mdat", &[data])?].concat())
}

fn boxed(name: &[u8; 4], parts: &[&[u8]]) -> Option<Vec<u8>> {
    let length: usize = 8 + parts.iter().map(|part| part.len()).sum::<usize>();
    let length = u32::try_from(length).ok()?.to_be_bytes();
    let mut bytes = [&length[..], name].concat();
    parts.iter().for_each(|part| bytes.extend_from_slice(part));
    Some(bytes)
}

fn refusal(error: HeifError) -> Refusal {
    match error {
        HeifError::Truncated { .. } => Refusal::truncated(),
        HeifError::Unsupported(what) => {
            Refusal::unsupported(&format!("a HEIC of a rare kind ({what})"))
        }
        error => Refusal::damaged(&error.to_string()),
    }
}
