//! Tokens for programs, sent as `Authorization: Bearer vt_…`. On a request with a token, neither
//! cookies nor the owner of the socket count. A wrong token is refused with 401; it is never treated
//! as a visitor.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use axum::extract::Request;
use axum::http::{HeaderMap, HeaderValue, header};
use chrono::{DateTime, TimeDelta, Utc};
use entity::api_token::{self, Column, Entity, Model, Scope};
use sea_orm::sea_query::Expr;
use sea_orm::{
    ColumnTrait as _, Condition, DatabaseConnection, DbErr, EntityTrait as _, QueryFilter as _,
};
use sha2::{Digest as _, Sha256};
use tracing::warn;
use uuid::Uuid;

use super::client::Client;
use super::sessions::new_secret;
use super::throttle::{Guesser, Throttle};
use crate::problem::Problem;
use crate::problem_kind::ProblemKind;

/// Every token begins with this, so that programs that look for leaked secrets can find them.
const PREFIX: &str = "vt_";

/// Hexadecimal digits after the prefix: 256 bits.
const DIGITS: usize = 64;

/// The last use is recorded at most this often, because each record is a write to the database.
const LAST_USE_PRECISION: TimeDelta = TimeDelta::minutes(1);

/// `WWW-Authenticate` for a refused token (RFC 6750, section 3.1).
const INVALID_TOKEN: &str = "Bearer error=\"invalid_token\"";

/// The valid token of a request. Only [`authenticate`] makes one.
#[derive(Clone, Debug)]
pub(super) struct TokenHolder {
    pub(super) id: Uuid,
    pub(super) name: String,
    pub(super) scope: Scope,
}

/// A new token, and its hash for the database.
#[derive(Debug)]
pub(crate) struct NewToken {
    /// The token itself. It is shown once and not kept.
    pub(crate) text: String,
    pub(crate) hash: String,
}

/// Finds tokens. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Tokens {
    db: DatabaseConnection,
    throttle: Arc<Throttle>,
}

impl Tokens {
    /// The tokens in this database.
    pub fn new(db: DatabaseConnection) -> Self {
        Self {
            db,
            throttle: Arc::new(Throttle::new("tokens")),
        }
    }

    /// The token with this text.
    ///
    /// # Errors
    /// 401 if it is malformed, unknown, revoked or expired; 429 instead after many of those from the
    /// same address. A valid token is never refused.
    async fn holder(&self, from: IpAddr, text: Option<&str>) -> Result<TokenHolder, Problem> {
        let now = entity::now();
        let found = match text.filter(|text| is_well_formed(text)) {
            Some(text) => {
                api_token::live_by_hash(&hash(text), now)
                    .one(&self.db)
                    .await?
            }
            None => None,
        };
        let Some(token) = found else {
            let from = Guesser::at(from);
            self.throttle.admit(&from)?;
            self.throttle.failed(&from);
            return Err(Problem::new(
                ProblemKind::NotSignedIn,
                "this token does not exist, has expired or was revoked; send one that holds as \
                 `Authorization: Bearer vt_…`",
            )
            .with_challenge(INVALID_TOKEN));
        };
        self.record_use(&token, now).await;
        Ok(TokenHolder {
            id: token.id,
            name: token.name,
            scope: token.scope,
        })
    }

    /// A failure is logged, and the request goes on.
    async fn record_use(&self, token: &Model, now: DateTime<Utc>) {
        let before = now - LAST_USE_PRECISION;
        if token.last_used_at.is_some_and(|used| used > before) {
            return;
        }
        let is_old = Condition::any()
            .add(Column::LastUsedAt.is_null())
            .add(Column::LastUsedAt.lte(before));
        let recorded = Entity::update_many()
            .col_expr(Column::LastUsedAt, Expr::value(now))
            .filter(Column::Id.eq(token.id))
            .filter(is_old)
            .exec(&self.db)
            .await;
        if let Err(error) = recorded {
            warn!(%error, token = token.name, "the use of a token cannot be recorded");
        }
    }

    /// Whether this token is neither revoked nor expired.
    pub(super) async fn holds(&self, id: Uuid) -> Result<bool, DbErr> {
        let found = api_token::live(id, entity::now()).one(&self.db).await?;
        Ok(found.is_some())
    }
}

/// Makes a token.
pub(crate) fn new_token() -> Result<NewToken, Problem> {
    let text = format!("{PREFIX}{}", new_secret()?);
    let hash = hash(&text);
    Ok(NewToken { text, hash })
}

/// The hash by which a token is looked up. Its timing tells nothing: an attacker cannot choose the
/// hash of a guess.
fn hash(text: &str) -> String {
    hex::encode(Sha256::digest(text))
}

fn is_well_formed(text: &str) -> bool {
    text.strip_prefix(PREFIX).is_some_and(|digits| {
        digits.len() == DIGITS
            && digits
                .bytes()
                .all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
    })
}

/// Checks the token of a request, if it has one.
///
/// # Errors
/// 401 if it is not valid, 429 after too many of those.
pub(crate) async fn authenticate(tokens: &Tokens, request: &mut Request) -> Result<(), Problem> {
    let Some(text) = bearer(request.headers()) else {
        return Ok(());
    };
    let from = request
        .extensions()
        .get::<Client>()
        .map_or(Ipv4Addr::UNSPECIFIED.into(), |client| client.address);
    let holder = tokens.holder(from, text).await?;
    request.extensions_mut().insert(holder);
    Ok(())
}

/// The token of a request; `Some(None)` if the header is meant as one but malformed, such as a token
/// without a scheme. Other schemes are ignored, because a proxy in front may use them.
fn bearer(headers: &HeaderMap) -> Option<Option<&str>> {
    let values: Vec<_> = headers.get_all(header::AUTHORIZATION).into_iter().collect();
    if !values.iter().any(|value| is_meant_as_token(value)) {
        return None;
    }
    // Two headers are ambiguous.
    let value = match values[..] {
        [value] => Some(value),
        _ => None,
    };
    Some(value.and_then(|value| {
        let (scheme, token) = value.to_str().ok()?.split_once(' ')?;
        scheme
            .eq_ignore_ascii_case("bearer")
            .then(|| token.trim_matches(' '))
    }))
}

fn is_meant_as_token(value: &HeaderValue) -> bool {
    let bytes = value.as_bytes();
    let scheme = bytes.split(u8::is_ascii_whitespace).next();
    let has_prefix = |part: &[u8]| part == PREFIX.as_bytes();
    scheme.is_some_and(|scheme| scheme.eq_ignore_ascii_case(b"bearer"))
        || bytes.windows(PREFIX.len()).any(has_prefix)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(values: &[&'static [u8]]) -> HeaderMap {
        let name = || header::AUTHORIZATION;
        values
            .iter()
            .map(|value| (name(), HeaderValue::from_bytes(value).unwrap()))
            .collect()
    }

    #[test]
    fn the_scheme_is_read_in_any_case_and_other_schemes_are_left_alone() {
        for value in [&b"Bearer vt_1"[..], b"bearer vt_1", b"BEARER  vt_1 "] {
            assert_eq!(bearer(&headers(&[value])), Some(Some("vt_1")));
        }
        assert_eq!(bearer(&headers(&[])), None);
        for other in [&b"Basic dnRfMTp4"[..], b"Negotiate abc", b""] {
            assert_eq!(bearer(&headers(&[other])), None);
        }
    }

    #[test]
    fn a_malformed_token_does_not_count_as_absent() {
        for values in [
            &[&b"Bearer"[..]][..],
            &[b"vt_1"],
            &[b"Token vt_1"],
            &[b"Bearer\tvt_1"],
            &[b"Bearer \xff\xfe"],
            &[b"Bearer vt_1", b"Bearer vt_1"],
            &[b"Basic dnRfMTp4", b"Bearer vt_1"],
        ] {
            assert_eq!(bearer(&headers(values)), Some(None), "{values:?}");
        }
    }

    #[test]
    fn new_tokens_are_well_formed_and_differ() {
        let (one, other) = (new_token().unwrap(), new_token().unwrap());
        assert!(is_well_formed(&one.text));
        assert_ne!(one.text, other.text);
        assert_eq!(one.hash, hash(&one.text));
    }

    #[test]
    fn only_the_prefix_and_64_lowercase_digits_are_well_formed() {
        let digits = "0123456789abcdef".repeat(4);
        assert!(is_well_formed(&format!("vt_{digits}")));
        for text in [
            digits.clone(),
            format!("VT_{digits}"),
            format!("vt_{}", digits.to_uppercase()),
            format!("vt_{digits}0"),
            format!("vt_{} ", &digits[1..]),
            "vt_".to_owned(),
            String::new(),
        ] {
            assert!(!is_well_formed(&text), "{text}");
        }
    }
}
