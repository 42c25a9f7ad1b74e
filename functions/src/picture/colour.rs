//! Converts colours to sRGB by the profile or the tags of the file. Unusable ones are ignored, as in
//! browsers: slightly wrong colours are better than no picture.

use std::borrow::Cow;
use std::sync::Arc;

use moxcms::{
    Chromaticity, CicpColorPrimaries, CicpProfile, ColorPrimaries, ColorProfile, DataColorSpace,
    Layout, MatrixCoefficients, ToneReprCurve, TransferCharacteristics, TransformExecutor,
    TransformOptions,
};

/// Pixels per step: small enough to stay in the processor's cache.
const STEP: usize = 4096;

/// The brightness of the white that a page is shown with, in candelas per square metre, and the
/// brightest light that a picture with a high dynamic range is made to keep (ITU-R BT.2408).
const REFERENCE_WHITE: f32 = 203.0;
const BRIGHTEST: f32 = 1000.0;

/// Memory for a profile and the tables and grids made from it.
pub(super) const fn memory(profile: usize) -> u64 {
    8 * profile as u64 + (6 << 20)
}

type Transform<T> = Arc<dyn TransformExecutor<T> + Send + Sync>;

/// A file's description of its colours.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Source<'a> {
    /// None, or sRGB.
    Srgb,
    /// A profile as the International Color Consortium has them.
    Icc(Cow<'a, [u8]>),
    /// Code points of ITU-T H.273.
    CodePoints { primaries: u8, transfer: u8 },
    /// PNG's `gAMA` and `cHRM`: samples are light to the power of `gamma`.
    Measured {
        gamma: f32,
        chromaticities: Option<Chromaticities>,
    },
}

/// Where the primaries and the white are, by CIE 1931 x and y.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Chromaticities {
    pub(super) white: [f32; 2],
    pub(super) red: [f32; 2],
    pub(super) green: [f32; 2],
    pub(super) blue: [f32; 2],
}

impl Source<'_> {
    /// Whether these are code points that have a meaning.
    pub(super) fn is_known(&self) -> bool {
        self.profile().is_some()
    }

    /// The profile, or none if the colours are sRGB or cannot be told.
    fn profile(&self) -> Option<ColorProfile> {
        match self {
            Self::Srgb => None,
            Self::Icc(profile) => ColorProfile::new_from_slice(profile).ok(),
            Self::CodePoints {
                primaries,
                transfer,
            } => code_points(*primaries, *transfer),
            Self::Measured {
                gamma,
                chromaticities,
            } => measured(*gamma, *chromaticities),
        }
    }
}

fn code_points(primaries: u8, transfer: u8) -> Option<ColorProfile> {
    let mut profile = ColorProfile::new_srgb();
    match primaries {
        // 2 is "unspecified"; a picture is sRGB then.
        1 | 2 => {}
        4..=12 | 22 => {
            profile.update_rgb_colorimetry_from_cicp(CicpProfile {
                color_primaries: CicpColorPrimaries::try_from(primaries).ok()?,
                transfer_characteristics: TransferCharacteristics::Srgb,
                matrix_coefficients: MatrixCoefficients::Identity,
                full_range: true,
            });
        }
        _ => return None,
    }
    profile.cicp = None;
    let curve = match transfer {
        2 | 13 => return Some(profile),
        // Those of television, as its displays show them (ITU-R BT.1886).
        1 | 6 | 11 | 14 | 15 => ToneReprCurve::Parametric(vec![2.4]),
        4 => ToneReprCurve::Parametric(vec![2.2]),
        5 => ToneReprCurve::Parametric(vec![2.8]),
        // SMPTE ST 240.
        7 => ToneReprCurve::Parametric(vec![
            1.0 / 0.45,
            1.0 / 1.1115,
            0.1115 / 1.1115,
            0.25,
            0.0912,
        ]),
        8 => ToneReprCurve::Parametric(vec![1.0]),
        16 => table(|signal| fitted(perceptual_quantizer(signal) / REFERENCE_WHITE)),
        // SMPTE ST 428: a little more than white fits.
        17 => table(|signal| (signal.powf(2.6) * 52.37 / 48.0).min(1.0)),
        18 => table(|signal| fitted(hybrid_log_gamma(signal) * BRIGHTEST / REFERENCE_WHITE)),
        _ => return None,
    };
    Some(with_curve(profile, curve))
}

fn measured(gamma: f32, chromaticities: Option<Chromaticities>) -> Option<ColorProfile> {
    let mut profile = ColorProfile::new_srgb();
    match chromaticities {
        Some(points) if points.are_possible() => {
            let point = |[x, y]: [f32; 2]| Chromaticity { x, y };
            let primaries = ColorPrimaries {
                red: point(points.red),
                green: point(points.green),
                blue: point(points.blue),
            };
            profile.update_rgb_colorimetry(point(points.white).to_xyyb(), primaries);
        }
        Some(_) => return None,
        None => {}
    }
    profile.cicp = None;
    if gamma <= 0.0 {
        return None;
    }
    let power = 1.0 / gamma;
    // A gamma of 2.2 without primaries means sRGB, as in Chromium.
    if (power - 2.2).abs() < 0.05 && chromaticities.is_none() {
        return None;
    }
    Some(with_curve(profile, ToneReprCurve::Parametric(vec![power])))
}

fn with_curve(mut profile: ColorProfile, curve: ToneReprCurve) -> ColorProfile {
    profile.red_trc = Some(curve.clone());
    profile.green_trc = Some(curve.clone());
    profile.blue_trc = Some(curve);
    profile
}

/// A curve by its values, 0 to 1 for 0 to 1.
fn table(curve: impl Fn(f32) -> f32) -> ToneReprCurve {
    let values = (0..1024).map(|n| (curve(n as f32 / 1023.0) * 65_535.0).round() as u16);
    ToneReprCurve::Lut(values.collect())
}

/// SMPTE ST 2084: candelas per square metre.
fn perceptual_quantizer(signal: f32) -> f32 {
    let power = signal.powf(1.0 / 78.843_75);
    let ratio = (power - 0.835_937_5).max(0.0) / (18.851_563 - 18.6875 * power);
    10_000.0 * ratio.powf(1.0 / 0.159_301_76)
}

/// ARIB STD-B67 with the system gamma of a display of 1000 candelas: 0 to 1.
fn hybrid_log_gamma(signal: f32) -> f32 {
    let scene = match signal <= 0.5 {
        true => signal * signal / 3.0,
        false => (((signal - 0.559_910_7) / 0.178_832_77).exp() + 0.284_668_92) / 12.0,
    };
    scene.powf(1.2)
}

/// Maps light relative to the page's white: white becomes half of the range, and brighter light is
/// compressed into the other half. This is close to Chromium's mapping.
fn fitted(light: f32) -> f32 {
    if light <= 1.0 {
        return light / 2.0;
    }
    let brightest = BRIGHTEST / REFERENCE_WHITE;
    let rest = 1.0 - ((light - 1.0) / (brightest - 1.0)).min(1.0);
    1.0 - rest.powf(2.4) / 2.0
}

impl Chromaticities {
    /// Whether the primaries enclose some area, and all values are valid chromaticities.
    fn are_possible(&self) -> bool {
        let Self {
            white,
            red,
            green,
            blue,
        } = self;
        let area =
            (red[0] - blue[0]) * (green[1] - blue[1]) - (green[0] - blue[0]) * (red[1] - blue[1]);
        area.abs() > 0.01
            && white[1] > 0.05
            && [white, red, green, blue]
                .iter()
                .all(|[x, y]| *x <= 1.0 && *y <= 1.0 && x + y <= 1.01)
    }
}

/// From a file's colours to sRGB.
enum ToSrgb {
    Unchanged,
    Colours(Transform<u8>, Option<Transform<u16>>),
    Grey(Box<[u8; 256]>),
}

impl ToSrgb {
    /// `grey` says whether the pixels have one channel, spread over three. A profile of grey says
    /// nothing about colours, and one of inks nothing about light.
    fn new(source: &Source<'_>, grey: bool, wide: bool) -> Self {
        let Some(profile) = source.profile() else {
            return Self::Unchanged;
        };
        let found = match profile.color_space {
            DataColorSpace::Rgb => transform(&profile, Layout::Rgb)
                .filter(changes_colours)
                .map(|narrow| {
                    let wide = wide.then(|| wide_transform(&profile)).flatten();
                    Self::Colours(narrow, wide)
                }),
            DataColorSpace::Gray if grey => grey_table(&profile).map(Self::Grey),
            _ => None,
        };
        found.unwrap_or(Self::Unchanged)
    }

    /// Converts pixels of three bytes in place.
    fn convert(&self, rgb: &mut [u8]) {
        match self {
            Self::Unchanged => {}
            Self::Colours(transform, _) => {
                let mut buffer = vec![0; rgb.len().min(STEP * 3)];
                for pixels in rgb.chunks_mut(STEP * 3) {
                    let source = &mut buffer[..pixels.len()];
                    source.copy_from_slice(pixels);
                    if transform.transform(source, pixels).is_err() {
                        return;
                    }
                }
            }
            Self::Grey(table) => {
                for byte in rgb {
                    *byte = table[usize::from(*byte)];
                }
            }
        }
    }
}

fn grey_table(profile: &ColorProfile) -> Option<Box<[u8; 256]>> {
    let transform = transform(profile, Layout::Gray)?;
    let levels: Vec<u8> = (0..=u8::MAX).collect();
    let mut rgb = vec![0; 256 * 3];
    transform.transform(&levels, &mut rgb).ok()?;
    Some(Box::new(std::array::from_fn(|level| rgb[level * 3])))
}

/// Converts pixels of three bytes in place. `grey` says whether they were one channel.
pub(super) fn to_srgb(rgb: &mut [u8], source: &Source<'_>, grey: bool) {
    ToSrgb::new(source, grey, false).convert(rgb);
}

/// Converts pixels of four bytes to three, in the same memory. JPEG stores the amounts of ink
/// inverted (255 is none), as Photoshop began it and every viewer since assumes.
pub(super) fn cmyk_to_srgb(mut cmyk: Vec<u8>, source: &Source<'_>) -> Vec<u8> {
    let transform = source
        .profile()
        .filter(|profile| profile.color_space == DataColorSpace::Cmyk)
        .and_then(|profile| transform(&profile, Layout::Rgba));
    let pixels = cmyk.len() / 4;
    let mut ink = vec![0; STEP * 4];
    let mut rgb = vec![0; STEP * 3];
    for start in (0..pixels).step_by(STEP) {
        let count = STEP.min(pixels - start);
        let (ink, rgb) = (&mut ink[..count * 4], &mut rgb[..count * 3]);
        let stored = &cmyk[start * 4..(start + count) * 4];
        let converted = transform.as_ref().is_some_and(|transform| {
            for (ink, stored) in ink.iter_mut().zip(stored) {
                *ink = 255 - stored;
            }
            transform.transform(ink, rgb).is_ok()
        });
        if !converted {
            naive_cmyk(stored, rgb);
        }
        cmyk[start * 3..(start + count) * 3].copy_from_slice(rgb);
    }
    cmyk.truncate(pixels * 3);
    cmyk.shrink_to_fit();
    cmyk
}

/// Each ink and black attenuate the white of the paper, one after the other.
fn naive_cmyk(cmyk: &[u8], rgb: &mut [u8]) {
    for (ink, rgb) in cmyk.chunks_exact(4).zip(rgb.chunks_exact_mut(3)) {
        for channel in 0..3 {
            rgb[channel] = (u32::from(ink[channel]) * u32::from(ink[3]) / 255) as u8;
        }
    }
}

fn transform(profile: &ColorProfile, layout: Layout) -> Option<Transform<u8>> {
    profile
        .create_transform_8bit(
            layout,
            &ColorProfile::new_srgb(),
            Layout::Rgb,
            TransformOptions::default(),
        )
        .ok()
}

fn wide_transform(profile: &ColorProfile) -> Option<Transform<u16>> {
    profile
        .create_transform_16bit(
            Layout::Rgb,
            &ColorProfile::new_srgb(),
            Layout::Rgb,
            TransformOptions::default(),
        )
        .ok()
}

/// Whether a profile changes no colour of a grid by more than rounding. Most profiles are some
/// edition of sRGB, and their names cannot be trusted; those need not be applied to every pixel.
fn changes_colours(transform: &Transform<u8>) -> bool {
    let levels = || (0..=u8::MAX).step_by(51);
    let grid: Vec<u8> = levels()
        .flat_map(|r| levels().flat_map(move |g| levels().flat_map(move |b| [r, g, b])))
        .collect();
    let mut converted = vec![0; grid.len()];
    transform.transform(&grid, &mut converted).is_ok()
        && grid
            .iter()
            .zip(&converted)
            .any(|(before, after)| before.abs_diff(*after) > 2)
}

/// Rows as decoders give them, with one to four channels of eight or sixteen bits, as opaque sRGB
/// of three bytes. Transparency is laid on white.
pub(super) struct Rows {
    to_srgb: ToSrgb,
    channels: usize,
    wide: bool,
    rgb: Vec<u8>,
    /// Red, green and blue of 16 bits as stored, and in sRGB.
    stored: Vec<u16>,
    converted: Vec<u16>,
}

impl Rows {
    /// For rows of at most `width` pixels. `wide` is 16 bits, the higher byte first.
    pub(super) fn new(
        source: &Source<'_>,
        grey: bool,
        channels: usize,
        wide: bool,
        width: usize,
    ) -> Self {
        let to_srgb = ToSrgb::new(source, grey, wide);
        let length = match to_srgb {
            ToSrgb::Colours(_, Some(_)) => width * 3,
            _ => 0,
        };
        Self {
            to_srgb,
            channels,
            wide,
            rgb: vec![0; width * 3],
            stored: vec![0; length],
            converted: vec![0; length],
        }
    }

    /// The row in sRGB.
    pub(super) fn convert(&mut self, row: &[u8]) -> &[u8] {
        let bytes = if self.wide { 2 } else { 1 };
        let stride = self.channels * bytes;
        let length = (row.len() / stride * 3).min(self.rgb.len());
        let rgb = &mut self.rgb[..length];
        let (pixels, _) = rgb.as_chunks_mut::<3>();
        let sources = row.chunks_exact(stride);
        // Grey is one channel that stands for three; a remaining channel is alpha.
        let [r, g, b] = match self.channels {
            1 | 2 => [0, 0, 0],
            _ => [0, bytes, 2 * bytes],
        };
        match &self.to_srgb {
            ToSrgb::Colours(_, Some(transform)) => {
                let (stored, _) = self.stored[..length].as_chunks_mut::<3>();
                for (pixel, source) in stored.iter_mut().zip(sources) {
                    *pixel = [r, g, b].map(|at| u16::from_be_bytes([source[at], source[at + 1]]));
                }
                let converted = &mut self.converted[..length];
                if transform
                    .transform(&self.stored[..length], converted)
                    .is_err()
                {
                    converted.copy_from_slice(&self.stored[..length]);
                }
                for (byte, sample) in rgb.iter_mut().zip(converted) {
                    *byte = narrow(*sample);
                }
            }
            to_srgb => {
                if self.wide {
                    for (pixel, source) in pixels.iter_mut().zip(sources) {
                        *pixel = [r, g, b]
                            .map(|at| narrow(u16::from_be_bytes([source[at], source[at + 1]])));
                    }
                } else if self.channels == 3 {
                    rgb.copy_from_slice(&row[..length]);
                } else {
                    for (pixel, source) in pixels.iter_mut().zip(sources) {
                        *pixel = [source[r], source[g], source[b]];
                    }
                }
                to_srgb.convert(rgb);
            }
        }
        if self.channels.is_multiple_of(2) {
            let at = stride - bytes;
            let (pixels, _) = self.rgb[..length].as_chunks_mut::<3>();
            for (pixel, source) in pixels.iter_mut().zip(row.chunks_exact(stride)) {
                let alpha = match self.wide {
                    true => narrow(u16::from_be_bytes([source[at], source[at + 1]])),
                    false => source[at],
                };
                *pixel = pixel.map(|value| on_white(value, alpha));
            }
        }
        &self.rgb[..length]
    }
}

/// 16 bits to 8: 65,535 = 257 × 255.
fn narrow(sample: u16) -> u8 {
    ((u32::from(sample) + 128) / 257) as u8
}

pub(super) fn on_white(value: u8, alpha: u8) -> u8 {
    let (value, alpha) = (u32::from(value), u32::from(alpha));
    ((value * alpha + 255 * (255 - alpha) + 127) / 255) as u8
}
