//! Colours to sRGB through the profile a picture carries. A profile that cannot be used is
//! ignored, as every browser does: slightly wrong colours beat no picture.

use std::sync::Arc;

use moxcms::{ColorProfile, DataColorSpace, Layout, TransformExecutor, TransformOptions};

/// Pixels per step: small enough to stay in the processor's cache.
const STEP: usize = 4096;

type Transform = Arc<dyn TransformExecutor<u8> + Send + Sync>;

/// Converts pixels of three bytes in place. Without a usable profile they count as sRGB.
pub(super) fn to_srgb(rgb: &mut [u8], icc: Option<&[u8]>) {
    let Some(profile) = icc.and_then(parse) else {
        return;
    };
    match profile.color_space {
        DataColorSpace::Rgb => {
            if let Some(transform) = transform(&profile, Layout::Rgb).filter(changes_colours) {
                let mut buffer = vec![0; STEP * 3];
                for pixels in rgb.chunks_mut(STEP * 3) {
                    let source = &mut buffer[..pixels.len()];
                    source.copy_from_slice(pixels);
                    if transform.transform(source, pixels).is_err() {
                        return;
                    }
                }
            }
        }
        DataColorSpace::Gray => {
            // The decoders have spread the one channel over three: a table is enough.
            let Some(transform) = transform(&profile, Layout::Gray) else {
                return;
            };
            let levels: Vec<u8> = (0..=u8::MAX).collect();
            let mut table = vec![0; 256 * 3];
            if transform.transform(&levels, &mut table).is_ok() {
                for byte in rgb {
                    *byte = table[usize::from(*byte) * 3];
                }
            }
        }
        _ => {}
    }
}

/// Converts pixels of four bytes to three, in the same memory. JPEG stores the amounts of ink
/// inverted (255 is none), as Photoshop began it and every viewer since assumes.
pub(super) fn cmyk_to_srgb(mut cmyk: Vec<u8>, icc: Option<&[u8]>) -> Vec<u8> {
    let transform = icc
        .and_then(parse)
        .filter(|profile| profile.color_space == DataColorSpace::Cmyk)
        .and_then(|profile| transform(&profile, Layout::Rgba));
    let pixels = cmyk.len() / 4;
    let mut source = vec![0; STEP * 4];
    let mut target = vec![0; STEP * 3];
    for start in (0..pixels).step_by(STEP) {
        let count = STEP.min(pixels - start);
        let (source, target) = (&mut source[..count * 4], &mut target[..count * 3]);
        source.copy_from_slice(&cmyk[start * 4..(start + count) * 4]);
        let converted = transform.as_ref().is_some_and(|transform| {
            let ink: Vec<u8> = source.iter().map(|byte| 255 - byte).collect();
            transform.transform(&ink, target).is_ok()
        });
        if !converted {
            naive_cmyk(source, target);
        }
        cmyk[start * 3..(start + count) * 3].copy_from_slice(target);
    }
    cmyk.truncate(pixels * 3);
    cmyk.shrink_to_fit();
    cmyk
}

/// Each ink and black filter the white of the paper one after the other.
fn naive_cmyk(cmyk: &[u8], rgb: &mut [u8]) {
    for (ink, rgb) in cmyk.chunks_exact(4).zip(rgb.chunks_exact_mut(3)) {
        for channel in 0..3 {
            rgb[channel] = (u32::from(ink[channel]) * u32::from(ink[3]) / 255) as u8;
        }
    }
}

fn parse(icc: &[u8]) -> Option<ColorProfile> {
    ColorProfile::new_from_slice(icc).ok()
}

fn transform(profile: &ColorProfile, layout: Layout) -> Option<Transform> {
    profile
        .create_transform_8bit(
            layout,
            &ColorProfile::new_srgb(),
            Layout::Rgb,
            TransformOptions::default(),
        )
        .ok()
}

/// Most profiles are some edition of sRGB. Rather than to trust their names, try a grid of
/// colours: what moves none of them by more than rounding need not be applied to millions.
fn changes_colours(transform: &Transform) -> bool {
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
