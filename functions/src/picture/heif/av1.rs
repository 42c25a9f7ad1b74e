//! AV1, through rav1d: dav1d in Rust. It is built without its assembly, which is not memory-safe.

use re_rav1d::dav1d::pixel::YUVRange;
use re_rav1d::dav1d::{Decoder, Error, Picture, PixelLayout, PlanarImageComponent, Settings};

use super::super::Refusal;
use super::{CodePoints, Tile};

/// Memory while a picture is decoded, in bytes per pixel: three planes of two bytes, the decoder's
/// data for each block, and the result.
pub(super) const BYTES_PER_PIXEL: u64 = 16;

/// Decodes the first picture of one item, of which at most `wanted` pixels across and down are
/// kept.
pub(super) fn decode(
    data: &[u8],
    code_points: Option<CodePoints>,
    wanted: (usize, usize),
    max_pixels: u64,
) -> Result<Tile, Refusal> {
    let mut settings = Settings::new();
    settings.set_n_threads(1);
    settings.set_max_frame_delay(1);
    settings.set_all_layers(false);
    settings.set_frame_size_limit(u32::try_from(max_pixels).unwrap_or(u32::MAX));
    let mut decoder = Decoder::with_settings(&settings).map_err(refusal)?;
    match decoder.send_data(data.to_vec(), None, None, None) {
        Ok(()) | Err(Error::Again) => {}
        Err(error) => return Err(refusal(error)),
    }
    let picture = decoder.get_picture().map_err(refusal)?;
    // The colours that the coding itself names are not read: rav1d aborts the process if one of them
    // is a reserved value. Writers leave `nclx` out only for the usual colours.
    let mut code_points = code_points.unwrap_or(CodePoints {
        full_range: picture.color_range() == YUVRange::Full,
        ..CodePoints::DEFAULT
    });
    if code_points.matrix == 2 {
        code_points.matrix = CodePoints::DEFAULT.matrix;
    }
    let coded = (picture.width() as usize, picture.height() as usize);
    let (width, height) = (coded.0.min(wanted.0), coded.1.min(wanted.1));
    Ok(Tile {
        coded,
        width,
        height,
        rgb: to_rgb(&picture, code_points, (width, height)),
        code_points,
    })
}

fn refusal(error: Error) -> Refusal {
    match error {
        Error::Again => Refusal::truncated(),
        Error::UnsupportedBitstream => Refusal::unsupported("an AVIF of a rare kind"),
        error => Refusal::damaged(&error.to_string()),
    }
}

/// How luma and chroma become light of three colours, each from 0 to 1 (ITU-T H.273, 8.3).
struct Matrix {
    red: f32,
    green: [f32; 2],
    blue: f32,
    luma: [f32; 2],
    chroma: [f32; 2],
}

impl Matrix {
    fn new(code_points: CodePoints, bits: usize) -> Self {
        let (kr, kb) = match code_points.matrix {
            1 => (0.2126, 0.0722),
            4 => (0.30, 0.11),
            7 => (0.212, 0.087),
            9 | 10 => (0.2627, 0.0593),
            _ => (0.299, 0.114),
        };
        let kg = 1.0 - kr - kb;
        let unit = (1_u32 << (bits - 8)) as f32;
        let most = ((1_u32 << bits) - 1) as f32;
        let (luma, chroma) = match code_points.full_range {
            true => ([0.0, 1.0 / most], 1.0 / most),
            false => ([16.0 * unit, 1.0 / (219.0 * unit)], 1.0 / (224.0 * unit)),
        };
        Self {
            red: 2.0 * (1.0 - kr),
            green: [-2.0 * kb * (1.0 - kb) / kg, -2.0 * kr * (1.0 - kr) / kg],
            blue: 2.0 * (1.0 - kb),
            luma,
            chroma: [128.0 * unit, chroma],
        }
    }

    fn rgb(&self, y: f32, u: f32, v: f32) -> [u8; 3] {
        let y = (y - self.luma[0]) * self.luma[1];
        let [u, v] = [u, v].map(|chroma| (chroma - self.chroma[0]) * self.chroma[1]);
        [
            y + self.red * v,
            y + self.green[0] * u + self.green[1] * v,
            y + self.blue * u,
        ]
        .map(level)
    }
}

/// From light of 0 to 1; values outside are clamped.
fn level(light: f32) -> u8 {
    (light * 255.0 + 0.5) as u8
}

/// A plane of samples of one or two bytes.
struct Plane {
    samples: re_rav1d::dav1d::Plane,
    stride: usize,
    wide: bool,
}

impl Plane {
    fn new(picture: &Picture, component: PlanarImageComponent) -> Self {
        Self {
            samples: picture.plane(component),
            stride: picture.stride(component) as usize,
            wide: picture.bit_depth() > 8,
        }
    }

    /// Adds a row, so many times, to `sums`.
    fn add(&self, row: usize, weight: f32, sums: &mut [f32]) {
        let row = &self.samples[row * self.stride..];
        if self.wide {
            for (sum, sample) in sums.iter_mut().zip(row.chunks_exact(2)) {
                *sum += weight * f32::from(u16::from_ne_bytes([sample[0], sample[1]]));
            }
        } else {
            for (sum, sample) in sums.iter_mut().zip(row) {
                *sum += weight * f32::from(*sample);
            }
        }
    }
}

/// Three bytes for each pixel of the upper left part of this size. A chroma sample lies in the middle
/// of the pixels that share it, and is blended in between.
fn to_rgb(picture: &Picture, code_points: CodePoints, (width, height): (usize, usize)) -> Vec<u8> {
    let layout = picture.pixel_layout();
    let (halves_x, halves_y) = match layout {
        PixelLayout::I420 => (true, true),
        PixelLayout::I422 => (true, false),
        PixelLayout::I400 | PixelLayout::I444 => (false, false),
    };
    let matrix = Matrix::new(code_points, picture.bit_depth());
    let grey = layout == PixelLayout::I400;
    let identity = code_points.matrix == 0 && layout == PixelLayout::I444;
    let luma = Plane::new(picture, PlanarImageComponent::Y);
    let chroma = (!grey).then(|| {
        [PlanarImageComponent::U, PlanarImageComponent::V].map(|it| Plane::new(picture, it))
    });
    let chroma_width = if halves_x { width.div_ceil(2) } else { width };
    let chroma_height = if halves_y { height.div_ceil(2) } else { height };
    let mut rgb = Vec::with_capacity(width * height * 3);
    let mut y_row = vec![0.0; width];
    let mut narrow = [vec![0.0; chroma_width], vec![0.0; chroma_width]];
    let mut wide = [vec![matrix.chroma[0]; width], vec![matrix.chroma[0]; width]];
    for y in 0..height {
        y_row.fill(0.0);
        luma.add(y, 1.0, &mut y_row);
        if let Some(planes) = &chroma {
            for ((plane, narrow), wide) in planes.iter().zip(&mut narrow).zip(&mut wide) {
                narrow.fill(0.0);
                for (row, weight) in neighbours(y, halves_y, chroma_height) {
                    plane.add(row, weight, narrow);
                }
                for (x, sample) in wide.iter_mut().enumerate() {
                    let blend = neighbours(x, halves_x, chroma_width);
                    *sample = blend
                        .map(|(column, weight)| narrow[column] * weight)
                        .iter()
                        .sum();
                }
            }
        }
        for ((y, u), v) in y_row.iter().zip(&wide[0]).zip(&wide[1]) {
            rgb.extend(match identity {
                // Green, blue and red.
                true => [*v, *y, *u].map(|it| level((it - matrix.luma[0]) * matrix.luma[1])),
                false => matrix.rgb(*y, *u, *v),
            });
        }
    }
    rgb
}

/// The two samples of chroma next to a pixel, and how much of each.
fn neighbours(at: usize, halves: bool, count: usize) -> [(usize, f32); 2] {
    if !halves {
        return [(at, 1.0), (at, 0.0)];
    }
    let near = at / 2;
    let far = match at % 2 {
        0 => near.saturating_sub(1),
        _ => (near + 1).min(count - 1),
    };
    [(near, 0.75), (far, 0.25)]
}
