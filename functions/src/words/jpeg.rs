//! The segments of a JPEG that hold words: XMP in APP1, IPTC-IIM in APP13. Pixels are not touched.

use super::xmp_write::XMP;
use super::{Words, xmp_write};

const SOI: [u8; 2] = [0xFF, 0xD8];
const APP0: u8 = 0xE0;
const APP1: u8 = 0xE1;
const APP13: u8 = 0xED;
const SOS: u8 = 0xDA;

/// Begins Photoshop's resources, one of which is IPTC-IIM.
const PHOTOSHOP: &[u8] = b"Photoshop 3.0\0";

/// Segments that are looked at.
const MAX_SEGMENTS: usize = 4096;
/// Bytes of IPTC-IIM that are read.
const MAX_IIM: usize = 256 << 10;

/// The same JPEG with these words as its XMP, in place of any that it had. The pixels stay byte for
/// byte. What is no JPEG comes back unchanged.
pub fn with_words(jpeg: &[u8], words: &Words) -> Vec<u8> {
    let Some(segments) = segments(jpeg) else {
        return jpeg.to_vec();
    };
    let mut written = Vec::with_capacity(jpeg.len() + 4096);
    written.extend_from_slice(&SOI);
    // JFIF wants its header first.
    let (header, others) = match segments.split_first() {
        Some(((APP0, header), others)) => (*header, others),
        _ => (&[][..], &segments[..]),
    };
    written.extend_from_slice(header);
    let mut rest = SOI.len() + header.len();
    if !words.is_empty() {
        let packet = xmp_write::packet(words);
        let length = 2 + XMP.len() + packet.len();
        written.extend_from_slice(&[0xFF, APP1]);
        // A packet is shorter than a segment may be.
        written.extend_from_slice(&u16::try_from(length).unwrap_or(u16::MAX).to_be_bytes());
        written.extend_from_slice(XMP);
        written.extend_from_slice(packet.as_bytes());
    }
    for (marker, segment) in others {
        rest += segment.len();
        if !is_xmp(*marker, segment) {
            written.extend_from_slice(segment);
        }
    }
    written.extend_from_slice(&jpeg[rest..]);
    written
}

/// Whether it is a JPEG that has XMP.
pub fn has_xmp(jpeg: &[u8]) -> bool {
    let segments = segments(jpeg).unwrap_or_default();
    segments
        .iter()
        .any(|(marker, segment)| is_xmp(*marker, segment))
}

fn is_xmp(marker: u8, segment: &[u8]) -> bool {
    marker == APP1 && segment[4..].starts_with(XMP)
}

/// The IPTC-IIM of a JPEG, put together from its segments.
pub(super) fn iim(jpeg: &[u8]) -> Option<Vec<u8>> {
    let mut resources = Vec::new();
    for (marker, segment) in segments(jpeg)? {
        let part = segment[4..].strip_prefix(PHOTOSHOP);
        if let Some(part) = part.filter(|_| marker == APP13)
            && resources.len() + part.len() <= MAX_IIM
        {
            resources.extend_from_slice(part);
        }
    }
    iim_resource(&resources).map(<[u8]>::to_vec)
}

/// The resource 0x0404 among Photoshop's: `8BIM`, a number, a name of even length, and the data, of
/// even length as well.
fn iim_resource(mut rest: &[u8]) -> Option<&[u8]> {
    loop {
        let [b'8', b'B', b'I', b'M', n1, n2, name, after @ ..] = rest else {
            return None;
        };
        let name = usize::from(*name) | 1;
        let (length, data) = after.get(name..)?.split_first_chunk::<4>()?;
        let length = u32::from_be_bytes(*length) as usize;
        let data_in_full = data.get(..length)?;
        if [*n1, *n2] == [0x04, 0x04] {
            return Some(data_in_full);
        }
        rest = data.get(length + length % 2..)?;
    }
}

/// The segments up to the first scan with their markers, if they follow each other without gaps.
fn segments(jpeg: &[u8]) -> Option<Vec<(u8, &[u8])>> {
    let mut segments = Vec::new();
    let mut at = SOI.len();
    jpeg.starts_with(&SOI).then_some(())?;
    while segments.len() < MAX_SEGMENTS {
        let [0xFF, marker, l1, l2] = *jpeg.get(at..at + 4)? else {
            return None;
        };
        if marker == SOS {
            return Some(segments);
        }
        let end = at + 2 + usize::from(u16::from_be_bytes([l1, l2])).max(2);
        segments.push((marker, jpeg.get(at..end)?));
        at = end;
    }
    None
}
