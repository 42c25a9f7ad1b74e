//! A picture that ships with the program, to try a provider with: a red house on a green meadow,
//! with the sun in a blue sky. It is drawn, so it is nobody's photo.

use crate::picture::Upright;

const WIDTH: u32 = 480;
const HEIGHT: u32 = 360;

/// The picture.
pub fn sample() -> Upright {
    let mut rgb = Vec::with_capacity((WIDTH * HEIGHT * 3) as usize);
    for y in 0..HEIGHT {
        for x in 0..WIDTH {
            rgb.extend(colour(f64::from(x), f64::from(y)));
        }
    }
    Upright::new(WIDTH, HEIGHT, rgb).expect("every pixel was drawn")
}

fn colour(x: f64, y: f64) -> [u8; 3] {
    let is_in = |left: f64, top: f64, width: f64, height: f64| {
        (left..left + width).contains(&x) && (top..top + height).contains(&y)
    };
    let roof = (x - 300.0).abs() < (y - 110.0) * 1.2 && (110.0..180.0).contains(&y);
    if is_in(285.0, 215.0, 30.0, 55.0) {
        [90, 60, 40]
    } else if is_in(245.0, 195.0, 28.0, 28.0) || is_in(327.0, 195.0, 28.0, 28.0) {
        [250, 240, 170]
    } else if roof {
        [80, 70, 75]
    } else if is_in(230.0, 180.0, 140.0, 90.0) {
        [190, 40, 40]
    } else if (x - 90.0).hypot(y - 80.0) < 38.0 {
        [255, 220, 60]
    } else if y > 235.0 + 18.0 * (x / 90.0).sin() {
        [70, 150, 60]
    } else {
        [120, 180, 235]
    }
}
