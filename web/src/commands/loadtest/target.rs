//! Where requests go. Only this machine, unless the operator names another host on purpose: a load
//! test against the wrong address is an attack.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};

use anyhow::{Context as _, bail, ensure};
use url::{Host, Url};

const EXAMPLE: &str = "http://127.0.0.1:8080/gallery";

#[derive(Clone, Debug)]
pub(super) struct Target {
    pub(super) url: Url,
    /// Whether its answers name the instance.
    pub(super) names_instance: bool,
}

impl Target {
    /// # Errors
    /// If it is no address of the web, or of a host that was not allowed.
    pub(super) fn parse(endpoint: &str, allowed: Option<&str>) -> anyhow::Result<Self> {
        let url = Url::parse(endpoint)
            .ok()
            .filter(|url| matches!(url.scheme(), "http" | "https"))
            .with_context(|| {
                format!("--endpoint {endpoint} is no address of the web; an example is {EXAMPLE}")
            })?;
        ensure!(
            url.username().is_empty() && url.password().is_none(),
            "--endpoint has a user name or password; use --token"
        );
        let host = url.host().context("--endpoint has no host")?;
        let name = url.host_str().unwrap_or_default();
        match allowed {
            Some(allowed) if is_same_host(allowed, name) => {}
            Some(allowed) => bail!("--i-may names {allowed}, but --endpoint is at {name}"),
            None if is_loopback(&host) => {}
            None => bail!(
                "{name} is not this machine, and a load test can take a service down; if you are \
                 allowed to, add --i-may {name}"
            ),
        }
        Ok(Self {
            names_instance: url.path() == "/load-balancer-test",
            url,
        })
    }

    /// What the name of the host means, where no resolver is asked: `localhost` is always this
    /// machine.
    pub(super) fn pinned(&self) -> Option<(&str, [SocketAddr; 2])> {
        let name = self.url.host_str().filter(|name| *name == "localhost")?;
        // The client takes the port from the URL.
        let addresses = [Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()];
        Some((name, addresses.map(|ip| SocketAddr::new(ip, 0))))
    }

    /// Where photos are posted.
    pub(super) fn uploads(&self) -> Url {
        let mut url = self.url.clone();
        url.set_path("/api/images");
        url.set_query(None);
        url
    }
}

fn is_loopback(host: &Host<&str>) -> bool {
    match host {
        Host::Domain(name) => *name == "localhost",
        Host::Ipv4(ip) => ip.is_loopback(),
        Host::Ipv6(ip) => ip.to_canonical().is_loopback(),
    }
}

/// People write IPv6 addresses with and without brackets.
fn is_same_host(one: &str, other: &str) -> bool {
    let bare = |host: &str| host.trim_matches(['[', ']']).to_ascii_lowercase();
    bare(one) == bare(other)
}

#[cfg(test)]
mod tests {
    use super::Target;

    fn refusal(endpoint: &str, allowed: Option<&str>) -> String {
        Target::parse(endpoint, allowed).unwrap_err().to_string()
    }

    #[test]
    fn this_machine_needs_no_permission() {
        for endpoint in [
            "http://127.0.0.1:8080/gallery",
            "http://127.9.9.9",
            "http://[::1]:8080/",
            "http://[::ffff:127.0.0.1]/",
            "https://localhost/",
            "http://LOCALHOST:1/",
        ] {
            assert!(Target::parse(endpoint, None).is_ok(), "{endpoint}");
        }
    }

    #[test]
    fn other_hosts_are_refused_unless_they_are_named() {
        for endpoint in [
            "http://192.0.2.7/",
            "http://photos.example.org/gallery",
            "http://0.0.0.0:8080/",
            "http://[2001:db8::1]/",
            "http://localhost.example.org/",
            "http://127.0.0.1.example.org/",
        ] {
            let refusal = refusal(endpoint, None);
            assert!(refusal.contains("--i-may"), "{endpoint}: {refusal}");
        }
        assert!(Target::parse("http://photos.example.org/", Some("photos.example.org")).is_ok());
        assert!(Target::parse("http://[2001:db8::1]/", Some("2001:db8::1")).is_ok());
        let other = refusal("http://photos.example.org/", Some("example.org"));
        assert!(other.contains("--i-may names example.org"), "{other}");
    }

    #[test]
    fn an_address_that_cannot_be_used_is_explained() {
        for endpoint in ["gallery", "ftp://127.0.0.1/", "http://"] {
            let refusal = refusal(endpoint, None);
            assert!(refusal.contains("an example is"), "{endpoint}: {refusal}");
        }
        assert!(refusal("http://me:secret@127.0.0.1/", None).contains("--token"));
    }

    #[test]
    fn photos_are_posted_to_the_same_server() {
        let target = Target::parse("http://127.0.0.1:8080/gallery?q=1", None).unwrap();
        assert_eq!(
            target.uploads().as_str(),
            "http://127.0.0.1:8080/api/images"
        );
    }
}
