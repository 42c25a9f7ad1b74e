//! The marker segments of a JPEG (ITU T.81, annex B), read without decoding anything.

use std::borrow::Cow;
use std::collections::BTreeMap;

use super::super::limits::{MAX_EXIF_BLOCKS, MAX_PARTS, MAX_PROFILE, MAX_STRAY};
use super::{Refusal, colour};

const SOI: u8 = 0xD8;
const EOI: u8 = 0xD9;
const SOS: u8 = 0xDA;
const APP14: u8 = 0xEE;

/// Adobe's segment that says that three channels are YCbCr, and four are YCCK.
const ADOBE_YCC: &[u8] = b"\xFF\xEE\0\x0EAdobe\0\x64\0\0\0\0\x01";
const ADOBE_YCCK: &[u8] = b"\xFF\xEE\0\x0EAdobe\0\x64\0\0\0\0\x02";

/// The facts from the segments before the pixels.
#[derive(Debug)]
pub(in crate::picture) struct Header<'a> {
    pub(super) bytes: &'a [u8],
    /// Width in pixels, as stored.
    pub(super) width: u32,
    /// Height in pixels, as stored.
    pub(super) height: u32,
    /// EXIF blocks after their `Exif\0\0`.
    pub(super) exif: Vec<&'a [u8]>,
    /// The components of the frame; none as long as there was no frame.
    components: Vec<Component>,
    pub(super) lossless: bool,
    /// Whether libjpeg has to keep all coefficients before the first pixel is made.
    pub(super) several_scans: bool,
    profile: Profile<'a>,
    adobe_transform: Option<u8>,
    /// Segments with their markers, up to the first scan; needed if the file is to be mended.
    segments: Vec<&'a [u8]>,
    scan: usize,
    /// Whether libjpeg warns about this header although its pixels are unaffected.
    odd: bool,
}

#[derive(Debug)]
struct Component {
    id: u8,
    across: u64,
    down: u64,
}

/// The segments with parts of a colour profile (ICC.1:2022, annex B.4).
#[derive(Debug, Default)]
struct Profile<'a> {
    parts: BTreeMap<u8, &'a [u8]>,
    count: Option<u8>,
    broken: bool,
}

/// The facts from the scans.
#[derive(Debug)]
pub(super) struct Scans {
    pub(super) count: usize,
    /// Whether there is an end-of-image marker.
    pub(super) ended: bool,
    /// Whether each component is in one of the scans.
    pub(super) complete: bool,
    /// Where the last scan ends.
    end: usize,
}

impl<'a> Profile<'a> {
    fn keep(&mut self, body: &'a [u8]) {
        let Some([number, count, data @ ..]) = body.strip_prefix(b"ICC_PROFILE\0") else {
            return;
        };
        self.broken |= *self.count.get_or_insert(*count) != *count
            || *number == 0
            || number > count
            || self.parts.insert(*number, data).is_some();
    }

    /// Whether the parts do not fit together. Then libjpeg warns, and browsers ignore the profile.
    fn is_unusable(&self) -> bool {
        let parts = self.parts.len();
        self.broken
            || self
                .count
                .is_some_and(|count| parts != usize::from(count) || self.length() == 0)
    }

    fn length(&self) -> usize {
        self.parts.values().map(|part| part.len()).sum()
    }

    fn bytes(&self) -> Option<Vec<u8>> {
        let usable = self.count.is_some() && !self.is_unusable() && self.length() <= MAX_PROFILE;
        usable.then(|| self.parts.values().copied().collect::<Vec<_>>().concat())
    }
}

impl<'a> Header<'a> {
    /// Walks the segments up to the first scan.
    pub(in crate::picture) fn read(bytes: &'a [u8]) -> Result<Self, Refusal> {
        let mut header = Self {
            bytes,
            width: 0,
            height: 0,
            exif: Vec::new(),
            components: Vec::new(),
            lossless: false,
            several_scans: false,
            profile: Profile::default(),
            adobe_transform: None,
            segments: Vec::new(),
            scan: 0,
            odd: false,
        };
        header.walk()?;
        if header.components.is_empty() {
            return Err(Refusal::damaged("it has no frame"));
        }
        let in_first_scan = bytes.get(header.scan + 4).copied().unwrap_or_default();
        header.several_scans |= usize::from(in_first_scan) < header.components.len();
        header.odd |= header.profile.is_unusable() || header.has_odd_transform();
        Ok(header)
    }

    fn walk(&mut self) -> Result<(), Refusal> {
        let bytes = self.bytes;
        let (mut at, mut stray, mut parts) = (2, 0, 0);
        loop {
            let reach = at + MAX_STRAY - stray;
            let start =
                next_marker(&bytes[..reach.min(bytes.len())], at).ok_or_else(|| {
                    match reach < bytes.len() {
                        true => Refusal::damaged("there is no picture in it"),
                        false => Refusal::truncated(),
                    }
                })?;
            stray += start - at;
            parts += 1;
            if parts > MAX_PARTS {
                return Err(Refusal::excessive(&format!(
                    "more than {MAX_PARTS} segments"
                )));
            }
            self.odd |= bytes[at..start].iter().any(|byte| *byte != 0xFF);
            let marker = bytes[start + 1];
            match marker {
                // Markers that stand alone.
                0x01 | 0xD0..=0xD7 => {
                    at = start + 2;
                    continue;
                }
                SOI => return Err(Refusal::damaged("it begins twice")),
                EOI => return Err(Refusal::damaged("it ends before its first pixel")),
                SOS => {
                    self.scan = start;
                    return Ok(());
                }
                _ => {}
            }
            let end = segment_end(bytes, start)?;
            let body = bytes.get(start + 4..end).ok_or_else(Refusal::truncated)?;
            match marker {
                // Every start of frame; 0xC4, 0xC8 and 0xCC are other things.
                0xC0..=0xC3 | 0xC5..=0xC7 | 0xC9..=0xCB | 0xCD..=0xCF | 0xF7
                    if self.components.is_empty() =>
                {
                    self.read_frame(marker, body)?;
                }
                // libjpeg warns of JFIF versions it does not know.
                0xE0 if body.starts_with(b"JFIF\0") && !matches!(body.get(5), Some(1 | 2)) => {
                    self.odd = true;
                    at = end;
                    continue;
                }
                0xE1 => {
                    if let Some(exif) = body.strip_prefix(b"Exif\0\0")
                        && self.exif.len() < MAX_EXIF_BLOCKS
                    {
                        self.exif.push(exif);
                    }
                }
                0xE2 => self.profile.keep(body),
                APP14 if body.starts_with(b"Adobe") && body.len() >= 12 => {
                    self.adobe_transform = Some(body[11]);
                }
                _ => {}
            }
            self.segments.push(&bytes[start..end]);
            at = end;
        }
    }

    /// Tells a damaged frame from a kind of JPEG that is not supported.
    fn read_frame(&mut self, marker: u8, body: &[u8]) -> Result<(), Refusal> {
        let [precision, h1, h2, w1, w2, count, components @ ..] = body else {
            return Err(Refusal::damaged("its frame has no size"));
        };
        self.height = u16::from_be_bytes([*h1, *h2]).into();
        self.width = u16::from_be_bytes([*w1, *w2]).into();
        self.lossless = marker == 0xC3;
        self.several_scans = matches!(marker, 0xC2 | 0xCA);
        let unsupported = match (marker, precision, count) {
            (0xF7, ..) => Some("a JPEG-LS".to_owned()),
            (0xC5..=0xC7 | 0xCD..=0xCF, ..) => Some("a hierarchical JPEG".to_owned()),
            (0xCB, ..) => Some("a lossless JPEG with arithmetic coding".to_owned()),
            (0xC3, 2..=7 | 9..=16, _) => {
                Some(format!("a lossless JPEG with {precision} bits a colour"))
            }
            (_, 12, _) => Some("a JPEG with 12 bits a colour".to_owned()),
            (_, 8, 2 | 5..) => Some(format!("a JPEG with {count} channels")),
            _ => None,
        };
        if let Some(what) = unsupported {
            return Err(Refusal::unsupported(&what));
        }
        let (components, _) = components.as_chunks::<3>();
        if *precision != 8 || *count == 0 || components.len() != usize::from(*count) {
            return Err(Refusal::damaged("its frame makes no sense"));
        }
        self.components = components
            .iter()
            .map(|[id, sampling, _]| Component {
                id: *id,
                across: u64::from(sampling >> 4),
                down: u64::from(sampling & 0xF),
            })
            .collect();
        let factors = 1..=4;
        if !self
            .components
            .iter()
            .all(|it| factors.contains(&it.across) && factors.contains(&it.down))
        {
            return Err(Refusal::damaged("its frame makes no sense"));
        }
        Ok(())
    }

    /// Whether there is one channel.
    pub(super) fn is_grey(&self) -> bool {
        self.components.len() == 1
    }

    /// Whether there are four channels.
    pub(super) fn is_cmyk(&self) -> bool {
        self.components.len() == 4
    }

    /// The colour profile, if all of its parts are there.
    pub(super) fn icc(&self) -> Option<Vec<u8>> {
        self.profile.bytes()
    }

    /// Memory for the profile and the tables that are made from it, in bytes.
    pub(super) fn profile_memory(&self) -> u64 {
        match self.profile.length() {
            0 => 0,
            length => colour::memory(length.min(MAX_PROFILE)),
        }
    }

    /// Bytes of all coefficients, two for each: blocks of 8 × 8, filled up to whole units.
    pub(super) fn coefficients(&self) -> u64 {
        let most = |side: fn(&Component) -> u64| self.components.iter().map(side).max();
        let across = most(|it| it.across).unwrap_or(1);
        let down = most(|it| it.down).unwrap_or(1);
        let units =
            u64::from(self.width).div_ceil(8 * across) * u64::from(self.height).div_ceil(8 * down);
        let blocks: u64 = self.components.iter().map(|it| it.across * it.down).sum();
        units * blocks * 128
    }

    fn has_odd_transform(&self) -> bool {
        match (self.components.len(), self.adobe_transform) {
            (3, Some(transform)) => transform > 1,
            (4, Some(transform)) => !matches!(transform, 0 | 2),
            _ => false,
        }
    }

    /// Whether parts have to be left out so that a warning of libjpeg means missing pixels.
    pub(super) fn is_odd(&self) -> bool {
        self.odd
    }

    /// Goes through the scans, up to the end of the picture or to data that a phone or an editor
    /// appended.
    pub(super) fn scans(&self) -> Scans {
        let bytes = self.bytes;
        let mut scans = Scans {
            count: 0,
            ended: false,
            complete: false,
            end: self.scan,
        };
        let mut seen = vec![false; self.components.len()];
        let mut at = self.scan;
        while let Some(start) = next_marker(bytes, at) {
            let marker = bytes[start + 1];
            if scans.count > 0 && at == scans.end {
                scans.end = start;
            }
            match marker {
                0x01 | 0xD0..=0xD7 => {
                    at = start + 2;
                    if scans.end == start {
                        scans.end = at;
                    }
                }
                EOI => {
                    scans.ended = true;
                    break;
                }
                SOS => {
                    let Ok(end) = segment_end(bytes, start) else {
                        break;
                    };
                    let Some([count, rest @ ..]) = bytes.get(start + 4..end) else {
                        break;
                    };
                    for selector in rest.chunks(2).take(usize::from(*count)) {
                        for (component, seen) in self.components.iter().zip(&mut seen) {
                            *seen |= component.id == selector[0];
                        }
                    }
                    scans.count += 1;
                    at = end;
                    scans.end = end;
                }
                // Tables, a late height, comments, application data.
                0xC4 | 0xCC | 0xDB..=0xDD | 0xE0..=0xEF | 0xFE => match segment_end(bytes, start) {
                    Ok(end) if end <= bytes.len() => at = end,
                    _ => break,
                },
                _ => break,
            }
        }
        if !scans.ended && at == scans.end && next_marker(bytes, at).is_none() {
            scans.end = bytes.len();
        }
        scans.complete = seen.iter().all(|seen| *seen);
        scans
    }

    /// The file without the parts that libjpeg warns about, and with an end-of-image marker after the
    /// last scan. Afterwards libjpeg warns only if pixels are missing.
    pub(super) fn mended(&self, scans: &Scans) -> Cow<'a, [u8]> {
        let mut mended = Vec::with_capacity(scans.end - self.scan + (64 << 10));
        mended.extend([0xFF, SOI]);
        for segment in &self.segments {
            match segment[1] {
                0xE1..=0xED | 0xEF | 0xFE => {}
                APP14 if self.has_odd_transform() => {}
                _ => mended.extend_from_slice(segment),
            }
        }
        if self.has_odd_transform() {
            mended.extend_from_slice(if self.is_cmyk() {
                ADOBE_YCCK
            } else {
                ADOBE_YCC
            });
        }
        mended.extend_from_slice(&self.bytes[self.scan..scans.end]);
        mended.extend([0xFF, EOI]);
        Cow::Owned(mended)
    }
}

/// Where the segment ends whose marker is at `start`.
fn segment_end(bytes: &[u8], start: usize) -> Result<usize, Refusal> {
    let length = bytes
        .get(start + 2..start + 4)
        .map(|length| usize::from(u16::from_be_bytes([length[0], length[1]])))
        .ok_or_else(Refusal::truncated)?;
    if length < 2 {
        return Err(Refusal::damaged("a segment has no length"));
    }
    Ok(start + 2 + length)
}

/// Where the next marker begins, from `at` on: a byte 0xFF with something behind it that is
/// neither fill nor a stuffed zero.
fn next_marker(bytes: &[u8], at: usize) -> Option<usize> {
    let mut from = at;
    loop {
        let found = from + memchr::memchr(0xFF, bytes.get(from..)?)?;
        match bytes.get(found + 1)? {
            0x00 => from = found + 2,
            0xFF => from = found + 1,
            _ => return Some(found),
        }
    }
}
