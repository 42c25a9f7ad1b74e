//! The client of a request: its address, and the scheme and host that its browser used. Headers
//! about these count only if a trusted proxy wrote them (`VITRINE_TRUSTED_PROXIES`).

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use axum::extract::{ConnectInfo, Request};
use axum::http::uri::Authority;
use axum::http::{HeaderMap, Uri, header};
use platform::settings::{IpNetwork, Settings};
use url::Url;

/// Headers that only proxies add.
pub(super) const PROXY_HEADERS: [&str; 13] = [
    "forwarded",
    "via",
    "x-forwarded-for",
    "x-forwarded-host",
    "x-forwarded-port",
    "x-forwarded-proto",
    "x-forwarded-server",
    "x-real-ip",
    "x-client-ip",
    "x-original-forwarded-for",
    "true-client-ip",
    "cf-connecting-ip",
    "fastly-client-ip",
];

/// The proxies in front of this server, and the URL that clients use, as set.
#[derive(Clone, Debug, Default)]
pub struct Proxies {
    trusted: Arc<[IpNetwork]>,
    public_url: Option<Arc<Url>>,
}

impl From<&Settings> for Proxies {
    fn from(settings: &Settings) -> Self {
        Self {
            trusted: settings.trusted_proxies.clone().into(),
            public_url: settings.public_url.clone().map(Arc::new),
        }
    }
}

/// The client of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Client {
    /// The client's address. Throttles, limits and logs use it.
    pub address: IpAddr,
    /// Whether the browser uses HTTPS, to this server or to a proxy.
    pub is_https: bool,
    /// The host that the client asked for; none if it is missing or ambiguous.
    pub host: Option<Authority>,
}

impl Proxies {
    /// Whether forwarding headers from this address count.
    pub fn are_trusted_at(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.trusted
            .iter()
            .any(|network| network.contains(&address))
    }

    /// The client of a request that came in from `peer`.
    pub fn client(&self, peer: IpAddr, uri: &Uri, headers: &HeaderMap) -> Client {
        let peer = peer.to_canonical();
        let trusted = self.are_trusted_at(peer);
        let hops = if trusted {
            hops(headers)
        } else {
            Hops::default()
        };
        // The first address from the right that is not a trusted proxy. Addresses to the left of it
        // may be forged.
        let address = hops
            .addresses
            .iter()
            .rev()
            .take_while(|hop| hop.is_some())
            .flatten()
            .fold((peer, true), |(at, go_on), hop| {
                if go_on && self.are_trusted_at(at) {
                    (*hop, true)
                } else {
                    (at, false)
                }
            })
            .0;
        let host = hops.host.or_else(|| host(uri, headers));
        let by_url = self.public_url.as_ref().map(|url| url.scheme() == "https");
        Client {
            address,
            is_https: by_url.unwrap_or(false) || hops.is_https,
            host,
        }
    }

    /// The origin for addresses that are used elsewhere: the one that was set, else the one that the
    /// client used.
    pub fn origin(&self, client: Option<&Client>) -> Option<String> {
        if let Some(url) = &self.public_url {
            return Some(url.origin().ascii_serialization());
        }
        let client = client?;
        let scheme = if client.is_https { "https" } else { "http" };
        Some(format!("{scheme}://{}", client.host.as_ref()?))
    }

    /// Host and port of `VITRINE_PUBLIC_URL`, if it is set.
    pub(super) fn public_authority(&self) -> Option<Authority> {
        let url = self.public_url.as_deref()?;
        let authority = &url[url::Position::BeforeHost..url::Position::AfterPort];
        authority.parse().ok()
    }
}

#[derive(Default)]
struct Hops {
    /// In the order of the headers: the client first. None for an entry that cannot be read.
    addresses: Vec<Option<IpAddr>>,
    is_https: bool,
    host: Option<Authority>,
}

/// Reads `Forwarded` (RFC 7239) if it is present, otherwise the `X-Forwarded-` headers.
fn hops(headers: &HeaderMap) -> Hops {
    let forwarded = list(headers, "forwarded");
    if forwarded.is_empty() {
        return Hops {
            addresses: list(headers, "x-forwarded-for")
                .iter()
                .map(|text| node(text))
                .collect(),
            is_https: is_https(list(headers, "x-forwarded-proto").last().copied()),
            host: list(headers, "x-forwarded-host")
                .last()
                .and_then(|text| plain_authority(text)),
        };
    }
    let parameter = |element: &str, name: &str| {
        element
            .split(';')
            .filter_map(|pair| pair.trim().split_once('='))
            .find(|(key, _)| key.trim().eq_ignore_ascii_case(name))
            .map(|(_, value)| value.trim().trim_matches('"').to_owned())
    };
    let last = forwarded.last().copied().unwrap_or_default();
    Hops {
        addresses: forwarded
            .iter()
            .map(|element| node(&parameter(element, "for")?))
            .collect(),
        is_https: is_https(parameter(last, "proto").as_deref()),
        host: parameter(last, "host").and_then(|text| plain_authority(&text)),
    }
}

/// The elements of a header that may be given several times or as a list, in order.
fn list<'a>(headers: &'a HeaderMap, name: &str) -> Vec<&'a str> {
    headers
        .get_all(name)
        .into_iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(str::trim)
        .filter(|element| !element.is_empty())
        .collect()
}

fn is_https(scheme: Option<&str>) -> bool {
    scheme.is_some_and(|scheme| scheme.eq_ignore_ascii_case("https"))
}

/// An address with or without a port and brackets.
fn node(text: &str) -> Option<IpAddr> {
    let text = text.trim().trim_matches('"');
    let address = text
        .parse()
        .or_else(|_| text.parse().map(|socket: SocketAddr| socket.ip()))
        .or_else(|_| text.trim_start_matches('[').trim_end_matches(']').parse());
    address.ok().map(|address: IpAddr| address.to_canonical())
}

/// The `Host` of a request. Two of them, or one with user information, may be read differently by
/// a proxy and by this server, so they count as none.
fn host(uri: &Uri, headers: &HeaderMap) -> Option<Authority> {
    let mut hosts = headers.get_all(header::HOST).into_iter();
    match (hosts.next(), hosts.next()) {
        (Some(host), None) => plain_authority(host.to_str().ok()?),
        (None, None) => uri.authority().cloned(),
        _ => None,
    }
}

fn plain_authority(text: &str) -> Option<Authority> {
    if text.contains(['@', ',', '/', '\\']) || text.contains(char::is_whitespace) {
        return None;
    }
    text.parse().ok()
}

/// Adds the [`Client`] to a request. Returns whether the browser uses HTTPS.
pub(crate) fn identify(proxies: &Proxies, request: &mut Request) -> bool {
    let peer = request
        .extensions()
        .get::<ConnectInfo<SocketAddr>>()
        .map_or(IpAddr::from([127, 0, 0, 1]), |peer| peer.0.ip());
    let client = proxies.client(peer, request.uri(), request.headers());
    let is_https = client.is_https;
    request.extensions_mut().insert(client);
    is_https
}

#[cfg(test)]
mod tests {
    use super::*;

    fn proxies(trusted: &[&str], public_url: Option<&str>) -> Proxies {
        Proxies {
            trusted: trusted.iter().map(|text| text.parse().unwrap()).collect(),
            public_url: public_url.map(|url| Arc::new(url.parse().unwrap())),
        }
    }

    fn client(proxies: &Proxies, peer: &str, pairs: &[(&'static str, &'static str)]) -> Client {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(*name, value.parse().unwrap());
        }
        proxies.client(peer.parse().unwrap(), &Uri::from_static("/"), &headers)
    }

    fn address(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn headers_from_an_untrusted_address_are_ignored() {
        let found = client(
            &proxies(&["10.0.0.0/8"], None),
            "192.0.2.9",
            &[
                ("x-forwarded-for", "198.51.100.1"),
                ("x-forwarded-proto", "https"),
                ("x-forwarded-host", "evil.example"),
                ("host", "photos.example"),
            ],
        );
        assert_eq!(found.address, address("192.0.2.9"));
        assert!(!found.is_https);
        assert_eq!(found.host.unwrap(), "photos.example");
    }

    #[test]
    fn the_client_is_the_last_address_that_is_not_a_trusted_proxy() {
        let two = proxies(&["10.0.0.0/8", "203.0.113.7"], None);
        for (headers, expected) in [
            (vec![("x-forwarded-for", "198.51.100.1")], "198.51.100.1"),
            // A forged part is to the left of the part that our proxies wrote.
            (
                vec![("x-forwarded-for", "127.0.0.1, 198.51.100.1, 203.0.113.7")],
                "198.51.100.1",
            ),
            (
                vec![
                    ("x-forwarded-for", "1.1.1.1"),
                    ("x-forwarded-for", "198.51.100.1"),
                ],
                "198.51.100.1",
            ),
            (
                vec![("forwarded", "for=\"[2001:db8::1]:4711\";proto=https")],
                "2001:db8::1",
            ),
            // An unreadable entry ends the chain: only the proxy's own address is known.
            (
                vec![("x-forwarded-for", "198.51.100.1, unknown")],
                "10.1.2.3",
            ),
            (vec![], "10.1.2.3"),
        ] {
            let found = client(&two, "10.1.2.3", &headers);
            assert_eq!(found.address, address(expected), "{headers:?}");
        }
    }

    #[test]
    fn https_is_known_from_a_trusted_proxy_or_the_public_address() {
        let trusted = proxies(&["10.0.0.0/8"], None);
        for (name, value) in [
            ("x-forwarded-proto", "HTTPS"),
            ("x-forwarded-proto", "http, https"),
            ("forwarded", "for=192.0.2.1;Proto=HTTPS"),
        ] {
            assert!(
                client(&trusted, "10.0.0.1", &[(name, value)]).is_https,
                "{value}"
            );
        }
        assert!(!client(&trusted, "10.0.0.1", &[("x-forwarded-proto", "http")]).is_https);
        let public = proxies(&[], Some("https://photos.example"));
        assert!(client(&public, "192.0.2.1", &[]).is_https);
    }

    #[test]
    fn an_ambiguous_host_counts_as_none() {
        let none = Proxies::default();
        for hosts in [
            vec![("host", "localhost"), ("host", "evil.example")],
            vec![("host", "evil.example@localhost")],
            vec![("host", "localhost, evil.example")],
        ] {
            assert_eq!(client(&none, "127.0.0.1", &hosts).host, None, "{hosts:?}");
        }
    }
}
