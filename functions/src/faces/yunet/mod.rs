//! YuNet-s, a convolutional network of 51,304 weights that finds faces of some 10 to 300 pixels
//! (Wu, Peng and Yu, "YuNet: A Tiny Millisecond-level Face Detector", 2023). Its weights, their
//! licence and where they come from are in `functions/weights`.

mod kernels;
mod rows;
mod weights;

use pulp::Arch;

use super::boxes::Candidate;
use super::pixels::Pixels;
use crate::faces::DetectError;
use rows::{First, Halved, Map, Rows, Unit};
use weights::{Pointwise, Reader, UnitWeights};

const WEIGHTS: &[u8] = include_bytes!("../../../weights/yunet-s.bin");

/// Channels into and out of each unit but the heads.
const UNITS: [(usize, usize); 14] = [
    (16, 16),
    (16, 16),
    (16, 32),
    (32, 32),
    (32, 64),
    (64, 64),
    (64, 64),
    (64, 64),
    (64, 64),
    (64, 64),
    (64, 64),
    (64, 64),
    (64, 64),
    (64, 64),
];
/// Pixels of the picture between neighbouring cells of each level.
const STRIDES: [usize; 3] = [8, 16, 32];
/// A head's outputs for a cell: face or not, object or not, centre, size; two are unused.
const HEAD: usize = 8;

/// The network.
pub(super) struct Network {
    arch: Arch,
    first: Pointwise,
    units: Vec<UnitWeights>,
    heads: Vec<UnitWeights>,
}

impl Network {
    /// The network with the weights that are part of this program.
    ///
    /// # Errors
    /// If they are damaged.
    pub(super) fn bundled() -> Result<Self, DetectError> {
        Self::from_weights(WEIGHTS, Arch::new())
    }

    fn from_weights(file: &[u8], arch: Arch) -> Result<Self, DetectError> {
        let mut reader = Reader::new(file);
        let network = Self {
            arch,
            first: reader.pointwise(27, 16)?,
            units: UNITS
                .iter()
                .map(|(inputs, outputs)| reader.unit(*inputs, *outputs))
                .collect::<Result<_, _>>()?,
            heads: STRIDES
                .iter()
                .map(|_| reader.unit(64, HEAD))
                .collect::<Result<_, _>>()?,
        };
        reader.finish()?;
        Ok(network)
    }

    /// Everything that scores at least `floor`, in pixels of the picture. Neighbouring cells see
    /// the same face several times.
    pub(super) fn candidates(&self, picture: &Pixels<'_>, floor: f32) -> Vec<Candidate> {
        let mut found = Vec::new();
        self.run(picture, |level, y, row| {
            let (cells, _) = row.as_chunks::<HEAD>();
            for (x, cell) in cells.iter().enumerate() {
                found.extend(candidate(cell, (x, y), STRIDES[level] as f32, floor));
            }
        });
        found
    }

    /// Calls `each` with the heads' outputs: the level, the row's number, and the row.
    fn run(&self, picture: &Pixels<'_>, mut each: impl FnMut(usize, usize, &[f32])) {
        let (width, height) = (
            picture.width.next_multiple_of(32),
            picture.height.next_multiple_of(32),
        );
        let size = |stride: usize| (width / stride, height / stride);

        let rows = First::new(self.arch, &self.first, picture.clone(), width);
        let rows = self.unit(rows, 0, size(2));
        let rows = self.halved(rows, width / 2, 16);
        let rows = self.unit(self.unit(rows, 1, size(4)), 2, size(4));
        let rows = self.unit(self.unit(rows, 3, size(4)), 4, size(4));
        let rows = self.halved(rows, width / 4, 64);
        let rows = self.unit(self.unit(rows, 5, size(8)), 6, size(8));
        let fine = Map::collect(rows, size(8));
        let rows = self.halved(fine.rows(), width / 8, 64);
        let rows = self.unit(self.unit(rows, 7, size(16)), 8, size(16));
        let middle = Map::collect(rows, size(16));
        let rows = self.halved(middle.rows(), width / 16, 64);
        let rows = self.unit(self.unit(rows, 9, size(32)), 10, size(32));
        let coarse = Map::collect(rows, size(32));

        // The coarse maps are added to the finer ones.
        let coarse = Map::collect(self.unit(coarse.rows(), 13, size(32)), size(32));
        let middle = Map::collect(self.unit(middle.rows_plus(&coarse), 12, size(16)), size(16));
        let fine = self.unit(fine.rows_plus(&middle), 11, size(8));
        let levels: [Box<dyn Rows>; 3] = [fine, Box::new(middle.rows()), Box::new(coarse.rows())];
        for (level, rows) in levels.into_iter().enumerate() {
            let (width, height) = size(STRIDES[level]);
            let mut head = Unit::new(self.arch, rows, &self.heads[level], (width, height), false);
            let mut row = vec![0.0; width * HEAD];
            for y in 0..height {
                head.next(&mut row);
                each(level, y, &row);
            }
        }
    }

    fn unit<'a>(
        &'a self,
        rows: impl Rows + 'a,
        n: usize,
        size: (usize, usize),
    ) -> Box<dyn Rows + 'a> {
        Box::new(Unit::new(self.arch, rows, &self.units[n], size, true))
    }

    fn halved<'a>(
        &'a self,
        rows: impl Rows + 'a,
        width: usize,
        channels: usize,
    ) -> Box<dyn Rows + 'a> {
        Box::new(Halved::new(self.arch, rows, width, channels))
    }
}

/// The box of a cell from a head's outputs, if it scores at least `floor`.
fn candidate(cell: &[f32; HEAD], at: (usize, usize), stride: f32, floor: f32) -> Option<Candidate> {
    let [class, object, dx, dy, log_width, log_height, ..] = *cell;
    let score = (sigmoid(class) * sigmoid(object)).sqrt();
    if score < floor {
        return None;
    }
    let centre = [(at.0 as f32 + dx) * stride, (at.1 as f32 + dy) * stride];
    let half = [
        log_width.exp() * stride / 2.0,
        log_height.exp() * stride / 2.0,
    ];
    Some(Candidate {
        left: centre[0] - half[0],
        top: centre[1] - half[1],
        right: centre[0] + half[0],
        bottom: centre[1] + half[1],
        score,
    })
}

fn sigmoid(x: f32) -> f32 {
    1.0 / (1.0 + (-x).exp())
}

#[cfg(test)]
mod tests {
    use std::mem::discriminant;

    use pulp::Arch;
    use serde::Deserialize;

    use super::{HEAD, Network, STRIDES, WEIGHTS};
    use crate::faces::pixels::{Levels, Pixels};

    /// ONNX Runtime's results; see `record_reference.py` beside it.
    const REFERENCE: &str = include_str!("../../../weights/reference.json");

    #[derive(Deserialize)]
    struct Recorded {
        width: usize,
        height: usize,
        /// Six numbers for each cell, level by level.
        cells: Vec<[f32; 6]>,
    }

    /// The picture that `record_reference.py` draws: a face made of ellipses before waves of
    /// colour.
    fn drawn(width: usize, height: usize) -> Vec<u8> {
        let (h, v) = (width / 16, height / 16);
        let mut rgb = Vec::new();
        for y in 0..height {
            for x in 0..width {
                let inside = |left: usize, top: usize, a: usize, b: usize| {
                    let (dx, dy) = (x.abs_diff(left) * b, y.abs_diff(top) * a);
                    dx * dx + dy * dy <= a * b * a * b
                };
                for c in 0..3 {
                    let value = if inside(8 * h, 11 * v, 2 * h, v) {
                        90
                    } else if inside(6 * h, 6 * v, h, v) || inside(10 * h, 6 * v, h, v) {
                        40
                    } else if inside(8 * h, 8 * v, 4 * h, 6 * v) {
                        210 - 40 * c
                    } else {
                        (x * 3 + y * 5 + c * 40) % 96 + 60
                    };
                    rgb.push(value as u8);
                }
            }
        }
        rgb
    }

    fn pixels<'a>(rgb: &'a [u8], width: usize, height: usize, levels: &'a Levels) -> Pixels<'a> {
        Pixels {
            width,
            height,
            rgb,
            levels,
        }
    }

    #[test]
    fn the_network_computes_what_the_reference_recorded() {
        let recorded: Vec<Recorded> = serde_json::from_str(REFERENCE).unwrap();
        let levels = Levels::default();
        let plain = Arch::Scalar;
        let detected = Arch::new();
        println!(
            "vectors are found at run time: {}",
            discriminant(&plain) != discriminant(&detected)
        );
        let mut all = vec![plain, detected];
        #[cfg(target_arch = "x86_64")]
        all.extend(pulp::x86::V3::try_new().map(Arch::V3));
        for arch in all {
            let network = Network::from_weights(WEIGHTS, arch).unwrap();
            for Recorded {
                width,
                height,
                cells,
            } in &recorded
            {
                let rgb = drawn(*width, *height);
                let mut computed = Vec::new();
                network.run(&pixels(&rgb, *width, *height, &levels), |_, _, row| {
                    computed.extend_from_slice(row.as_chunks::<HEAD>().0);
                });
                assert_eq!(computed.len(), cells.len());
                for (n, (computed, expected)) in computed.iter().zip(cells).enumerate() {
                    for (a, b) in computed.iter().zip(expected) {
                        assert!(
                            (a - b).abs() < 1e-4,
                            "{width} × {height}, cell {n}: {a} is not {b}"
                        );
                    }
                }
            }
        }
    }

    #[test]
    fn pictures_of_hostile_shapes_are_searched() {
        let network = Network::bundled().unwrap();
        let levels = Levels::default();
        for (width, height) in [(1, 1), (1, 20_000), (20_000, 1), (33, 31)] {
            let rgb: Vec<u8> = (0..width * height * 3)
                .map(|n| (n * 37 % 251) as u8)
                .collect();
            let mut cells = 0;
            network.run(&pixels(&rgb, width, height, &levels), |_, _, row| {
                assert!(row.iter().all(|number| number.is_finite()));
                cells += row.len() / HEAD;
            });
            let expected = STRIDES.map(|stride| {
                width.next_multiple_of(32) / stride * (height.next_multiple_of(32) / stride)
            });
            assert_eq!(cells, expected.iter().sum::<usize>());
        }
    }

    #[test]
    fn damaged_weights_are_refused() {
        let refused = |file: &[u8]| Network::from_weights(file, Arch::new()).err().unwrap().0;
        assert_eq!(refused(&WEIGHTS[4..]), "the weights end too early");
        assert_eq!(
            refused(&[WEIGHTS, &[0; 4]].concat()),
            "the weights are 4 bytes too long"
        );
        let infinite = [&f32::INFINITY.to_le_bytes(), &WEIGHTS[4..]].concat();
        assert_eq!(refused(&infinite), "the weights are not all finite");
    }
}
