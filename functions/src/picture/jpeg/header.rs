//! The marker segments of a JPEG (ITU T.81, annex B), read without decoding anything.

use std::borrow::Cow;
use std::collections::BTreeMap;

use super::Refusal;

const SOI: u8 = 0xD8;
const EOI: u8 = 0xD9;
const SOS: u8 = 0xDA;

/// What the segments before the pixels say.
#[derive(Debug)]
pub(in crate::picture) struct Header<'a> {
    /// Width in pixels, as stored.
    pub(in crate::picture) width: u32,
    /// Height in pixels, as stored.
    pub(in crate::picture) height: u32,
    /// The EXIF block after its `Exif\0\0`.
    pub(in crate::picture) exif: Option<&'a [u8]>,
    /// Whether there is an end-of-image marker.
    pub(in crate::picture) ended: bool,
    icc: BTreeMap<u8, &'a [u8]>,
    icc_chunks: u8,
    /// Segments with their markers, up to the first scan; kept only if the file needs mending.
    segments: Vec<&'a [u8]>,
    scan: usize,
    mend: bool,
}

impl<'a> Header<'a> {
    /// Walks the segments up to the first scan.
    pub(in crate::picture) fn read(bytes: &'a [u8]) -> Result<Self, Refusal> {
        let mut header = Self {
            width: 0,
            height: 0,
            exif: None,
            ended: false,
            icc: BTreeMap::new(),
            icc_chunks: 0,
            segments: Vec::new(),
            scan: 0,
            mend: false,
        };
        let mut at = 2;
        let mut framed = false;
        loop {
            let start = next_marker(bytes, at).ok_or_else(Refusal::truncated)?;
            header.mend |= bytes[at..start].iter().any(|byte| *byte != 0xFF);
            let marker = bytes[start + 1];
            match marker {
                // Markers that stand alone.
                0x01 | 0xD0..=0xD7 => {
                    at = start + 2;
                    continue;
                }
                SOI => return Err(Refusal::damaged("it begins twice")),
                EOI => return Err(Refusal::damaged("it ends before its first pixel")),
                _ => {}
            }
            if marker == SOS {
                header.scan = start;
                break;
            }
            let length = bytes
                .get(start + 2..start + 4)
                .map(|length| usize::from(u16::from_be_bytes([length[0], length[1]])))
                .ok_or_else(Refusal::truncated)?;
            if length < 2 {
                return Err(Refusal::damaged("a segment has no length"));
            }
            let end = start + 2 + length;
            let body = bytes.get(start + 4..end).ok_or_else(Refusal::truncated)?;
            match marker {
                // Every start of frame; 0xC4, 0xC8 and 0xCC are other things.
                0xC0..=0xC3 | 0xC5..=0xC7 | 0xC9..=0xCB | 0xCD..=0xCF if !framed => {
                    let [_, h1, h2, w1, w2, ..] = body else {
                        return Err(Refusal::damaged("its frame has no size"));
                    };
                    header.height = u16::from_be_bytes([*h1, *h2]).into();
                    header.width = u16::from_be_bytes([*w1, *w2]).into();
                    framed = true;
                }
                0xE0
                    // libjpeg warns of JFIF versions it does not know, for no consequence.
                    if body.starts_with(b"JFIF\0") && !matches!(body.get(5), Some(1 | 2)) => {
                        header.mend = true;
                        at = end;
                        continue;
                    }
                0xE1 => {
                    if let Some(exif) = body.strip_prefix(b"Exif\0\0") {
                        header.exif.get_or_insert(exif);
                    }
                }
                0xE2 => header.keep_icc(body),
                _ => {}
            }
            header.segments.push(&bytes[start..end]);
            at = end;
        }
        if !framed {
            return Err(Refusal::damaged("it has no frame"));
        }
        header.ended = ends(bytes, header.scan);
        Ok(header)
    }

    /// The colour profile, if all of its chunks are there (ICC.1:2022, annex B.4).
    pub(in crate::picture) fn icc(&self) -> Option<Vec<u8>> {
        let complete =
            self.icc_chunks > 0 && (1..=self.icc_chunks).all(|n| self.icc.contains_key(&n));
        complete.then(|| self.icc.values().copied().collect::<Vec<_>>().concat())
    }

    fn keep_icc(&mut self, body: &'a [u8]) {
        if let Some([number, count, data @ ..]) = body.strip_prefix(b"ICC_PROFILE\0")
            && *number >= 1
            && number <= count
        {
            self.icc.entry(*number).or_insert(data);
            self.icc_chunks = *count;
        }
    }

    /// The bytes as libjpeg wants them, copied only if they need mending: stray bytes between
    /// segments left out, and an end added to a file without one. If every pixel is there, this
    /// takes away the warning, and if pixels are missing, it does not.
    pub(super) fn repaired(&self, bytes: &'a [u8]) -> Cow<'a, [u8]> {
        if self.ended && !self.mend {
            return Cow::Borrowed(bytes);
        }
        let mut mended = Vec::with_capacity(bytes.len() + 2);
        mended.extend([0xFF, SOI]);
        for segment in &self.segments {
            mended.extend_from_slice(segment);
        }
        mended.extend_from_slice(&bytes[self.scan..]);
        if !self.ended {
            mended.extend([0xFF, EOI]);
        }
        Cow::Owned(mended)
    }
}

/// Where the next marker begins, from `at` on: a byte 0xFF with something behind it that is
/// neither fill nor a stuffed zero.
fn next_marker(bytes: &[u8], at: usize) -> Option<usize> {
    let mut from = at;
    loop {
        let found = from + bytes.get(from..)?.iter().position(|byte| *byte == 0xFF)?;
        match bytes.get(found + 1)? {
            0x00 => from = found + 2,
            0xFF => from = found + 1,
            _ => return Some(found),
        }
    }
}

/// Whether an end-of-image marker follows the scans. Nearly always it is the last thing in the
/// file; otherwise the scans have to be walked.
fn ends(bytes: &[u8], scan: usize) -> bool {
    if bytes.ends_with(&[0xFF, EOI]) {
        return true;
    }
    let mut at = scan;
    while let Some(found) = next_marker(bytes, at) {
        at = found + 2;
        match bytes[found + 1] {
            EOI => return true,
            0x01 | 0xD0..=0xD7 => {}
            _ => {
                let Some(length) = bytes.get(at..at + 2) else {
                    return false;
                };
                at += usize::from(u16::from_be_bytes([length[0], length[1]])).max(2);
            }
        }
    }
    false
}
