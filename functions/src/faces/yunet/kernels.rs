//! The inner loops of the network, written once for all vector widths: AVX-512, AVX2 and NEON where they
//! are found at run time, scalar arithmetic elsewhere. A map is rows of pixels, and a pixel its channels
//! one after the other.

use pulp::{Simd, WithSimd};

use super::weights::{Depthwise, Pointwise};

/// Pixels of a row that a depthwise convolution finishes before the next channels: three rows of
/// as many pixels with 64 channels fit into the first-level cache.
const STRIP: usize = 32;

/// A convolution that takes, for each pixel, `LEN` neighbouring numbers from each of `ROWS` rows:
/// for a pointwise one the pixel's channels, for the first one three pixels from three rows.
pub(super) struct Convolve<'a, const ROWS: usize, const LEN: usize> {
    pub(super) rows: [&'a [f32]; ROWS],
    /// How far the numbers of neighbouring pixels are apart.
    pub(super) step: usize,
    pub(super) layer: &'a Pointwise,
    pub(super) relu: bool,
    pub(super) output: &'a mut [f32],
}

impl<const ROWS: usize, const LEN: usize> WithSimd for Convolve<'_, ROWS, LEN> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        // Pixels × vectors: as many sums at once as there are registers for. The number of lanes is
        // a constant, so that only one of the branches is compiled.
        let narrow = self.layer.block == 8;
        if S::F32_LANES == 16 {
            match narrow {
                true => half_as_wide(self),
                false => self.run::<S, 12, 1>(simd),
            }
        } else if S::F32_LANES == 8 {
            match narrow {
                true => self.run::<S, 8, 1>(simd),
                false => self.run::<S, 6, 2>(simd),
            }
        } else if S::F32_LANES == 4 {
            match narrow {
                true => self.run::<S, 8, 2>(simd),
                false => self.run::<S, 4, 4>(simd),
            }
        } else {
            assert_eq!(S::F32_LANES, 1, "vectors of 16, 8, 4 or 1 are provided for");
            match narrow {
                true => self.run::<S, 2, 8>(simd),
                false => self.run::<S, 2, 16>(simd),
            }
        }
    }
}

impl<const ROWS: usize, const LEN: usize> Convolve<'_, ROWS, LEN> {
    #[inline(always)]
    fn run<S: Simd, const PIXELS: usize, const VECTORS: usize>(mut self, simd: S) {
        let pixels = self.output.len() / self.layer.outputs;
        let whole = pixels - pixels % PIXELS;
        for x in (0..whole).step_by(PIXELS) {
            self.tile::<S, PIXELS, VECTORS>(simd, x);
        }
        for x in whole..pixels {
            self.tile::<S, 1, VECTORS>(simd, x);
        }
    }

    #[inline(always)]
    fn tile<S: Simd, const PIXELS: usize, const VECTORS: usize>(&mut self, simd: S, x: usize) {
        let layer = self.layer;
        let inputs: [[&[f32; LEN]; PIXELS]; ROWS] = std::array::from_fn(|row| {
            std::array::from_fn(|pixel| {
                let at = (x + pixel) * self.step;
                self.rows[row][at..]
                    .first_chunk()
                    .expect("a row has all of its pixels")
            })
        });
        let blocks = layer.weights.chunks_exact(ROWS * LEN * layer.block);
        let biases = layer.biases.chunks_exact(layer.block);
        for (n, (weights, biases)) in blocks.zip(biases).enumerate() {
            let (biases, _) = S::as_simd_f32s(biases).0.as_chunks::<VECTORS>();
            let mut sums = [biases[0]; PIXELS];
            for (inputs, weights) in inputs.iter().zip(weights.chunks_exact(LEN * layer.block)) {
                let (weights, _) = S::as_simd_f32s(weights).0.as_chunks::<VECTORS>();
                let weights: &[[S::f32s; VECTORS]; LEN] =
                    weights.first_chunk().expect("a weight for each input");
                for i in 0..LEN {
                    for (sums, input) in sums.iter_mut().zip(inputs) {
                        let input = simd.splat_f32s(input[i]);
                        for (sum, weight) in sums.iter_mut().zip(weights[i]) {
                            *sum = simd.mul_add_e_f32s(weight, input, *sum);
                        }
                    }
                }
            }
            for (pixel, sums) in sums.into_iter().enumerate() {
                let at = (x + pixel) * layer.outputs + n * layer.block;
                let (output, _) = S::as_mut_simd_f32s(&mut self.output[at..at + layer.block]);
                for (output, sum) in output.iter_mut().zip(sums) {
                    *output = rectified(simd, sum, self.relu);
                }
            }
        }
    }
}

/// A depthwise 3 × 3 convolution: one row out of three, which have a pixel of zeros on either
/// side.
pub(super) struct ConvolveDepthwise<'a> {
    pub(super) rows: [&'a [f32]; 3],
    pub(super) layer: &'a Depthwise,
    pub(super) relu: bool,
    pub(super) output: &'a mut [f32],
}

impl WithSimd for ConvolveDepthwise<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let channels = self.layer.biases.len();
        if S::F32_LANES == 16 {
            match channels {
                8 => half_as_wide(self),
                16 => self.run::<S, 1>(simd),
                32 => self.run::<S, 2>(simd),
                _ => self.run::<S, 4>(simd),
            }
        } else if S::F32_LANES == 8 {
            match channels {
                8 => self.run::<S, 1>(simd),
                16 => self.run::<S, 2>(simd),
                32 => self.run::<S, 4>(simd),
                _ => self.run::<S, 8>(simd),
            }
        } else if S::F32_LANES == 4 {
            match channels {
                8 => self.run::<S, 2>(simd),
                16 => self.run::<S, 4>(simd),
                32 => self.run::<S, 8>(simd),
                _ => self.run::<S, 16>(simd),
            }
        } else {
            assert_eq!(S::F32_LANES, 1, "vectors of 16, 8, 4 or 1 are provided for");
            match channels {
                8 => self.run::<S, 8>(simd),
                16 => self.run::<S, 16>(simd),
                32 => self.run::<S, 32>(simd),
                _ => self.run::<S, 64>(simd),
            }
        }
    }
}

impl ConvolveDepthwise<'_> {
    #[inline(always)]
    fn run<S: Simd, const VECTORS: usize>(self, simd: S) {
        let rows: [&[[S::f32s; VECTORS]]; 3] = self.rows.map(|row| pixels_of::<S, VECTORS>(row));
        let weights = pixels_of::<S, VECTORS>(&self.layer.weights);
        let biases = pixels_of::<S, VECTORS>(&self.layer.biases)[0];
        let (output, _) = S::as_mut_simd_f32s(self.output);
        let (output, _) = output.as_chunks_mut::<VECTORS>();
        for (strip, output) in output.chunks_mut(STRIP).enumerate() {
            let rows = rows.map(|row| &row[strip * STRIP..][..output.len() + 2]);
            for (c, bias) in biases.into_iter().enumerate() {
                let weights: [S::f32s; 9] = std::array::from_fn(|n| weights[n][c]);
                let windows = rows[0].windows(3).zip(rows[1].windows(3));
                for (output, ((above, here), below)) in
                    output.iter_mut().zip(windows.zip(rows[2].windows(3)))
                {
                    let mut sum = bias;
                    for (row, weights) in [above, here, below]
                        .into_iter()
                        .zip(weights.as_chunks::<3>().0)
                    {
                        for (pixel, weight) in row.iter().zip(weights) {
                            sum = simd.mul_add_e_f32s(pixel[c], *weight, sum);
                        }
                    }
                    output[c] = rectified(simd, sum, self.relu);
                }
            }
        }
    }
}

/// The larger of each two pixels in each direction: one row out of two.
pub(super) struct Pool<'a> {
    pub(super) rows: [&'a [f32]; 2],
    pub(super) channels: usize,
    pub(super) output: &'a mut [f32],
}

impl WithSimd for Pool<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        if self.channels < S::F32_LANES {
            return half_as_wide(self);
        }
        let [above, below] = self.rows.map(|row| row.chunks_exact(2 * self.channels));
        let output = self.output.chunks_exact_mut(self.channels);
        for (output, (above, below)) in output.zip(above.zip(below)) {
            let (left, right) = above.split_at(self.channels);
            let (lower_left, lower_right) = below.split_at(self.channels);
            let [a, b, c, d] =
                [left, right, lower_left, lower_right].map(|pixel| S::as_simd_f32s(pixel).0.iter());
            let output = S::as_mut_simd_f32s(output).0.iter_mut();
            for (output, ((a, b), (c, d))) in output.zip(a.zip(b).zip(c.zip(d))) {
                *output = simd.max_f32s(simd.max_f32s(*a, *b), simd.max_f32s(*c, *d));
            }
        }
    }
}

/// Runs a loop over pixels of 8 channels with AVX2, on a processor whose vectors have 16 lanes.
fn half_as_wide<L: WithSimd>(inner_loop: L) -> L::Output {
    #[cfg(target_arch = "x86_64")]
    if let Some(avx2) = pulp::x86::V3::try_new() {
        return Simd::vectorize(avx2, inner_loop);
    }
    pulp::Arch::Scalar.dispatch(inner_loop)
}

#[inline(always)]
fn rectified<S: Simd>(simd: S, value: S::f32s, relu: bool) -> S::f32s {
    if relu {
        simd.max_f32s(value, simd.splat_f32s(0.0))
    } else {
        value
    }
}

/// A row as pixels of so many vectors.
#[inline(always)]
fn pixels_of<S: Simd, const VECTORS: usize>(row: &[f32]) -> &[[S::f32s; VECTORS]] {
    S::as_simd_f32s(row).0.as_chunks().0
}
