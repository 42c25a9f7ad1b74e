//! The way from browsers to the server: proxies whose word counts, and the address people use.

use std::net::IpAddr;
use std::str::FromStr;

use ipnet::IpNet;
use url::Url;

use super::reader::{Reader, SettingError};

/// An address, or a network of them in CIDR notation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IpNetwork(IpNet);

impl IpNetwork {
    /// Whether the address is in it.
    pub fn contains(&self, address: &IpAddr) -> bool {
        self.0.contains(address)
    }
}

impl FromStr for IpNetwork {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        text.parse()
            .or_else(|_| text.parse::<IpAddr>().map(IpNet::from))
            .map(Self)
            .map_err(|_| ())
    }
}

pub(super) fn trusted_proxies(reader: &Reader) -> Result<Vec<IpNetwork>, SettingError> {
    let name = "VITRINE_TRUSTED_PROXIES";
    reader
        .text(name)
        .unwrap_or_default()
        .split([',', ' '])
        .filter(|part| !part.is_empty())
        .map(|part| {
            part.parse().map_err(|()| {
                reader.bad(
                    name,
                    &format!("is no list of addresses or networks ({part})"),
                )
            })
        })
        .collect()
}

pub(super) fn public_url(reader: &Reader) -> Result<Option<Url>, SettingError> {
    let name = "VITRINE_PUBLIC_URL";
    let Some(text) = reader.text(name) else {
        return Ok(None);
    };
    let url: Option<Url> = text.trim().parse().ok();
    let is_origin = |url: &Url| {
        matches!(url.scheme(), "http" | "https")
            && url.has_host()
            && url.path() == "/"
            && url.query().is_none()
            && url.fragment().is_none()
            && url.username().is_empty()
            && url.password().is_none()
    };
    match url.filter(is_origin) {
        Some(url) => Ok(Some(url)),
        None => Err(reader.bad(name, "is not the address of a web site without a path")),
    }
}
