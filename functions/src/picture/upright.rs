//! The representation of pixels that all steps work on.

use std::fmt;

use super::Refusal;

/// A picture as people see it: upright, 8-bit sRGB, opaque, three bytes a pixel, rows without
/// padding.
#[derive(Clone, PartialEq, Eq)]
pub struct Upright {
    /// Width in pixels, at least 1.
    pub width: u32,
    /// Height in pixels, at least 1.
    pub height: u32,
    rgb: Vec<u8>,
}

impl Upright {
    /// A picture from its pixels, if there are `width * height * 3` bytes and no side is zero.
    pub fn new(width: u32, height: u32, rgb: Vec<u8>) -> Option<Self> {
        let expected = (width as usize)
            .checked_mul(height as usize)?
            .checked_mul(3)?;
        (expected > 0 && rgb.len() == expected).then_some(Self { width, height, rgb })
    }

    /// The pixels, row by row from the top, as red, green and blue.
    pub fn rgb(&self) -> &[u8] {
        &self.rgb
    }

    /// The pixels for changing in place.
    pub fn rgb_mut(&mut self) -> &mut [u8] {
        &mut self.rgb
    }

    /// The pixels by themselves.
    pub fn into_rgb(self) -> Vec<u8> {
        self.rgb
    }

    /// The colour at a place inside the picture.
    ///
    /// # Panics
    /// If the place is outside.
    pub fn pixel(&self, x: u32, y: u32) -> [u8; 3] {
        assert!(x < self.width && y < self.height, "outside the picture");
        let at = (y as usize * self.width as usize + x as usize) * 3;
        [self.rgb[at], self.rgb[at + 1], self.rgb[at + 2]]
    }

    /// A part of the picture, by its left, top, width and height, in the same memory.
    pub(super) fn cropped(mut self, [left, top, width, height]: [u32; 4]) -> Self {
        if (left, top, width, height) == (0, 0, self.width, self.height) {
            return self;
        }
        let (stride, row) = (self.width as usize * 3, width as usize * 3);
        for y in 0..height as usize {
            let from = (y + top as usize) * stride + left as usize * 3;
            self.rgb.copy_within(from..from + row, y * row);
        }
        self.rgb.truncate(row * height as usize);
        Self {
            width,
            height,
            rgb: self.rgb,
        }
    }

    /// The picture on a white canvas of another size, cut off at its edges.
    pub(super) fn on_canvas(
        &self,
        (width, height): (u32, u32),
        (left, top): (u32, u32),
    ) -> Result<Self, Refusal> {
        let row = width as usize * 3;
        let mut rgb = vec![255; row * height as usize];
        let rows = rgb.chunks_exact_mut(row.max(1)).skip(top as usize);
        for (target, source) in rows.zip(self.rgb.chunks_exact(self.width as usize * 3)) {
            let target = target.get_mut(left as usize * 3..).unwrap_or_default();
            let length = target.len().min(source.len());
            target[..length].copy_from_slice(&source[..length]);
        }
        Self::new(width, height, rgb).ok_or_else(Refusal::truncated)
    }

    /// The picture made to fit a square of `size` pixels with a Lanczos filter; a copy of
    /// itself if it fits already.
    #[must_use]
    pub fn fitting(&self, size: u32) -> Self {
        super::resize::fitting(self, size).unwrap_or_else(|| self.clone())
    }
}

impl fmt::Debug for Upright {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Upright({} × {})", self.width, self.height)
    }
}
