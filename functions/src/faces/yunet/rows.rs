//! The network as a chain of layers. Each layer pulls rows from the one before it and keeps three, so
//! that the working set stays in the caches for pictures of any size.

use pulp::Arch;

use super::kernels::{Convolve, ConvolveDepthwise, Pool};
use super::weights::{Pointwise, UnitWeights};
use crate::faces::pixels::Pixels;

/// A map's rows from top to bottom.
pub(super) trait Rows {
    /// Writes the next row. Must not be called after the last row.
    fn next(&mut self, row: &mut [f32]);
}

impl<T: Rows + ?Sized> Rows for Box<T> {
    fn next(&mut self, row: &mut [f32]) {
        (**self).next(row);
    }
}

/// The first convolution: 3 × 3 pixels of the picture to 16 channels, at half the size.
pub(super) struct First<'a> {
    arch: Arch,
    layer: &'a Pointwise,
    picture: Pixels<'a>,
    taken: usize,
    /// Three rows of the picture with a pixel of zeros on the left.
    rows: [Vec<f32>; 3],
}

impl<'a> First<'a> {
    /// `width` is the padded one.
    pub(super) fn new(arch: Arch, layer: &'a Pointwise, picture: Pixels<'a>, width: usize) -> Self {
        Self {
            arch,
            layer,
            picture,
            taken: 0,
            rows: std::array::from_fn(|_| vec![0.0; (width + 1) * 3]),
        }
    }
}

impl Rows for First<'_> {
    fn next(&mut self, output: &mut [f32]) {
        self.rows.swap(0, 2);
        for row in &mut self.rows[1..] {
            self.picture.row(self.taken, &mut row[3..]);
            self.taken += 1;
        }
        let [above, here, below] = &self.rows;
        self.arch.dispatch(Convolve::<3, 9> {
            rows: [above, here, below],
            step: 6,
            layer: self.layer,
            relu: true,
            output,
        });
    }
}

/// A pointwise convolution and then a depthwise one.
pub(super) struct Unit<'a> {
    arch: Arch,
    source: Box<dyn Rows + 'a>,
    weights: &'a UnitWeights,
    relu: bool,
    height: usize,
    taken: usize,
    input: Vec<f32>,
    /// Three rows between the convolutions, with a pixel of zeros on either side.
    rows: [Vec<f32>; 3],
}

impl<'a> Unit<'a> {
    pub(super) fn new(
        arch: Arch,
        source: impl Rows + 'a,
        weights: &'a UnitWeights,
        (width, height): (usize, usize),
        relu: bool,
    ) -> Self {
        let outputs = weights.pointwise.outputs;
        Self {
            arch,
            source: Box::new(source),
            weights,
            relu,
            height,
            taken: 0,
            input: vec![0.0; width * weights.inputs],
            rows: std::array::from_fn(|_| vec![0.0; (width + 2) * outputs]),
        }
    }

    fn advance(&mut self) {
        self.rows.rotate_left(1);
        let row = &mut self.rows[2];
        if self.taken == self.height {
            row.fill(0.0);
            return;
        }
        self.taken += 1;
        self.source.next(&mut self.input);
        let outputs = self.weights.pointwise.outputs;
        let end = row.len() - outputs;
        let output = &mut row[outputs..end];
        match self.weights.inputs {
            16 => self
                .arch
                .dispatch(pointwise::<16>(&self.input, self.weights, output)),
            32 => self
                .arch
                .dispatch(pointwise::<32>(&self.input, self.weights, output)),
            _ => self
                .arch
                .dispatch(pointwise::<64>(&self.input, self.weights, output)),
        }
    }
}

fn pointwise<'a, const INPUTS: usize>(
    input: &'a [f32],
    weights: &'a UnitWeights,
    output: &'a mut [f32],
) -> Convolve<'a, 1, INPUTS> {
    Convolve {
        rows: [input],
        step: INPUTS,
        layer: &weights.pointwise,
        relu: false,
        output,
    }
}

impl Rows for Unit<'_> {
    fn next(&mut self, output: &mut [f32]) {
        if self.taken == 0 {
            self.advance();
        }
        self.advance();
        let [above, here, below] = &self.rows;
        self.arch.dispatch(ConvolveDepthwise {
            rows: [above, here, below],
            layer: &self.weights.depthwise,
            relu: self.relu,
            output,
        });
    }
}

/// Half the size: of each 2 × 2 pixels the largest numbers.
pub(super) struct Halved<'a> {
    arch: Arch,
    source: Box<dyn Rows + 'a>,
    channels: usize,
    rows: [Vec<f32>; 2],
}

impl<'a> Halved<'a> {
    /// `width` is that of the source.
    pub(super) fn new(arch: Arch, source: impl Rows + 'a, width: usize, channels: usize) -> Self {
        Self {
            arch,
            source: Box::new(source),
            channels,
            rows: std::array::from_fn(|_| vec![0.0; width * channels]),
        }
    }
}

impl Rows for Halved<'_> {
    fn next(&mut self, output: &mut [f32]) {
        for row in &mut self.rows {
            self.source.next(row);
        }
        let [above, below] = &self.rows;
        self.arch.dispatch(Pool {
            rows: [above, below],
            channels: self.channels,
            output,
        });
    }
}

/// A whole map of 64 channels.
pub(super) struct Map {
    width: usize,
    numbers: Vec<f32>,
}

/// The channels of whole maps.
pub(super) const CHANNELS: usize = 64;

impl Map {
    pub(super) fn collect(mut rows: impl Rows, (width, height): (usize, usize)) -> Self {
        let mut numbers = vec![0.0; width * height * CHANNELS];
        for row in numbers.chunks_exact_mut(width * CHANNELS) {
            rows.next(row);
        }
        Self { width, numbers }
    }

    pub(super) fn rows(&self) -> MapRows<'_> {
        MapRows {
            map: self,
            smaller: None,
            taken: 0,
        }
    }

    /// The rows, to which those of a map half as large are added.
    pub(super) fn rows_plus<'a>(&'a self, smaller: &'a Self) -> MapRows<'a> {
        MapRows {
            smaller: Some(smaller),
            ..self.rows()
        }
    }

    fn row(&self, y: usize) -> &[f32] {
        let length = self.width * CHANNELS;
        &self.numbers[y * length..][..length]
    }
}

pub(super) struct MapRows<'a> {
    map: &'a Map,
    smaller: Option<&'a Map>,
    taken: usize,
}

impl Rows for MapRows<'_> {
    fn next(&mut self, row: &mut [f32]) {
        row.copy_from_slice(self.map.row(self.taken));
        if let Some(smaller) = self.smaller {
            let (pairs, _) = row.as_chunks_mut::<{ 2 * CHANNELS }>();
            let (added, _) = smaller.row(self.taken / 2).as_chunks::<CHANNELS>();
            for (pair, added) in pairs.iter_mut().zip(added) {
                for (number, added) in pair.iter_mut().zip(added.iter().chain(added)) {
                    *number += added;
                }
            }
        }
        self.taken += 1;
    }
}
