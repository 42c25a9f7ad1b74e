//! A picture with a sign on which something is written, for tests of what reads it.

use crate::picture::Upright;

/// Letters of five dots by seven, row by row.
const LETTERS: [(char, [u8; 7]); 14] = [
    ('0', [0x0E, 0x11, 0x11, 0x11, 0x11, 0x11, 0x0E]),
    ('2', [0x0E, 0x11, 0x01, 0x02, 0x04, 0x08, 0x1F]),
    ('6', [0x06, 0x08, 0x10, 0x1E, 0x11, 0x11, 0x0E]),
    ('C', [0x0E, 0x11, 0x10, 0x10, 0x10, 0x11, 0x0E]),
    ('E', [0x1F, 0x10, 0x10, 0x1E, 0x10, 0x10, 0x1F]),
    ('F', [0x1F, 0x10, 0x10, 0x1E, 0x10, 0x10, 0x10]),
    ('H', [0x11, 0x11, 0x11, 0x1F, 0x11, 0x11, 0x11]),
    ('K', [0x11, 0x12, 0x14, 0x18, 0x14, 0x12, 0x11]),
    ('M', [0x11, 0x1B, 0x15, 0x15, 0x11, 0x11, 0x11]),
    ('N', [0x11, 0x19, 0x15, 0x13, 0x11, 0x11, 0x11]),
    ('R', [0x1E, 0x11, 0x11, 0x1E, 0x14, 0x12, 0x11]),
    ('S', [0x0E, 0x11, 0x10, 0x0E, 0x01, 0x11, 0x0E]),
    ('T', [0x1F, 0x04, 0x04, 0x04, 0x04, 0x04, 0x04]),
    ('U', [0x11, 0x11, 0x11, 0x11, 0x11, 0x11, 0x0E]),
];

const WALL: [u8; 3] = [200, 215, 230];
const PAPER: [u8; 3] = [250, 250, 245];
const INK: [u8; 3] = [20, 30, 90];

/// Dots from the edge of the sign to the writing.
const MARGIN: i32 = 4;

/// A picture of 1200 × 800 with a sign. Letters are seven dots high, and a dot this many pixels.
///
/// # Panics
/// If a letter is missing in the alphabet, or the text is too long.
pub fn sign(text: &str, dot: u32) -> Upright {
    let (width, height, left, top) = (1200, 800, 100_i32, 200_i32);
    let dot = dot as i32;
    let letters: Vec<[u8; 7]> = text.chars().map(letter).collect();
    let ends = 6 * letters.len() as i32 + MARGIN;
    assert!(left + ends * dot < width, "the sign is too long");
    let colour = |x: i32, y: i32| {
        let (x, y) = ((x - left).div_euclid(dot), (y - top).div_euclid(dot));
        let is_on_sign = (-MARGIN..ends).contains(&x) && (-MARGIN..7 + MARGIN).contains(&y);
        let row = letters.get((x.max(0) / 6) as usize).and_then(|letter| {
            let row = letter.get(usize::try_from(y).ok()?)?;
            (x >= 0 && x % 6 < 5).then(|| row >> (4 - x % 6) & 1)
        });
        match (is_on_sign, row) {
            (_, Some(1)) => INK,
            (true, _) => PAPER,
            (false, _) => WALL,
        }
    };
    // Soft edges, as in photos: readers of printed letters take square dots for corners.
    let soft = dot / 2;
    let around = move |at: i32| at - soft..=at + soft;
    let is_near = |at: i32, from: i32, dots: i32| {
        (from - (MARGIN + 1) * dot..from + (dots + 1) * dot).contains(&at)
    };
    let rgb = (0..height).flat_map(|y| (0..width).map(move |x| (x, y)));
    let rgb = rgb.flat_map(|(x, y)| {
        if !is_near(x, left, ends) || !is_near(y, top, 7 + MARGIN) {
            return WALL;
        }
        let mut sum = [0_u32; 3];
        let mut count = 0;
        for (x, y) in around(y).flat_map(|y| around(x).map(move |x| (x, y))) {
            let colour = colour(x, y);
            sum = std::array::from_fn(|n| sum[n] + u32::from(colour[n]));
            count += 1;
        }
        sum.map(|sum| (sum / count) as u8)
    });
    Upright::new(width as u32, height as u32, rgb.collect()).expect("a picture has pixels")
}

fn letter(c: char) -> [u8; 7] {
    let mut known = LETTERS.iter();
    match c {
        ' ' => [0; 7],
        c => {
            known
                .find(|(known, _)| *known == c)
                .expect("a known letter")
                .1
        }
    }
}
