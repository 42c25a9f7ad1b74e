//! What a client calls a file, in each of the ways in which clients say it: plain, as RFC 5987's
//! `filename*`, or as an encoded word of RFC 2047.

use axum::http::header;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use percent_encoding::percent_decode_str;

pub(super) fn of(field: &multer::Field<'_>) -> String {
    let disposition = field.headers().get(header::CONTENT_DISPOSITION);
    let extended = disposition.and_then(|value| {
        let text = String::from_utf8_lossy(value.as_bytes()).into_owned();
        extended(&text)
    });
    extended
        .or_else(|| field.file_name().map(decode_words))
        .unwrap_or_default()
}

/// The value of `filename*`: a charset, a language and percent-encoded text (RFC 5987, 3.2).
fn extended(disposition: &str) -> Option<String> {
    let value = parameters(disposition).into_iter().find_map(|parameter| {
        let (name, value) = parameter.split_once('=')?;
        name.trim()
            .eq_ignore_ascii_case("filename*")
            .then(|| value.trim().trim_matches('"').to_owned())
    })?;
    let mut pieces = value.splitn(3, '\'');
    let (charset, _language, text) = (pieces.next()?, pieces.next()?, pieces.next()?);
    let bytes: Vec<u8> = percent_decode_str(text).collect();
    decode(charset, bytes)
}

/// Splits at semicolons outside quotes.
fn parameters(disposition: &str) -> Vec<String> {
    let mut parameters = vec![String::new()];
    let (mut quoted, mut escaped) = (false, false);
    for c in disposition.chars() {
        match c {
            ';' if !quoted => {
                parameters.push(String::new());
                continue;
            }
            '"' if !escaped => quoted = !quoted,
            _ => {}
        }
        escaped = c == '\\' && !escaped;
        if let Some(last) = parameters.last_mut() {
            last.push(c);
        }
    }
    parameters
}

/// A name made of encoded words (`=?charset?B?…?=`), or as it is.
fn decode_words(name: &str) -> String {
    let words: Option<String> = name.split_whitespace().map(word).collect();
    match words {
        Some(decoded) if !decoded.is_empty() => decoded,
        _ => name.to_owned(),
    }
}

fn word(text: &str) -> Option<String> {
    let inner = text.strip_prefix("=?")?.strip_suffix("?=")?;
    let mut pieces = inner.splitn(3, '?');
    let (charset, encoding, text) = (pieces.next()?, pieces.next()?, pieces.next()?);
    let bytes = match encoding {
        "B" | "b" => BASE64.decode(text).ok()?,
        // Q is percent-encoding with another sign, and an underscore for the space.
        "Q" | "q" => percent_decode_str(&text.replace('_', "%20").replace('=', "%")).collect(),
        _ => return None,
    };
    decode(charset.split('*').next()?, bytes)
}

fn decode(charset: &str, bytes: Vec<u8>) -> Option<String> {
    if charset.eq_ignore_ascii_case("utf-8") || charset.eq_ignore_ascii_case("us-ascii") {
        String::from_utf8(bytes).ok()
    } else if charset.eq_ignore_ascii_case("iso-8859-1") {
        Some(bytes.into_iter().map(char::from).collect())
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_extended_name_is_decoded() {
        for (disposition, expected) in [
            (
                "form-data; name=\"file\"; filename*=UTF-8''caf%C3%A9.jpg",
                Some("café.jpg"),
            ),
            (
                "form-data; filename=\"x\"; FileName*=utf-8'fr'caf%c3%a9.jpg",
                Some("café.jpg"),
            ),
            (
                "form-data; filename*=iso-8859-1''caf%E9.jpg",
                Some("café.jpg"),
            ),
            ("form-data; filename*=\"UTF-8''a%3Bb.jpg\"", Some("a;b.jpg")),
            ("form-data; filename=\"; filename*=UTF-8''no.jpg\"", None),
            ("form-data; filename*=UTF-8''%FF.jpg", None),
            ("form-data; filename*=nothing", None),
        ] {
            assert_eq!(extended(disposition).as_deref(), expected, "{disposition}");
        }
    }

    #[test]
    fn encoded_words_are_decoded() {
        for (name, expected) in [
            ("=?utf-8?B?Y2Fmw6kuanBn?=", "café.jpg"),
            ("=?UTF-8?Q?caf=C3=A9_1.jpg?=", "café 1.jpg"),
            ("=?iso-8859-1?q?caf=E9.jpg?=", "café.jpg"),
            ("=?utf-8?B?Y2Fm?= =?utf-8?B?w6kuanBn?=", "café.jpg"),
            ("=?utf-8?B?!!?=", "=?utf-8?B?!!?="),
            ("plain name.jpg", "plain name.jpg"),
        ] {
            assert_eq!(decode_words(name), expected);
        }
    }
}
