//! Refuses writes that come from other sites, and, without a password, every request that was not
//! sent by a program of the same user on this machine.

use axum::extract::Request;
use axum::http::uri::Authority;
use axum::http::{HeaderMap, Method, Uri, Version, header};

use super::client::{Client, PROXY_HEADERS, Proxies};
use super::policy::Policy;
use super::tokens::TokenHolder;
use crate::connections::{Owner, Peer};
use crate::problem::Problem;
use crate::problem_kind::ProblemKind;

/// # Errors
/// 403 for such a request, with what to do about it.
pub(crate) fn refuse_strangers(
    policy: &Policy,
    proxies: &Proxies,
    request: &Request,
) -> Result<(), Problem> {
    let client = request.extensions().get::<Client>();
    let host = client.and_then(|client| client.host.as_ref());
    let peer = request.extensions().get::<Peer>();
    if !policy.needs_password {
        on_this_machine(
            peer.map_or(Owner::Unknown, |peer| peer.owner),
            host,
            request.version(),
            request.headers(),
        )?;
    }
    // Browsers send an `Authorization` header to this server only from its own pages: other sites
    // need permission by CORS, which is never given. So a request with a token cannot be forged.
    let has_token = request.extensions().get::<TokenHolder>().is_some();
    if !is_safe(request.method()) && !has_token {
        same_origin(host, request.headers(), proxies)?;
    }
    Ok(())
}

fn is_safe(method: &Method) -> bool {
    matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS)
}

/// Without a password, the admin is the user of this process (or root) on this machine. A proxy in
/// front would turn all its visitors into the admin, and so would a page of another site whose name
/// resolves to this machine (DNS rebinding).
fn on_this_machine(
    owner: Owner,
    host: Option<&Authority>,
    version: Version,
    headers: &HeaderMap,
) -> Result<(), Problem> {
    let refused = |why: &str| {
        Err(Problem::new(
            ProblemKind::NotThisMachine,
            format!(
                "without a password this server answers only to programs of its own user on this \
                 machine, as localhost or 127.0.0.1, and {why}; set VITRINE_ADMIN_PASSWORD to \
                 let others in or to use a proxy"
            ),
        ))
    };
    match owner {
        Owner::Ourselves => {}
        Owner::User(_) => return refused("this request came from another user's program"),
        // Proxies such as nginx use HTTP/1.0 towards their upstream by default.
        Owner::Unknown if version == Version::HTTP_10 => {
            return refused("this request used HTTP/1.0, as proxies do");
        }
        Owner::Unknown => {}
        Owner::NotAsked => return refused("this request came from another machine"),
    }
    if !host.is_some_and(is_loopback_name) {
        return refused("this request asked for another name");
    }
    if PROXY_HEADERS.iter().any(|name| headers.contains_key(*name)) {
        return refused("this request was passed on by a proxy");
    }
    let elsewhere = [header::ORIGIN, header::REFERER].iter().any(|name| {
        let Some(value) = headers.get(name) else {
            return false;
        };
        let uri: Option<Uri> = value.to_str().ok().and_then(|text| text.parse().ok());
        let authority = uri.as_ref().and_then(Uri::authority);
        !authority.is_some_and(is_loopback_name)
    });
    if elsewhere {
        return refused("this request was sent by a page of another site");
    }
    Ok(())
}

fn is_loopback_name(authority: &Authority) -> bool {
    let name = authority.host();
    name.eq_ignore_ascii_case("localhost")
        || name
            .trim_start_matches('[')
            .trim_end_matches(']')
            .parse::<std::net::IpAddr>()
            .is_ok_and(|ip| ip.to_canonical().is_loopback())
}

/// A browser says where a write comes from; programs say nothing and are no danger, because
/// they hold no cookies of others. Where the browser judges for us (`Sec-Fetch-Site`), that
/// counts: it knows the address it asked, which a proxy may have changed on the way.
fn same_origin(
    host: Option<&Authority>,
    headers: &HeaderMap,
    proxies: &Proxies,
) -> Result<(), Problem> {
    let refused = || {
        Problem::new(
            ProblemKind::OtherSite,
            "this request comes from another site; open the page here and try again",
        )
    };
    if let Some(site) = headers.get("sec-fetch-site") {
        return if site == "same-origin" || site == "none" {
            Ok(())
        } else {
            Err(refused())
        };
    }
    let Some(origin) = headers.get(header::ORIGIN) else {
        return Ok(());
    };
    let origin: Option<Uri> = origin.to_str().ok().and_then(|text| text.parse().ok());
    let Some(origin) = origin.as_ref().and_then(Uri::authority) else {
        return Err(refused());
    };
    let public = proxies.public_authority();
    if [host, public.as_ref()]
        .into_iter()
        .flatten()
        .any(|ours| same_authority(origin, ours))
    {
        return Ok(());
    }
    Err(Problem::new(
        ProblemKind::OtherSite,
        "this request comes from another site, or from a proxy that does not say what the browser \
         asked for; if you came here by a proxy, set VITRINE_PUBLIC_URL to the address people use",
    ))
}

fn same_authority(a: &Authority, b: &Authority) -> bool {
    a.host().eq_ignore_ascii_case(b.host()) && port(a) == port(b)
}

/// The port, unless it is a standard one: browsers leave those out, and behind a proxy that ends
/// TLS the browser's 443 is this server's 80.
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

    fn from_here(host: &str, pairs: &[(&'static str, &'static str)]) -> bool {
        let (host, headers) = (authority(host), headers(pairs));
        on_this_machine(Owner::Ourselves, host.as_ref(), Version::HTTP_11, &headers).is_ok()
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
            &[
                ("origin", "http://photos.example:8080"),
                ("sec-fetch-site", "cross-site"),
            ],
        ] {
            assert!(
                same_origin(here.as_ref(), &headers(pairs), &Proxies::default()).is_err(),
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
            // A proxy may replace Host by its upstream's name; the browser knows what it asked for.
            &[
                ("origin", "https://people-see-this.example"),
                ("sec-fetch-site", "same-origin"),
            ],
            &[],
        ] {
            assert!(
                same_origin(here.as_ref(), &headers(pairs), &Proxies::default()).is_ok(),
                "{pairs:?}"
            );
        }
        let behind_tls = headers(&[("origin", "https://photos.example")]);
        let here = authority("photos.example");
        assert!(same_origin(here.as_ref(), &behind_tls, &Proxies::default()).is_ok());
    }

    #[test]
    fn a_name_that_merely_resolves_to_this_machine_is_refused() {
        for host in ["localhost:8080", "127.0.0.1:8080", "[::1]:8080"] {
            assert!(from_here(host, &[]), "{host}");
        }
        for host in [
            "rebound.example:8080",
            "192.0.2.7",
            "localhost.evil.example",
        ] {
            assert!(!from_here(host, &[]), "{host}");
        }
        let none = HeaderMap::new();
        assert!(on_this_machine(Owner::Ourselves, None, Version::HTTP_11, &none).is_err());
    }

    #[test]
    fn a_request_with_signs_of_a_proxy_or_another_site_is_refused() {
        for name in PROXY_HEADERS {
            assert!(!from_here("localhost", &[(name, "192.0.2.7")]), "{name}");
        }
        assert!(!from_here(
            "localhost",
            &[("origin", "https://evil.example")]
        ));
        assert!(!from_here(
            "localhost",
            &[("referer", "https://evil.example/page")]
        ));
        assert!(from_here(
            "localhost",
            &[("referer", "http://localhost:8080/")]
        ));
    }

    #[test]
    fn only_programs_of_the_same_user_are_the_admin() {
        let host = authority("localhost");
        let none = HeaderMap::new();
        let judged = |owner, version| on_this_machine(owner, host.as_ref(), version, &none).is_ok();
        assert!(judged(Owner::Ourselves, Version::HTTP_10));
        assert!(!judged(Owner::User(33), Version::HTTP_11));
        assert!(judged(Owner::Unknown, Version::HTTP_11));
        assert!(!judged(Owner::Unknown, Version::HTTP_10));
        assert!(!judged(Owner::NotAsked, Version::HTTP_11));
    }
}
