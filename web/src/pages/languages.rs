//! The languages that a browser asks for (RFC 9110, section 12.5.4), best first.

use std::convert::Infallible;

use axum::extract::FromRequestParts;
use axum::http::header::ACCEPT_LANGUAGE;
use axum::http::request::Parts;

/// Languages that are looked at.
const MOST: usize = 20;

/// What a viewer likes to read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Languages(Vec<String>);

impl<S: Send + Sync> FromRequestParts<S> for Languages {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        let header = parts.headers.get(ACCEPT_LANGUAGE);
        let text = header.and_then(|header| header.to_str().ok());
        Ok(Self::parse(text.unwrap_or_default()))
    }
}

impl Languages {
    fn parse(text: &str) -> Self {
        let mut ranges: Vec<(String, f32)> = text
            .split(',')
            .take(MOST)
            .filter_map(|range| {
                let (language, parameters) = range.split_once(';').unwrap_or((range, ""));
                let quality = parameters.trim().strip_prefix("q=");
                let quality = quality.map_or(Some(1.0), |q| q.trim().parse().ok())?;
                let language = language.trim().to_ascii_lowercase();
                (!language.is_empty() && quality > 0.0).then_some((language, quality))
            })
            .collect();
        ranges.sort_by(|a, b| b.1.total_cmp(&a.1));
        Self(ranges.into_iter().map(|(language, _)| language).collect())
    }

    /// The index of the best of these languages. None if the viewer likes none of them.
    pub(super) fn best<'a>(&self, offered: impl Iterator<Item = &'a str>) -> Option<usize> {
        let offered: Vec<String> = offered.map(str::to_ascii_lowercase).collect();
        self.0.iter().find_map(|wanted| {
            if wanted == "*" {
                return Some(0);
            }
            let position = |fits: &dyn Fn(&str) -> bool| offered.iter().position(|tag| fits(tag));
            position(&|tag| tag == wanted)
                // `de` is content with `de-CH`, but plain language has to be asked for.
                .or_else(|| position(&|tag| is_within(tag, wanted) && !tag.contains("-x-")))
                .or_else(|| position(&|tag| is_within(wanted, tag)))
        })
    }
}

/// Whether `tag` is `range`, or more exact.
fn is_within(tag: &str, range: &str) -> bool {
    tag.strip_prefix(range)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn best(header: &str, offered: &[&str]) -> Option<usize> {
        Languages::parse(header).best(offered.iter().copied())
    }

    #[test]
    fn the_best_language_on_offer_is_found() {
        let offered = ["de", "en-GB", "de-x-simple", "fr"];
        for (header, expected) in [
            ("en", Some(1)),
            ("en-US,en;q=0.8,de;q=0.5", Some(1)),
            ("de-CH, fr;q=0.9", Some(0)),
            ("fr;q=0.5, de;q=0.4", Some(3)),
            ("de-x-simple", Some(2)),
            ("de;q=0, fr", Some(3)),
            ("it, *;q=0.1", Some(0)),
            ("it", None),
            ("", None),
            (";;q=,=", None),
        ] {
            assert_eq!(best(header, &offered), expected, "{header}");
        }
    }
}
