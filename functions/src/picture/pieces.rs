//! The input of decoders, and the meaning of their errors.

use std::io::{self, BufRead, ErrorKind, Read, Seek, SeekFrom};

use super::Refusal;

/// Parts of a file, read as one.
pub(super) struct Pieces<'a> {
    pieces: Vec<&'a [u8]>,
    /// The piece that is being read, and how much of it has been.
    at: usize,
    inside: usize,
}

impl<'a> Pieces<'a> {
    pub(super) fn new(pieces: impl IntoIterator<Item = &'a [u8]>) -> Self {
        Self {
            pieces: pieces.into_iter().collect(),
            at: 0,
            inside: 0,
        }
    }

    fn length(&self) -> u64 {
        self.pieces.iter().map(|piece| piece.len() as u64).sum()
    }
}

impl Read for Pieces<'_> {
    fn read(&mut self, target: &mut [u8]) -> io::Result<usize> {
        let available = self.fill_buf()?;
        let length = available.len().min(target.len());
        target[..length].copy_from_slice(&available[..length]);
        self.consume(length);
        Ok(length)
    }
}

impl BufRead for Pieces<'_> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        while let Some(piece) = self.pieces.get(self.at) {
            if self.inside < piece.len() {
                return Ok(&piece[self.inside..]);
            }
            self.at += 1;
            self.inside = 0;
        }
        Ok(&[])
    }

    fn consume(&mut self, amount: usize) {
        self.inside += amount;
    }
}

impl Seek for Pieces<'_> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let before: u64 = self.pieces[..self.at.min(self.pieces.len())]
            .iter()
            .map(|piece| piece.len() as u64)
            .sum();
        let position = match to {
            SeekFrom::Start(position) => Some(position),
            SeekFrom::End(distance) => self.length().checked_add_signed(distance),
            SeekFrom::Current(distance) => {
                (before + self.inside as u64).checked_add_signed(distance)
            }
        };
        let position = position.ok_or(ErrorKind::InvalidInput)?;
        let mut rest = usize::try_from(position).map_err(|_| ErrorKind::InvalidInput)?;
        self.at = 0;
        while let Some(piece) = self.pieces.get(self.at)
            && rest > piece.len()
        {
            rest -= piece.len();
            self.at += 1;
        }
        self.inside = rest;
        Ok(position)
    }
}

/// Tells a file that is cut short from a damaged one by a decoder's error, which each decoder words
/// differently.
pub(super) fn refusal(error: impl std::error::Error) -> Refusal {
    let what = error.to_string();
    let lower = what.to_lowercase();
    let ends_early = [
        "end of file",
        "unexpected end",
        "unexpectedeof",
        "fill whole buffer",
        "too short",
        "not have enough data",
    ];
    if ends_early.iter().any(|sign| lower.contains(sign)) {
        Refusal::truncated()
    } else {
        Refusal::damaged(&what)
    }
}
