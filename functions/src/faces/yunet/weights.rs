//! The weights as `functions/weights/extract.py` writes them, laid out for the kernels.

use crate::faces::DetectError;

/// Outputs that are computed together: the width of all layers is a multiple of it, but that of
/// the heads, which are half as wide.
const BLOCK: usize = 16;

/// A convolution without neighbours, or the first one, whose inputs are 3 × 3 pixels.
pub(super) struct Pointwise {
    pub(super) outputs: usize,
    /// Outputs in a block.
    pub(super) block: usize,
    /// Block by block: for each input, the weight of each output.
    pub(super) weights: Vec<f32>,
    pub(super) biases: Vec<f32>,
}

/// A convolution of each channel by itself with its 3 × 3 neighbours.
pub(super) struct Depthwise {
    /// For each neighbour, the weight of each channel.
    pub(super) weights: Vec<f32>,
    pub(super) biases: Vec<f32>,
}

/// The unit of the network: a pointwise convolution, then a depthwise one.
pub(super) struct UnitWeights {
    pub(super) inputs: usize,
    pub(super) pointwise: Pointwise,
    pub(super) depthwise: Depthwise,
}

/// The file, read from front to back.
pub(super) struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    pub(super) fn new(file: &'a [u8]) -> Self {
        Self(file)
    }

    pub(super) fn pointwise(
        &mut self,
        inputs: usize,
        outputs: usize,
    ) -> Result<Pointwise, DetectError> {
        let rows = self.numbers(inputs * outputs)?;
        let block = BLOCK.min(outputs);
        let weights = (0..outputs / block)
            .flat_map(|n| {
                rows.chunks_exact(outputs)
                    .map(move |row| &row[n * block..][..block])
            })
            .flatten()
            .copied()
            .collect();
        Ok(Pointwise {
            outputs,
            block,
            weights,
            biases: self.numbers(outputs)?,
        })
    }

    pub(super) fn unit(
        &mut self,
        inputs: usize,
        outputs: usize,
    ) -> Result<UnitWeights, DetectError> {
        Ok(UnitWeights {
            inputs,
            pointwise: self.pointwise(inputs, outputs)?,
            depthwise: Depthwise {
                weights: self.numbers(9 * outputs)?,
                biases: self.numbers(outputs)?,
            },
        })
    }

    /// Checks that all bytes have been read.
    pub(super) fn finish(self) -> Result<(), DetectError> {
        match self.0.len() {
            0 => Ok(()),
            left => Err(DetectError(format!(
                "the weights are {left} bytes too long"
            ))),
        }
    }

    fn numbers(&mut self, count: usize) -> Result<Vec<f32>, DetectError> {
        let (bytes, rest) = self
            .0
            .split_at_checked(4 * count)
            .ok_or_else(|| DetectError("the weights end too early".to_owned()))?;
        self.0 = rest;
        let (words, _) = bytes.as_chunks();
        let numbers: Vec<f32> = words.iter().map(|word| f32::from_le_bytes(*word)).collect();
        if numbers.iter().all(|number| number.is_finite()) {
            Ok(numbers)
        } else {
            Err(DetectError("the weights are not all finite".to_owned()))
        }
    }
}
