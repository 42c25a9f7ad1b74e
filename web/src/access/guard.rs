//! Requests that come from where they should not: writes from other sites, and, when no password
//! guards the server, anything that did not come from this machine's own keyboard.

use axum::extract::{Request, State};
use axum::http::uri::Authority;
use axum::http::{HeaderMap, Method, StatusCode, Uri, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::tokens::TokenHolder;
use crate::problem::Problem;
use crate::state::AppState;

/// Headers that a proxy adds.
const PROXY_HEADERS: [&str; 4] = ["forwarded", "x-forwarded-for", "x-forwarded-host", "via"];

/// Middleware that refuses them.
pub async fn refuse_strangers(
    State(state): State<AppState>,
    request: Request,
    next: Next,
) -> Response {
    let host = host(request.uri(), request.headers());
    if !state.policy.needs_password
        && let Err(problem) = at_the_keyboard(host.as_ref(), request.headers())
    {
        return problem.into_response();
    }
    // Browsers send a token only if our own page does: another site would have to ask first, and
    // is never told that it may. So a request with a token is nobody's unwitting request.
    let has_token = request.extensions().get::<TokenHolder>().is_some();
    if !is_safe(request.method())
        && !has_token
        && let Err(problem) = same_origin(host.as_ref(), request.headers())
    {
        return problem.into_response();
    }
    next.run(request).await
}

fn is_safe(method: &Method) -> bool {
    matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS)
}

fn host(uri: &Uri, headers: &HeaderMap) -> Option<Authority> {
    match headers.get(header::HOST) {
        Some(value) => value.to_str().ok()?.parse().ok(),
        None => uri.authority().cloned(),
    }
}

/// Without a password whoever is at the keyboard is the admin. A name that merely resolves to
/// this machine (DNS rebinding) or a proxy would make others the admin too.
fn at_the_keyboard(host: Option<&Authority>, headers: &HeaderMap) -> Result<(), Problem> {
    let name = host.map_or("", Authority::host);
    let is_local = name == "localhost"
        || name
            .trim_start_matches('[')
            .trim_end_matches(']')
            .parse::<std::net::IpAddr>()
            .is_ok_and(|ip| ip.is_loopback());
    if is_local && !PROXY_HEADERS.iter().any(|name| headers.contains_key(*name)) {
        return Ok(());
    }
    Err(Problem::new(
        StatusCode::FORBIDDEN,
        "without a password this server answers only to this machine, as localhost or 127.0.0.1; \
         set VITRINE_ADMIN_PASSWORD to use it under another name or behind a proxy",
    ))
}

/// A browser says where a write comes from; programs say nothing and are no danger, because
/// they hold no cookies of others.
fn same_origin(host: Option<&Authority>, headers: &HeaderMap) -> Result<(), Problem> {
    let refused = || {
        Problem::new(
            StatusCode::FORBIDDEN,
            "this request comes from another site; open the page here and try again",
        )
    };
    if let Some(site) = headers.get("sec-fetch-site")
        && site != "same-origin"
        && site != "none"
    {
        return Err(refused());
    }
    let Some(origin) = headers.get(header::ORIGIN) else {
        return Ok(());
    };
    let origin: Option<Uri> = origin.to_str().ok().and_then(|text| text.parse().ok());
    let authority = origin.as_ref().and_then(Uri::authority);
    match (authority, host) {
        (Some(origin), Some(host)) if same_authority(origin, host) => Ok(()),
        _ => Err(refused()),
    }
}

fn same_authority(a: &Authority, b: &Authority) -> bool {
    a.host().eq_ignore_ascii_case(b.host()) && port(a) == port(b)
}

/// Browsers leave out the standard ports; a TLS-terminating proxy makes 80 and 443 one.
fn port(authority: &Authority) -> Option<u16> {
    authority
        .port_u16()
        .filter(|port| !matches!(port, 80 | 443))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        pairs
            .iter()
            .map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap()))
            .collect()
    }

    fn authority(text: &str) -> Option<Authority> {
        text.parse().ok()
    }

    #[test]
    fn a_write_from_another_site_is_refused() {
        let here = authority("photos.example:8080");
        for pairs in [
            &[("origin", "https://evil.example")][..],
            &[("origin", "null")],
            &[("origin", "http://photos.example:9090")],
            &[("sec-fetch-site", "cross-site")],
            &[("sec-fetch-site", "same-site")],
        ] {
            assert!(
                same_origin(here.as_ref(), &headers(pairs)).is_err(),
                "{pairs:?}"
            );
        }
    }

    #[test]
    fn a_write_from_our_own_page_or_from_a_program_is_fine() {
        let here = authority("photos.example:8080");
        for pairs in [
            &[("origin", "http://photos.example:8080")][..],
            &[
                ("origin", "http://photos.example:8080"),
                ("sec-fetch-site", "same-origin"),
            ],
            &[],
        ] {
            assert!(
                same_origin(here.as_ref(), &headers(pairs)).is_ok(),
                "{pairs:?}"
            );
        }
        let behind_tls = headers(&[("origin", "https://photos.example")]);
        assert!(same_origin(authority("photos.example").as_ref(), &behind_tls).is_ok());
    }

    #[test]
    fn a_name_that_merely_resolves_to_this_machine_is_not_the_keyboard() {
        let none = HeaderMap::new();
        for host in ["localhost:8080", "127.0.0.1:8080", "[::1]:8080"] {
            assert!(
                at_the_keyboard(authority(host).as_ref(), &none).is_ok(),
                "{host}"
            );
        }
        for host in ["rebound.example:8080", "192.0.2.7"] {
            assert!(
                at_the_keyboard(authority(host).as_ref(), &none).is_err(),
                "{host}"
            );
        }
        assert!(at_the_keyboard(None, &none).is_err());
        let proxied = headers(&[("x-forwarded-for", "192.0.2.7")]);
        assert!(at_the_keyboard(authority("localhost").as_ref(), &proxied).is_err());
    }
}
