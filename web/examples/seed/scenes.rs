//! The pictures: landscapes, towns, and people who do not exist.

use crate::canvas::{Canvas, Chance, Colour, along, hex, mix, ridge, swell};

/// A way to paint a picture of some size.
pub(crate) type Scene = fn(usize, usize, u64) -> Canvas;

/// Hills behind hills, each paler than the one before it.
pub(crate) fn hills(width: usize, height: usize, seed: u64) -> Canvas {
    let palettes: [[u32; 5]; 4] = [
        [0x2c3e63, 0xc97b63, 0xf6cf9b, 0x8d6a7d, 0x1d2338],
        [0x6fa8c9, 0xbfdcdc, 0xf4f1de, 0x8fb0a0, 0x23453a],
        [0x30294f, 0x96517f, 0xf2a978, 0x6a4570, 0x1b1430],
        [0x9bb7d4, 0xdde6ea, 0xf7f3ea, 0xa3b3bd, 0x3c4f5c],
    ];
    let [top, middle, low, far, near] = palettes[seed as usize % 4].map(hex);
    let mut canvas = Canvas::new(width, height, &[top, middle, low, low]);
    let (w, h) = (width as f32, height as f32);
    let mut chance = Chance::new(seed);
    let sun = [w * chance.between(0.25, 0.75), h * 0.47];
    canvas.glow(sun, h * 0.75, hex(0xfff3d6), 0.75);
    canvas.disc(sun, h * 0.055, hex(0xfffaf0));
    for layer in 0..6_u8 {
        let depth = f32::from(layer) / 5.0;
        let base = h * (0.5 + 0.42 * depth * depth + 0.05 * depth);
        let size = h * (0.075 + 0.03 * depth);
        let colour = mix(mix(low, far, 0.35 + depth * 0.65), near, depth);
        let wave = seed * 10 + u64::from(layer);
        canvas.below(
            |x| base + size * ridge(wave, x / w * (1.1 + depth)),
            |_, deep| mix(colour, low, (deep / (h * 0.3)).min(0.35) * (1.0 - depth)),
        );
    }
    canvas
}

/// Mountains with snow, and a lake that shows them again.
pub(crate) fn lake(width: usize, height: usize, seed: u64) -> Canvas {
    let (w, h) = (width as f32, height as f32);
    let sky: &[u32] = match seed % 2 {
        0 => &[0x2f6ea5, 0x8fc1dd, 0xe9f1ee],
        _ => &[0x1f2a55, 0x8b5a84, 0xf3b08c],
    };
    let sky: Vec<Colour> = sky.iter().copied().map(hex).collect();
    let mut canvas = Canvas::new(width, height, &[sky[0], sky[1], sky[2], sky[2]]);
    let haze = sky[2];
    for (layer, base, steep) in [(0_u8, 0.46, 0.2), (1, 0.53, 0.15)] {
        let rock = mix(hex(0x46505f), haze, 0.45 - 0.3 * f32::from(layer));
        let number = seed * 7 + u64::from(layer);
        let at = |x: f32| {
            let peaks = 1.0 - swell(number, x / w * 1.2).abs();
            let teeth = ridge(number + 50, x / w * 4.0);
            h * (base - steep * peaks - 0.02 * teeth)
        };
        let snow_line = h * (0.37 + 0.04 * f32::from(layer));
        canvas.below(at, |x, deep| {
            // Faces of the rock lean to one side as they go down.
            let facet = ridge(number + 9, (x + deep * 0.55) / w * 3.0);
            let other = ridge(number + 19, (x - deep * 0.4) / w * 5.0);
            let light = 0.16 * facet + 0.08 * other;
            let ragged = h * 0.05 * ridge(number + 3, (x + deep * 0.3) / w * 7.0);
            let stone = rock.map(|part| part + light);
            let snow = hex(0xf3f6fa).map(|part| part + light.min(0.0) * 1.6);
            let share = ((snow_line + ragged - at(x) - deep) / (h * 0.015)).clamp(0.0, 1.0);
            let clear = mix(stone, snow, share);
            mix(clear, haze, (deep / (h * 0.35)).min(0.4))
        });
    }
    let shore = h * 0.6;
    canvas.below(
        |x| shore - h * 0.03 - h * 0.03 * ridge(seed + 5, x / w * 2.0),
        |_, _| hex(0x2b4437),
    );
    let mut chance = Chance::new(seed + 40);
    for _ in 0..170 {
        let x = chance.next() * w;
        let size = h * chance.between(0.02, 0.06);
        let foot = shore - h * 0.005;
        let green = mix(hex(0x16301f), hex(0x35583b), chance.next());
        canvas.polygon(
            &[
                [x - size * 0.3, foot],
                [x, foot - size],
                [x + size * 0.3, foot],
            ],
            green,
            1.0,
        );
    }
    canvas.reflect(shore as usize, 1.6, hex(0x274a63), 0.28);
    canvas
}

/// A town by the water after sunset, with lights in its windows.
pub(crate) fn skyline(width: usize, height: usize, seed: u64) -> Canvas {
    let (w, h) = (width as f32, height as f32);
    let sky = [0x0e1433, 0x31285a, 0x8b4a73, 0xf0a06b].map(hex);
    let mut canvas = Canvas::new(width, height, &[sky[0], sky[1], sky[2], sky[3], sky[3]]);
    let mut chance = Chance::new(seed);
    for _ in 0..140 {
        let at = [chance.next() * w, chance.next() * h * 0.4];
        canvas.ellipse(at, [0.9, 0.9], 1.0, hex(0xffffff), chance.next() * 0.8);
    }
    let shore = h * 0.72;
    for row in 0..3_u8 {
        let depth = f32::from(row) / 2.0;
        let wall = mix(hex(0x6b4568), hex(0x14152b), depth);
        let mut x = -w * 0.02;
        while x < w {
            let wide = w * chance.between(0.03, 0.075);
            let tall = h * chance.between(0.12, 0.42 - 0.1 * depth);
            let roof = shore - tall;
            canvas.rectangle([x, roof, x + wide, shore], wall);
            if chance.next() < 0.2 {
                let middle = x + wide / 2.0;
                canvas.line([middle, roof], [middle, roof - h * 0.06], 1.5, wall);
            }
            if row > 0 {
                windows(
                    &mut canvas,
                    &mut chance,
                    [x, roof, x + wide, shore],
                    w * 0.006,
                );
            }
            x += wide + w * chance.between(0.0, 0.012);
        }
    }
    canvas.reflect(shore as usize, 2.4, hex(0x1a1838), 0.35);
    canvas
}

fn windows(canvas: &mut Canvas, chance: &mut Chance, house: [f32; 4], size: f32) {
    let [left, top, right, bottom] = house;
    let mut y = top + size * 1.5;
    while y < bottom - size * 2.0 {
        let mut x = left + size;
        while x < right - size * 1.6 {
            if chance.next() < 0.42 {
                let light = chance.pick(&[0xffd98a, 0xffc46b, 0xfff0c9, 0xbfd8ff]);
                let lit = mix(hex(light), hex(0x202040), chance.next() * 0.4);
                canvas.rectangle([x, y, x + size, y + size * 1.3], lit);
            }
            x += size * 2.0;
        }
        y += size * 2.6;
    }
}

/// Narrow houses by a canal.
pub(crate) fn houses(width: usize, height: usize, seed: u64) -> Canvas {
    let (w, h) = (width as f32, height as f32);
    let mut canvas = Canvas::new(
        width,
        height,
        &[hex(0x7fb3d9), hex(0xd9e8ef), hex(0xf7efe2)],
    );
    let mut chance = Chance::new(seed);
    clouds(&mut canvas, &mut chance, 5);
    let street = h * 0.74;
    let walls = [
        0xb5523b, 0xe0b15e, 0xd8d2c4, 0x7b9aa8, 0x8c3f44, 0xcf8a5b, 0x64806a, 0xe8cfa8,
    ];
    let mut x = -w * 0.03;
    let mut last = 0;
    while x < w {
        let wide = w * chance.between(0.1, 0.15);
        let eaves = street - h * chance.between(0.36, 0.48);
        let mut colour = chance.pick(&walls);
        while colour == last {
            colour = chance.pick(&walls);
        }
        last = colour;
        let wall = hex(colour);
        canvas.shade(
            [x, eaves, x + wide, street],
            |u, v| mix(wall, wall.map(|part| part * 0.8), 0.6 * u + 0.3 * v),
            1.0,
        );
        let roof = mix(hex(0x6e3b30), hex(0x3b3f48), chance.next());
        let middle = x + wide / 2.0;
        let peak = eaves - h * chance.between(0.08, 0.14);
        canvas.polygon(
            &[[x - 3.0, eaves], [middle, peak], [x + wide + 3.0, eaves]],
            roof,
            1.0,
        );
        house_front(&mut canvas, &mut chance, [x, eaves, x + wide, street]);
        x += wide + 2.0;
    }
    canvas.rectangle([0.0, street, w, street + h * 0.03], hex(0x8a8578));
    let water = street + h * 0.03;
    canvas.reflect(water as usize, 2.0, hex(0x3f5a63), 0.38);
    canvas
}

fn house_front(canvas: &mut Canvas, chance: &mut Chance, house: [f32; 4]) {
    let [left, top, right, bottom] = house;
    let (wide, tall) = (right - left, bottom - top);
    for row in 0..4_u8 {
        for column in 0..3_u8 {
            let x = left + wide * (0.14 + 0.28 * f32::from(column));
            let y = top + tall * (0.07 + 0.24 * f32::from(row));
            let pane = [x, y, x + wide * 0.16, y + tall * 0.14];
            let is_door = row == 3 && column == 1;
            if is_door {
                let door = chance.pick(&[0x2f4b3c, 0x23314f, 0x5b2530]);
                canvas.rectangle([x, y, x + wide * 0.18, bottom], hex(door));
                continue;
            }
            canvas.rectangle(
                [pane[0] - 2.0, pane[1] - 2.0, pane[2] + 2.0, pane[3] + 2.0],
                hex(0xf3efe6),
            );
            let shine = chance.next();
            canvas.shade(
                pane,
                |u, v| {
                    mix(
                        hex(0x33475a),
                        hex(0xa9c4d6),
                        (u * 0.4 + (1.0 - v) * 0.5) * shine,
                    )
                },
                1.0,
            );
            let middle = (pane[0] + pane[2]) / 2.0;
            canvas.line([middle, pane[1]], [middle, pane[3]], 1.5, hex(0xf3efe6));
        }
    }
}

fn clouds(canvas: &mut Canvas, chance: &mut Chance, count: u8) {
    let (w, h) = (canvas.width as f32, canvas.height as f32);
    for _ in 0..count {
        let (x, y) = (chance.next() * w, h * chance.between(0.06, 0.3));
        let size = w * chance.between(0.04, 0.09);
        for puff in 0..9_u8 {
            let aside = (f32::from(puff) - 4.0) * size * 0.35;
            let lift = size * chance.between(-0.12, 0.12);
            let radius = size * chance.between(0.25, 0.5);
            canvas.ellipse(
                [x + aside, y + lift],
                [radius * 1.3, radius * 0.6],
                radius * 0.9,
                hex(0xffffff),
                0.32,
            );
        }
    }
}

/// Balloons over a morning landscape.
pub(crate) fn balloons(width: usize, height: usize, seed: u64) -> Canvas {
    let (w, h) = (width as f32, height as f32);
    let mut canvas = Canvas::new(
        width,
        height,
        &[hex(0x5d9bd1), hex(0xb9dcec), hex(0xfbe6c8)],
    );
    let mut chance = Chance::new(seed);
    clouds(&mut canvas, &mut chance, 6);
    for (layer, colour) in [0x9db8a5, 0x6d9272, 0x3f6b4b].into_iter().enumerate() {
        let base = h * (0.78 + 0.07 * layer as f32);
        canvas.below(
            |x| base + h * 0.04 * ridge(seed + layer as u64, x / w * 1.5),
            |_, _| hex(colour),
        );
    }
    let stripes = [
        [0xd1383d, 0xf5d547],
        [0x2463a8, 0xf4f1e8],
        [0xf08a24, 0x7a2b4f],
        [0x2d8a6a, 0xf4d9a0],
        [0x6b3fa0, 0xf2a7c3],
    ];
    for (number, place) in [
        [0.28, 0.34, 0.115],
        [0.62, 0.25, 0.085],
        [0.8, 0.48, 0.065],
        [0.47, 0.56, 0.05],
        [0.12, 0.6, 0.045],
    ]
    .into_iter()
    .enumerate()
    {
        let colours = stripes[(number + seed as usize) % stripes.len()].map(hex);
        let wobble = chance.between(-0.03, 0.03);
        let centre = [w * (place[0] + wobble), h * place[1]];
        balloon(&mut canvas, centre, w * place[2], colours);
    }
    canvas
}

fn balloon(canvas: &mut Canvas, [cx, cy]: [f32; 2], radius: f32, colours: [Colour; 2]) {
    let basket = cy + radius * 1.75;
    for side in [-1.0, 1.0] {
        canvas.line(
            [cx + side * radius * 0.45, cy + radius * 0.8],
            [cx + side * radius * 0.13, basket],
            1.2,
            hex(0x4a3c2c),
        );
    }
    let steps = 64;
    for step in 0..steps {
        // From the rim at the left to the one at the right, narrow strips of a sphere.
        let angle = |step: i32| (step as f32 / steps as f32 - 0.5) * std::f32::consts::PI;
        let (from, to) = (angle(step).sin(), angle(step + 1).sin());
        let colour = colours[(step as usize / 8) % 2];
        let light = 1.08 - 0.5 * ((from + 0.4) * 0.6).abs();
        let outline = |at: f32| {
            let mut points = Vec::new();
            for level in -16..=20 {
                let v = level as f32 / 16.0;
                let half = if v < 0.3 {
                    (1.0 - v * v).sqrt()
                } else {
                    0.954 - (v - 0.3) * 0.76
                };
                points.push([cx + radius * at * half, cy + radius * v]);
            }
            points
        };
        let mut corners = outline(from);
        corners.extend(outline(to).into_iter().rev());
        canvas.polygon(&corners, colour.map(|part| part * light), 1.0);
    }
    let size = radius * 0.15;
    canvas.rectangle(
        [cx - size, basket, cx + size, basket + size * 1.5],
        hex(0x7a5230),
    );
}

/// Rows of flowers that run to the horizon.
pub(crate) fn field(width: usize, height: usize, seed: u64) -> Canvas {
    let (w, h) = (width as f32, height as f32);
    let mut canvas = Canvas::new(
        width,
        height,
        &[hex(0x4f86c6), hex(0xbcd9ec), hex(0xfdf3df)],
    );
    let mut chance = Chance::new(seed);
    clouds(&mut canvas, &mut chance, 7);
    let horizon = h * 0.45;
    canvas.below(
        |x| horizon - h * 0.05 - h * 0.03 * ridge(seed, x / w * 1.4),
        |_, _| hex(0x7c95a6),
    );
    let flowers: [u32; 5] = match seed % 2 {
        0 => [0x6d4fa3, 0x8a63c0, 0xa583d6, 0x5c3f92, 0x7b57b3],
        _ => [0xd7263d, 0xf6c445, 0xf18fb0, 0xf4f0e6, 0xe4572e],
    };
    let colours = flowers.map(hex);
    let vanish = w * 0.55;
    canvas.below(
        |_| horizon,
        |x, deep| {
            let near = deep / (h - horizon);
            let row = (x - vanish) / (near * w * 0.11 + 2.0);
            let lane = row.floor();
            let within = row - lane;
            let colour = colours[(lane as i32).rem_euclid(5) as usize];
            let ground = mix(hex(0x55632f), hex(0x2f4a25), within);
            let speck = ((x * 12.9 + deep * 78.2).sin() * 43758.5).fract().abs();
            let bloom = if within < 0.66 {
                mix(colour, colour.map(|part| part * 0.6), speck * 0.8)
            } else {
                ground
            };
            mix(mix(hex(0xb9b6c9), bloom, 0.45), bloom, near.sqrt())
        },
    );
    canvas
}

/// A forest in fog.
pub(crate) fn forest(width: usize, height: usize, seed: u64) -> Canvas {
    let (w, h) = (width as f32, height as f32);
    let mut canvas = Canvas::new(
        width,
        height,
        &[hex(0xdfe8e4), hex(0xc9d8d0), hex(0x9db3a6)],
    );
    let mut chance = Chance::new(seed);
    canvas.glow([w * 0.6, h * 0.25], h * 0.8, hex(0xfff4d2), 0.8);
    for layer in 0..5_u8 {
        let depth = f32::from(layer) / 4.0;
        let colour = mix(hex(0xa9bfb2), hex(0x12261c), depth);
        let count = 34 - layer * 4;
        let foot = h * (0.7 + 0.3 * depth);
        canvas.below(
            |x| foot + h * 0.02 * ridge(seed + u64::from(layer), x / w * 2.0),
            |_, _| colour,
        );
        for _ in 0..count {
            let x = chance.next() * w;
            let tall = h * chance.between(0.3, 0.5) * (0.6 + 0.7 * depth);
            spruce(&mut canvas, [x, foot + h * 0.02], tall, colour);
        }
        canvas.shade(
            [0.0, foot - h * 0.25, w, foot + h * 0.1],
            |_, _| hex(0xe4ece6),
            0.2 * (1.0 - depth),
        );
    }
    canvas
}

fn spruce(canvas: &mut Canvas, [x, foot]: [f32; 2], tall: f32, colour: Colour) {
    canvas.line([x, foot], [x, foot - tall * 0.9], tall * 0.02, colour);
    for tier in 0..9_u8 {
        let up = f32::from(tier) / 9.0;
        let base = foot - tall * (0.1 + 0.8 * up);
        let half = tall * 0.2 * (1.0 - up) + tall * 0.012;
        canvas.polygon(
            &[
                [x - half, base],
                [x - half * 0.4, base - tall * 0.05],
                [x, base - tall * 0.19],
                [x + half * 0.4, base - tall * 0.05],
                [x + half, base],
                [x, base - tall * 0.03],
            ],
            colour,
            1.0,
        );
    }
}

/// A beach, and waves that come in.
pub(crate) fn beach(width: usize, height: usize, seed: u64) -> Canvas {
    let (w, h) = (width as f32, height as f32);
    let mut canvas = Canvas::new(
        width,
        height,
        &[hex(0x3f8fd0), hex(0xa7d3ea), hex(0xeaf4f2)],
    );
    let mut chance = Chance::new(seed);
    clouds(&mut canvas, &mut chance, 5);
    let horizon = h * 0.42;
    let deep_sea = [0x1c6c94, 0x2a93ab, 0x6cc3bd].map(hex);
    canvas.below(
        |_| horizon,
        |x, deep| {
            let near = (deep / (h * 0.33)).min(1.0);
            let wave = (deep * (0.9 - 0.6 * near) + (x * 0.006 + deep * 0.04).sin() * 5.0).sin();
            let water = along(&deep_sea, near);
            mix(water, hex(0xffffff), (wave - 0.82).max(0.0) * 1.4 * near)
        },
    );
    let shore = |x: f32| h * 0.72 + h * 0.05 * ridge(seed + 1, x / w * 0.8) + x / w * h * 0.06;
    canvas.below(|x| shore(x) - h * 0.02, |_, _| hex(0xf3faf8));
    canvas.below(shore, |x, deep| {
        let wet = (deep / (h * 0.06)).min(1.0);
        let speck = ((x * 3.7 + deep * 91.7).sin() * 9631.1).fract().abs();
        let sand = mix(hex(0xe8cf9f), hex(0xdcbd86), speck);
        mix(hex(0xb99a6b), sand, wet)
    });
    for (number, colours) in [[0xe2483d, 0xfdf6e8], [0x2b6cb0, 0xf9e27d]]
        .into_iter()
        .enumerate()
    {
        let at = [
            w * (0.2 + 0.27 * number as f32 + chance.between(0.0, 0.05)),
            h * 0.86,
        ];
        parasol(&mut canvas, at, w * 0.075, colours.map(hex));
    }
    canvas
}

fn parasol(canvas: &mut Canvas, [x, foot]: [f32; 2], radius: f32, colours: [Colour; 2]) {
    let top = foot - radius * 1.5;
    canvas.ellipse(
        [x + radius * 0.4, foot],
        [radius, radius * 0.18],
        4.0,
        hex(0x7b6541),
        0.4,
    );
    canvas.line([x, foot], [x, top], 3.0, hex(0xf5efe2));
    for slice in 0..8_u8 {
        let angle = |slice: u8| std::f32::consts::PI * (1.0 + f32::from(slice) / 8.0);
        let rim = |a: f32| {
            [
                x + radius * a.cos(),
                top + radius * 0.85 * a.sin() + radius * 0.3,
            ]
        };
        let middle = f32::midpoint(angle(slice), angle(slice + 1));
        let corners = [
            [x, top - radius * 0.55],
            rim(angle(slice)),
            rim(middle),
            rim(angle(slice + 1)),
        ];
        canvas.polygon(&corners, colours[slice as usize % 2], 1.0);
    }
}

/// People in a row before a wall, each with a face.
pub(crate) fn group(width: usize, height: usize, seed: u64) -> Canvas {
    let (w, h) = (width as f32, height as f32);
    let walls = [
        [0xd9d4c7, 0xb7ac98],
        [0xa9bfc9, 0x7c98a6],
        [0xcfdcc8, 0x96ab8b],
    ];
    let wall = walls[seed as usize % 3].map(hex);
    let mut canvas = Canvas::new(width, height, &wall);
    let mut chance = Chance::new(seed);
    canvas.glow([w * 0.3, h * 0.1], w * 0.6, hex(0xfff8e6), 0.5);
    let count = 3 + seed as usize % 3;
    let step = w / (count as f32 + 0.4);
    let order = (0..count).filter(|number| number % 2 == 1);
    for number in order.chain((0..count).filter(|number| number % 2 == 0)) {
        let x = step * (0.7 + number as f32) + chance.between(-8.0, 8.0);
        let back = if number % 2 == 1 { 0.05 } else { 0.0 };
        let y = h * (0.42 - back + chance.between(-0.02, 0.02));
        person(
            &mut canvas,
            &mut chance,
            [x, y],
            (step * 0.33).min(h * 0.19),
        );
    }
    canvas
}

/// One person, close.
pub(crate) fn portrait(width: usize, height: usize, seed: u64) -> Canvas {
    let (w, h) = (width as f32, height as f32);
    let walls = [
        [0x38505c, 0x1e2b33],
        [0xc9b79c, 0x8f7a5e],
        [0x6f8a6c, 0x3f5540],
    ];
    let mut canvas = Canvas::new(width, height, &walls[seed as usize % 3].map(hex));
    let mut chance = Chance::new(seed);
    for _ in 0..26 {
        let at = [chance.next() * w, chance.next() * h];
        let radius = w * chance.between(0.03, 0.08);
        canvas.ellipse(at, [radius, radius], radius * 0.5, hex(0xfff3d8), 0.07);
    }
    person(
        &mut canvas,
        &mut chance,
        [w * 0.5, h * 0.42],
        w.min(h) * 0.24,
    );
    canvas
}

fn person(canvas: &mut Canvas, chance: &mut Chance, [x, y]: [f32; 2], size: f32) {
    let skin = hex(chance.pick(&[0xf0c9a8, 0xe0ac82, 0xb97d53, 0x8a5636, 0xf6d7bd, 0x6b432c]));
    let hair = hex(chance.pick(&[0x2a1d16, 0x5b3a22, 0xb98a4b, 0x14110f, 0x8d8a86, 0x7a2f1c]));
    let shirt = hex(chance.pick(&[0x34688f, 0xb8403c, 0x4d7a52, 0xd9a13b, 0x5f4b8b, 0xe9e4da]));
    let dark = |colour: Colour, share: f32| mix(colour, hex(0x1a1210), share);
    let bottom = canvas.height as f32 + size;
    // Hair behind the head, then shoulders, neck, head, ears.
    let is_long = chance.next() < 0.5;
    if is_long {
        canvas.ellipse(
            [x, y + size * 0.35],
            [size * 0.95, size * 1.3],
            3.0,
            hair,
            1.0,
        );
    }
    let shoulder = y + size * 1.75;
    canvas.ellipse(
        [x, shoulder + size * 0.5],
        [size * 1.55, size * 0.95],
        2.0,
        shirt,
        1.0,
    );
    canvas.shade(
        [
            x - size * 1.54,
            shoulder + size * 0.5,
            x + size * 1.54,
            bottom,
        ],
        |u, _| dark(shirt, 0.25 * (u - 0.5).abs()),
        1.0,
    );
    canvas.ellipse(
        [x, y + size * 1.1],
        [size * 0.4, size * 0.75],
        2.0,
        dark(skin, 0.22),
        1.0,
    );
    canvas.ellipse(
        [x, y + size * 1.72],
        [size * 0.44, size * 0.24],
        2.0,
        dark(skin, 0.1),
        1.0,
    );
    for side in [-1.0, 1.0] {
        let ear = [x + side * size * 0.77, y + size * 0.1];
        canvas.ellipse(ear, [size * 0.13, size * 0.22], 2.0, dark(skin, 0.12), 1.0);
    }
    canvas.ellipse([x, y], [size * 0.8, size * 1.05], 2.0, skin, 1.0);
    // Light from the left, a shade to the right and under the brow.
    let shade = dark(skin, 0.35);
    canvas.ellipse(
        [x + size * 0.5, y + size * 0.2],
        [size * 0.35, size * 0.75],
        size * 0.5,
        shade,
        0.3,
    );
    canvas.ellipse(
        [x - size * 0.3, y - size * 0.1],
        [size * 0.3, size * 0.5],
        size * 0.4,
        hex(0xffffff),
        0.13,
    );
    hair_on_top(canvas, [x, y], size, hair);
    face(canvas, chance, [x, y], size, skin, hair);
}

fn hair_on_top(canvas: &mut Canvas, [x, y]: [f32; 2], size: f32, hair: Colour) {
    let mut corners = Vec::new();
    for step in 0..=24_u8 {
        let angle = std::f32::consts::PI * (1.0 + f32::from(step) / 24.0);
        corners.push([
            x + size * 0.87 * angle.cos(),
            y - size * 0.22 + size * 0.95 * angle.sin(),
        ]);
    }
    for step in 0..=24_u8 {
        let angle = std::f32::consts::PI * (2.0 - f32::from(step) / 24.0);
        let wave = (f32::from(step) * 0.9).sin() * size * 0.03;
        corners.push([
            x + size * 0.74 * angle.cos(),
            y - size * 0.3 + size * 0.42 * angle.sin() + wave,
        ]);
    }
    canvas.polygon(&corners, hair, 1.0);
}

fn face(
    canvas: &mut Canvas,
    chance: &mut Chance,
    [x, y]: [f32; 2],
    size: f32,
    skin: Colour,
    hair: Colour,
) {
    let dark = |share: f32| mix(skin, hex(0x1a0f0c), share);
    let iris = hex(chance.pick(&[0x4b3420, 0x3b6a8c, 0x4f6b42, 0x2c1d14]));
    let glasses = chance.next() < 0.3;
    for side in [-1.0, 1.0] {
        let eye = [x + side * size * 0.33, y - size * 0.03];
        canvas.ellipse(
            [eye[0], eye[1] - size * 0.03],
            [size * 0.22, size * 0.13],
            size * 0.12,
            dark(0.45),
            0.45,
        );
        canvas.ellipse(eye, [size * 0.145, size * 0.075], 1.5, hex(0xf7f3ee), 1.0);
        canvas.ellipse(eye, [size * 0.07, size * 0.072], 1.0, iris, 1.0);
        canvas.ellipse(eye, [size * 0.034, size * 0.036], 1.0, hex(0x080606), 1.0);
        canvas.disc(
            [eye[0] - size * 0.022, eye[1] - size * 0.025],
            size * 0.016,
            hex(0xffffff),
        );
        let lid = eye[1] - size * 0.07;
        canvas.line(
            [eye[0] - size * 0.13, lid + size * 0.03],
            [eye[0], lid],
            size * 0.032,
            dark(0.7),
        );
        canvas.line(
            [eye[0], lid],
            [eye[0] + size * 0.13, lid + size * 0.03],
            size * 0.032,
            dark(0.7),
        );
        let brow = eye[1] - size * 0.2;
        canvas.line(
            [eye[0] - side * size * 0.13, brow + size * 0.01],
            [eye[0] + side * size * 0.15, brow + size * 0.015],
            size * 0.055,
            mix(hair, hex(0x201510), 0.4),
        );
        canvas.ellipse(
            [x + side * size * 0.42, y + size * 0.35],
            [size * 0.16, size * 0.12],
            size * 0.2,
            hex(0xd9685c),
            0.22,
        );
        if glasses {
            for step in 0..32_u8 {
                let at = |step: u8| {
                    let angle = f32::from(step) / 16.0 * std::f32::consts::PI;
                    [
                        eye[0] + size * 0.21 * angle.cos(),
                        eye[1] + size * 0.17 * angle.sin(),
                    ]
                };
                canvas.line(at(step), at(step + 1), size * 0.03, hex(0x22262b));
            }
        }
    }
    if glasses {
        canvas.line(
            [x - size * 0.12, y - size * 0.05],
            [x + size * 0.12, y - size * 0.05],
            size * 0.03,
            hex(0x22262b),
        );
    }
    // The nose: a shade along its side, and below its tip.
    canvas.ellipse(
        [x + size * 0.07, y + size * 0.15],
        [size * 0.05, size * 0.2],
        size * 0.1,
        dark(0.4),
        0.4,
    );
    canvas.ellipse(
        [x, y + size * 0.33],
        [size * 0.13, size * 0.05],
        size * 0.07,
        dark(0.5),
        0.5,
    );
    for side in [-1.0, 1.0] {
        canvas.ellipse(
            [x + side * size * 0.065, y + size * 0.335],
            [size * 0.03, size * 0.018],
            1.0,
            dark(0.65),
            0.8,
        );
    }
    // The mouth smiles.
    let lips = mix(skin, hex(0xa8323a), 0.62);
    let smile = size * chance.between(0.05, 0.1);
    let mut upper = Vec::new();
    for step in -8..=8 {
        let along = step as f32 / 8.0;
        upper.push([
            x + size * 0.27 * along,
            y + size * 0.56 - smile * along * along,
        ]);
    }
    let mut corners = upper.clone();
    for &[px, py] in upper.iter().rev() {
        let along = (px - x) / (size * 0.27);
        corners.push([px, py + size * 0.1 * (1.0 - along * along)]);
    }
    canvas.polygon(&corners, lips, 1.0);
    for pair in upper.windows(2) {
        canvas.line(pair[0], pair[1], size * 0.022, dark(0.6));
    }
    canvas.ellipse(
        [x, y + size * 0.78],
        [size * 0.18, size * 0.06],
        size * 0.1,
        dark(0.4),
        0.25,
    );
}

/// Fruit on a table.
pub(crate) fn fruit(width: usize, height: usize, seed: u64) -> Canvas {
    let (w, h) = (width as f32, height as f32);
    let mut canvas = Canvas::new(width, height, &[hex(0x3d4a45), hex(0x59685f)]);
    let mut chance = Chance::new(seed);
    canvas.glow([w * 0.2, 0.0], w * 0.7, hex(0xfff0cf), 0.35);
    canvas.below(
        |_| h * 0.62,
        |x, deep| {
            let board = (deep / (h * 0.07)).sqrt() * 3.0;
            let grain = (x * 0.012 + ridge(seed, deep / h * 3.0) * 2.0 + board.floor() * 7.0).sin();
            let seam = (board.fract() - 0.03).clamp(0.0, 0.03) / 0.03;
            mix(
                hex(0x3a2415),
                mix(hex(0x8a5b34), hex(0xa8733f), grain * 0.5 + 0.5),
                seam,
            )
        },
    );
    let places = [
        [0.3, 0.62],
        [0.47, 0.58],
        [0.63, 0.63],
        [0.4, 0.76],
        [0.57, 0.77],
        [0.75, 0.72],
    ];
    for [x, y] in places {
        let radius = w.min(h) * chance.between(0.1, 0.125);
        let colour = hex(chance.pick(&[0xc8322b, 0xe98a1f, 0x9ab83a, 0xe0b52e, 0x8e2f45]));
        let (x, y) = (w * x, h * y);
        canvas.ellipse(
            [x + radius * 0.4, y + radius * 0.9],
            [radius * 1.2, radius * 0.3],
            radius * 0.5,
            hex(0x140c06),
            0.55,
        );
        canvas.disc([x, y], radius, colour);
        canvas.ellipse(
            [x + radius * 0.35, y + radius * 0.35],
            [radius * 0.6, radius * 0.6],
            radius * 0.9,
            mix(colour, hex(0x1b0b08), 0.7),
            0.45,
        );
        canvas.ellipse(
            [x - radius * 0.35, y - radius * 0.4],
            [radius * 0.22, radius * 0.16],
            radius * 0.4,
            hex(0xfffaf0),
            0.75,
        );
        canvas.line(
            [x, y - radius * 0.85],
            [x + radius * 0.1, y - radius * 1.2],
            radius * 0.07,
            hex(0x4a3018),
        );
        canvas.ellipse(
            [x + radius * 0.3, y - radius * 1.12],
            [radius * 0.24, radius * 0.09],
            1.5,
            hex(0x55803a),
            1.0,
        );
    }
    canvas
}

/// The moon over dunes.
pub(crate) fn night(width: usize, height: usize, seed: u64) -> Canvas {
    let (w, h) = (width as f32, height as f32);
    let mut canvas = Canvas::new(
        width,
        height,
        &[hex(0x060b1f), hex(0x14244d), hex(0x3f5486), hex(0x8a86a8)],
    );
    let mut chance = Chance::new(seed);
    for _ in 0..620 {
        let at = [chance.next() * w, chance.next() * h * 0.65];
        let size = chance.between(0.5, 1.5);
        canvas.ellipse(at, [size, size], 1.0, hex(0xfdf6e3), chance.next());
    }
    let moon = [w * 0.72, h * 0.22];
    canvas.glow(moon, h * 0.5, hex(0xcfd9f5), 0.5);
    canvas.disc(moon, h * 0.075, hex(0xf7f3e4));
    for crater in [
        [-0.02, -0.015, 0.014],
        [0.025, 0.01, 0.018],
        [-0.01, 0.03, 0.01],
    ] {
        let at = [moon[0] + h * crater[0], moon[1] + h * crater[1]];
        canvas.ellipse(at, [h * crater[2], h * crater[2]], 3.0, hex(0xd5cfbd), 0.8);
    }
    for layer in 0..4_u8 {
        let depth = f32::from(layer) / 3.0;
        let lit = mix(hex(0x7d7796), hex(0x3b2f45), depth);
        let wave = seed * 5 + u64::from(layer);
        let at = |x: f32| h * (0.63 + 0.12 * depth) + h * 0.1 * swell(wave, x / w * 0.55).abs();
        canvas.below(at, |x, deep| {
            // The lee of a dune is dark; its edge runs down from the crest.
            let lee = swell(wave, (x + deep * 1.3) / w * 0.55);
            let light = (0.5 + lee * 3.0).clamp(0.0, 1.0);
            let ripple = ((deep * 0.5 + x * 0.05).sin() + (x * 0.02).sin()) * 0.012;
            let sand = mix(lit.map(|part| part * 0.55), lit, light);
            mix(sand, hex(0x2a2740), (deep / h).min(0.5)).map(|part| part + ripple)
        });
    }
    canvas
}
