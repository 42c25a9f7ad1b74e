//! A canvas of linear strokes of paint: enough to draw pictures that a gallery looks right with.

/// Red, green and blue between 0 and 1.
pub(crate) type Colour = [f32; 3];

/// From `0xRRGGBB`.
pub(crate) fn hex(rgb: u32) -> Colour {
    let part = |shift: u32| ((rgb >> shift) & 0xFF) as f32 / 255.0;
    [part(16), part(8), part(0)]
}

/// A colour between two.
pub(crate) fn mix(a: Colour, b: Colour, share: f32) -> Colour {
    let share = share.clamp(0.0, 1.0);
    [0, 1, 2].map(|i| a[i] + (b[i] - a[i]) * share)
}

/// A colour between several, evenly spaced.
pub(crate) fn along(stops: &[Colour], position: f32) -> Colour {
    let scaled = position.clamp(0.0, 1.0) * (stops.len() - 1) as f32;
    let index = (scaled as usize).min(stops.len().saturating_sub(2));
    let next = (index + 1).min(stops.len() - 1);
    mix(stops[index], stops[next], scaled - index as f32)
}

/// Numbers that look random and are the same each time, so that a picture has the same bytes each
/// time it is drawn.
pub(crate) struct Chance(u64);

impl Chance {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// Between 0 and 1, by SplitMix64.
    pub(crate) fn next(&mut self) -> f32 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^= mixed >> 31;
        (mixed >> 40) as f32 / (1_u64 << 24) as f32
    }

    pub(crate) fn between(&mut self, low: f32, high: f32) -> f32 {
        low + (high - low) * self.next()
    }

    pub(crate) fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[((self.next() * from.len() as f32) as usize).min(from.len() - 1)]
    }
}

/// Rough noise along a line, between -1 and 1: seven waves of falling height.
pub(crate) fn ridge(seed: u64, x: f32) -> f32 {
    waves(seed, x, 7)
}

/// Smooth noise along a line, between -1 and 1.
pub(crate) fn swell(seed: u64, x: f32) -> f32 {
    waves(seed, x, 3)
}

fn waves(seed: u64, x: f32, count: u8) -> f32 {
    let mut chance = Chance::new(seed);
    let (mut sum, mut height, mut total) = (0.0, 1.0, 0.0);
    let mut frequency = 1.0;
    for _ in 0..count {
        let phase = chance.next() * 6.3;
        sum += height * (x * frequency * 6.3 + phase).sin();
        total += height;
        height *= 0.52;
        frequency *= 1.9 + chance.next() * 0.3;
    }
    sum / total
}

/// A picture that is being painted.
pub(crate) struct Canvas {
    pub(crate) width: usize,
    pub(crate) height: usize,
    pixels: Vec<Colour>,
}

impl Canvas {
    /// Filled from top to bottom with these colours.
    pub(crate) fn new(width: usize, height: usize, stops: &[Colour]) -> Self {
        let rows = (0..height).map(|y| along(stops, y as f32 / height as f32));
        let pixels = rows.flat_map(|colour| std::iter::repeat_n(colour, width));
        Self {
            width,
            height,
            pixels: pixels.collect(),
        }
    }

    fn blend(&mut self, x: usize, y: usize, colour: Colour, share: f32) {
        let pixel = &mut self.pixels[y * self.width + x];
        *pixel = mix(*pixel, colour, share);
    }

    /// Pixels within a frame that may stick out of the canvas.
    fn within(&self, frame: [f32; 4]) -> [usize; 4] {
        let [left, top, right, bottom] = frame;
        let clamp = |value: f32, most: usize| (value.max(0.0) as usize).min(most);
        [
            clamp(left.floor(), self.width),
            clamp(top.floor(), self.height),
            clamp(right.ceil(), self.width),
            clamp(bottom.ceil(), self.height),
        ]
    }

    /// Everything below a line; `at` gives its height for each column.
    pub(crate) fn below(&mut self, at: impl Fn(f32) -> f32, paint: impl Fn(f32, f32) -> Colour) {
        for x in 0..self.width {
            let edge = at(x as f32);
            let first = (edge.floor().max(0.0) as usize).min(self.height);
            for y in first..self.height {
                let share = (y as f32 + 1.0 - edge).clamp(0.0, 1.0);
                self.blend(x, y, paint(x as f32, y as f32 - edge), share);
            }
        }
    }

    /// An ellipse with a soft edge of `soft` pixels.
    pub(crate) fn ellipse(
        &mut self,
        centre: [f32; 2],
        radii: [f32; 2],
        soft: f32,
        colour: Colour,
        opacity: f32,
    ) {
        let [cx, cy] = centre;
        let [rx, ry] = radii;
        let reach = [rx + soft + 1.0, ry + soft + 1.0];
        let frame = [cx - reach[0], cy - reach[1], cx + reach[0], cy + reach[1]];
        let [left, top, right, bottom] = self.within(frame);
        let smallest = rx.min(ry).max(0.1);
        for y in top..bottom {
            for x in left..right {
                let dx = (x as f32 + 0.5 - cx) / rx;
                let dy = (y as f32 + 0.5 - cy) / ry;
                let outside = ((dx * dx + dy * dy).sqrt() - 1.0) * smallest;
                let share = (0.5 - outside / soft.max(1.0)).clamp(0.0, 1.0);
                if share > 0.0 {
                    self.blend(x, y, colour, share * opacity);
                }
            }
        }
    }

    pub(crate) fn disc(&mut self, centre: [f32; 2], radius: f32, colour: Colour) {
        self.ellipse(centre, [radius, radius], 1.0, colour, 1.0);
    }

    /// Light around a point, fading out.
    pub(crate) fn glow(&mut self, centre: [f32; 2], radius: f32, colour: Colour, opacity: f32) {
        let [cx, cy] = centre;
        let frame = [cx - radius, cy - radius, cx + radius, cy + radius];
        let [left, top, right, bottom] = self.within(frame);
        for y in top..bottom {
            for x in left..right {
                let (dx, dy) = (x as f32 - cx, y as f32 - cy);
                let share = (1.0 - (dx * dx + dy * dy).sqrt() / radius).max(0.0);
                self.blend(x, y, colour, share * share * opacity);
            }
        }
    }

    /// A rectangle with smooth edges.
    pub(crate) fn rectangle(&mut self, frame: [f32; 4], colour: Colour) {
        self.shade(frame, |_, _| colour, 1.0);
    }

    /// A rectangle that is painted point by point, from 0 to 1 each way.
    pub(crate) fn shade(
        &mut self,
        frame: [f32; 4],
        paint: impl Fn(f32, f32) -> Colour,
        opacity: f32,
    ) {
        let [left, top, right, bottom] = frame;
        let [x0, y0, x1, y1] = self.within(frame);
        let cover = |low: f32, high: f32, at: usize| {
            ((at as f32 + 1.0).min(high) - (at as f32).max(low)).clamp(0.0, 1.0)
        };
        for y in y0..y1 {
            for x in x0..x1 {
                let share = cover(left, right, x) * cover(top, bottom, y);
                let u = (x as f32 - left) / (right - left);
                let v = (y as f32 - top) / (bottom - top);
                self.blend(x, y, paint(u, v), share * opacity);
            }
        }
    }

    /// A convex or concave polygon, with four samples for each pixel along its edge.
    pub(crate) fn polygon(&mut self, corners: &[[f32; 2]], colour: Colour, opacity: f32) {
        let of = |axis: usize| corners.iter().map(move |corner| corner[axis]);
        let least = |axis| of(axis).fold(f32::INFINITY, f32::min);
        let most = |axis| of(axis).fold(f32::NEG_INFINITY, f32::max);
        let frame = [least(0), least(1), most(0), most(1)];
        let [left, top, right, bottom] = self.within(frame);
        for y in top..bottom {
            for x in left..right {
                let inside = [[0.25, 0.25], [0.75, 0.25], [0.25, 0.75], [0.75, 0.75]]
                    .iter()
                    .filter(|[dx, dy]| contains(corners, x as f32 + dx, y as f32 + dy))
                    .count();
                if inside > 0 {
                    self.blend(x, y, colour, inside as f32 / 4.0 * opacity);
                }
            }
        }
    }

    /// A line of some thickness with round ends.
    pub(crate) fn line(&mut self, from: [f32; 2], to: [f32; 2], thickness: f32, colour: Colour) {
        let half = thickness / 2.0;
        let frame = [
            from[0].min(to[0]) - half - 1.0,
            from[1].min(to[1]) - half - 1.0,
            from[0].max(to[0]) + half + 1.0,
            from[1].max(to[1]) + half + 1.0,
        ];
        let [left, top, right, bottom] = self.within(frame);
        let (dx, dy) = (to[0] - from[0], to[1] - from[1]);
        let length = (dx * dx + dy * dy).max(1e-6);
        for y in top..bottom {
            for x in left..right {
                let (px, py) = (x as f32 + 0.5 - from[0], y as f32 + 0.5 - from[1]);
                let along = ((px * dx + py * dy) / length).clamp(0.0, 1.0);
                let (ex, ey) = (px - along * dx, py - along * dy);
                let share = (half + 0.5 - (ex * ex + ey * ey).sqrt()).clamp(0.0, 1.0);
                if share > 0.0 {
                    self.blend(x, y, colour, share);
                }
            }
        }
    }

    /// Mirrors what is above a line into what is below it, as water does.
    pub(crate) fn reflect(&mut self, line: usize, ripple: f32, tint: Colour, share: f32) {
        for y in line..self.height {
            let depth = (y - line) as f32;
            let source = line.saturating_sub(1 + (depth * 0.9) as usize);
            for x in 0..self.width {
                let wave = (depth * 0.55 + (x as f32 * 0.011).sin() * 3.0).sin();
                let shift = wave * ripple * (1.0 + depth * 0.02);
                let from = (x as f32 + shift).clamp(0.0, self.width as f32 - 1.0) as usize;
                let seen = self.pixels[source * self.width + from];
                self.pixels[y * self.width + x] = mix(seen, tint, share + wave * 0.05);
            }
        }
    }

    /// The grain and the darker corners of a photograph.
    pub(crate) fn finish(&mut self, seed: u64) {
        let mut chance = Chance::new(seed);
        let (width, height) = (self.width as f32, self.height as f32);
        for y in 0..self.height {
            for x in 0..self.width {
                let grain = (chance.next() - 0.5) * 0.022;
                let (dx, dy) = (x as f32 / width - 0.5, y as f32 / height - 0.5);
                let corner = 1.0 - (dx * dx + dy * dy) * 0.3;
                let pixel = &mut self.pixels[y * self.width + x];
                *pixel = pixel.map(|part| part * corner + grain);
            }
        }
    }

    /// Red, green and blue, a byte each.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        let to_byte = |part: &f32| (part.clamp(0.0, 1.0) * 255.0).round() as u8;
        self.pixels.iter().flatten().map(to_byte).collect()
    }
}

/// Whether a point is inside: a ray from it crosses the edges an odd number of times.
fn contains(corners: &[[f32; 2]], x: f32, y: f32) -> bool {
    let mut inside = false;
    let mut before = corners[corners.len() - 1];
    for &corner in corners {
        if (corner[1] > y) != (before[1] > y) {
            let share = (y - corner[1]) / (before[1] - corner[1]);
            if x < corner[0] + share * (before[0] - corner[0]) {
                inside = !inside;
            }
        }
        before = corner;
    }
    inside
}
