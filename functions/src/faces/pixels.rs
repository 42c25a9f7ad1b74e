//! The input of the network: a picture with its brightness adjusted.

/// How bright each of the 256 levels of a picture is to appear, from 0 to 255.
pub(super) struct Levels(pub(super) [f32; 256]);

impl Default for Levels {
    fn default() -> Self {
        Self(std::array::from_fn(|level| level as f32))
    }
}

/// A picture, three bytes a pixel.
#[derive(Clone)]
pub(super) struct Pixels<'a> {
    pub(super) width: usize,
    pub(super) height: usize,
    pub(super) rgb: &'a [u8],
    pub(super) levels: &'a Levels,
}

impl Pixels<'_> {
    /// Writes a row, and zeros for what lies to the right of the picture or below it.
    pub(super) fn row(&self, y: usize, row: &mut [f32]) {
        if y >= self.height {
            row.fill(0.0);
            return;
        }
        let bytes = &self.rgb[y * self.width * 3..][..self.width * 3];
        let (inside, outside) = row.split_at_mut(bytes.len());
        for (number, byte) in inside.iter_mut().zip(bytes) {
            *number = self.levels.0[usize::from(*byte)];
        }
        outside.fill(0.0);
    }
}
