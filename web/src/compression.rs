//! Compression that is chosen by the client (RFC 9110, section 12.5.3) and done once.

use std::io::{self, Write as _};
use std::sync::OnceLock;

use axum::body::Body;
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::{IntoResponse as _, Response};
use bytes::Bytes;

/// Shorter ones are not compressed: the header costs as much.
const WORTH_IT: usize = 256;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Encoding {
    Brotli,
    Zstd,
    Gzip,
}

/// How hard to try.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Effort {
    /// For what is compressed while somebody waits.
    Quick,
    /// For what is compressed once for all time.
    Best,
}

impl Encoding {
    /// Smallest first.
    pub(crate) const ALL: [Self; 3] = [Self::Brotli, Self::Zstd, Self::Gzip];

    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Brotli => "br",
            Self::Zstd => "zstd",
            Self::Gzip => "gzip",
        }
    }

    /// The one that the client likes best, and among equals the smallest. None for no compression.
    pub(crate) fn of(headers: &HeaderMap) -> Option<Self> {
        let mut best = None;
        let mut best_quality = 0.0;
        for encoding in Self::ALL {
            let quality = quality(headers, encoding.as_str());
            if quality > best_quality {
                (best, best_quality) = (Some(encoding), quality);
            }
        }
        best
    }

    /// None if the result is no smaller.
    pub(crate) fn compress(self, bytes: &[u8], effort: Effort) -> Option<Vec<u8>> {
        if bytes.len() < WORTH_IT {
            return None;
        }
        let compressed = match self {
            Self::Brotli => brotli(bytes, effort),
            Self::Zstd => zstd::encode_all(bytes, if effort == Effort::Best { 12 } else { 3 }),
            Self::Gzip => gzip(bytes, effort),
        };
        compressed
            .ok()
            .filter(|compressed| compressed.len() < bytes.len())
    }
}

fn brotli(bytes: &[u8], effort: Effort) -> io::Result<Vec<u8>> {
    let quality = if effort == Effort::Best { 9 } else { 5 };
    let mut writer = brotli::CompressorWriter::new(Vec::new(), 4096, quality, 22);
    writer.write_all(bytes)?;
    Ok(writer.into_inner())
}

fn gzip(bytes: &[u8], effort: Effort) -> io::Result<Vec<u8>> {
    let level = if effort == Effort::Best { 9 } else { 6 };
    let mut writer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::new(level));
    writer.write_all(bytes)?;
    writer.finish()
}

/// A body, and its compressed forms once somebody has asked for them.
#[derive(Debug)]
pub(crate) struct Compressible {
    whole: Bytes,
    effort: Effort,
    /// In the order of [`Encoding::ALL`]; none if it is no smaller.
    forms: [OnceLock<Option<Bytes>>; 3],
}

impl Compressible {
    pub(crate) fn new(whole: Bytes, effort: Effort) -> Self {
        Self {
            whole,
            effort,
            forms: Default::default(),
        }
    }

    pub(crate) fn whole(&self) -> &Bytes {
        &self.whole
    }

    /// The response to a client with these request headers.
    pub(crate) fn respond(&self, request: &HeaderMap, mut headers: HeaderMap) -> Response {
        let encoding = HeaderValue::from_static("accept-encoding");
        headers.append(header::VARY, encoding);
        let form = Encoding::of(request).and_then(|encoding| {
            let name = HeaderValue::from_static(encoding.as_str());
            headers.insert(header::CONTENT_ENCODING, name);
            self.form(encoding)
        });
        let body = form.unwrap_or_else(|| {
            headers.remove(header::CONTENT_ENCODING);
            self.whole.clone()
        });
        (headers, Body::from(body)).into_response()
    }

    fn form(&self, encoding: Encoding) -> Option<Bytes> {
        self.forms[encoding as usize]
            .get_or_init(|| Some(encoding.compress(&self.whole, self.effort)?.into()))
            .clone()
    }
}

/// Whether `If-None-Match` names this entity tag (RFC 9110, section 13.1.2: weak comparison).
pub(crate) fn is_known(request: &HeaderMap, tag: &HeaderValue) -> bool {
    let opaque = |tag: &'_ [u8]| tag.strip_prefix(b"W/").unwrap_or(tag).to_vec();
    let ours = opaque(tag.as_bytes());
    request
        .get_all(header::IF_NONE_MATCH)
        .iter()
        .flat_map(|value| value.as_bytes().split(|byte| *byte == b','))
        .map(<[u8]>::trim_ascii)
        .any(|tag| tag == b"*" || opaque(tag) == ours)
}

/// From 0, which refuses it, to 1. Not named means refused, unless there is `*`.
fn quality(headers: &HeaderMap, name: &str) -> f32 {
    let mut any = 0.0;
    for header in headers.get_all(header::ACCEPT_ENCODING) {
        for item in header.to_str().unwrap_or_default().split(',') {
            let (coding, parameters) = item.split_once(';').unwrap_or((item, ""));
            let quality = parameters.trim().strip_prefix("q=");
            let quality = quality.map_or(1.0, |quality| quality.trim().parse().unwrap_or(0.0));
            match coding.trim() {
                coding if coding.eq_ignore_ascii_case(name) => return quality,
                "*" => any = quality,
                _ => {}
            }
        }
    }
    any
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use axum::http::HeaderValue;

    use super::*;

    fn chosen(header: &'static str) -> Option<Encoding> {
        let mut headers = HeaderMap::new();
        headers.insert(header::ACCEPT_ENCODING, HeaderValue::from_static(header));
        Encoding::of(&headers)
    }

    #[test]
    fn the_client_chooses_and_among_equals_the_smallest_is_taken() {
        for (header, expected) in [
            ("gzip, deflate, br, zstd", Some(Encoding::Brotli)),
            ("gzip, zstd", Some(Encoding::Zstd)),
            ("gzip;q=1.0, br;q=0.5", Some(Encoding::Gzip)),
            ("GZIP", Some(Encoding::Gzip)),
            ("*", Some(Encoding::Brotli)),
            ("br;q=0, *;q=0.1", Some(Encoding::Zstd)),
            ("identity", None),
            ("gzip;q=0", None),
            ("gzip;q=nonsense", None),
            ("", None),
        ] {
            assert_eq!(chosen(header), expected, "{header}");
        }
        assert_eq!(Encoding::of(&HeaderMap::new()), None);
    }

    #[test]
    fn what_is_compressed_can_be_read_again() {
        let text = "A picture of a picture. ".repeat(100).into_bytes();
        for effort in [Effort::Quick, Effort::Best] {
            for encoding in Encoding::ALL {
                let small = encoding.compress(&text, effort).unwrap();
                assert!(small.len() < text.len() / 5);
                let mut back = Vec::new();
                match encoding {
                    Encoding::Brotli => brotli::Decompressor::new(&small[..], 4096)
                        .read_to_end(&mut back)
                        .unwrap(),
                    Encoding::Zstd => {
                        back = zstd::decode_all(&small[..]).unwrap();
                        back.len()
                    }
                    Encoding::Gzip => flate2::read::GzDecoder::new(&small[..])
                        .read_to_end(&mut back)
                        .unwrap(),
                };
                assert_eq!(back, text);
            }
        }
    }

    #[test]
    fn each_form_is_made_once_and_sent_to_those_who_take_it() {
        let body = Compressible::new("A picture. ".repeat(100).into(), Effort::Quick);
        let first = body.form(Encoding::Gzip).unwrap();
        let second = body.form(Encoding::Gzip).unwrap();
        assert_eq!(first.as_ptr(), second.as_ptr());
        let asking =
            HeaderMap::from_iter([(header::ACCEPT_ENCODING, HeaderValue::from_static("gzip"))]);
        let response = body.respond(&asking, HeaderMap::new());
        assert_eq!(response.headers()[header::CONTENT_ENCODING], "gzip");
        let response = body.respond(&HeaderMap::new(), HeaderMap::new());
        assert!(!response.headers().contains_key(header::CONTENT_ENCODING));
        let short = Compressible::new("short".into(), Effort::Quick);
        let response = short.respond(&asking, HeaderMap::new());
        assert!(!response.headers().contains_key(header::CONTENT_ENCODING));
    }

    #[test]
    fn whoever_has_it_already_is_known() {
        let tag = HeaderValue::from_static("W/\"abc\"");
        for (value, expected) in [
            ("W/\"abc\"", true),
            ("\"abc\"", true),
            ("*", true),
            ("\"other\", W/\"abc\"", true),
            ("\"other\"", false),
            ("abc", false),
            ("", false),
        ] {
            let headers =
                HeaderMap::from_iter([(header::IF_NONE_MATCH, HeaderValue::from_static(value))]);
            assert_eq!(is_known(&headers, &tag), expected, "{value}");
        }
    }

    #[test]
    fn what_would_not_get_smaller_is_left_alone() {
        assert_eq!(Encoding::Gzip.compress(b"short", Effort::Quick), None);
    }
}
