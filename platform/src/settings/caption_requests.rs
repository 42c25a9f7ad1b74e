//! How long and how many at once a captioning provider is asked. A server on the same machine or in
//! the same house usually answers one request after the other, and slowly; a provider's own does not.

use std::net::IpAddr;
use std::time::Duration;

use url::{Host, Url};

use super::captions::CaptionerChoice;
use super::reader::{Reader, SettingError};

/// The default timeout of Gemini.
const GEMINI: Duration = Duration::from_secs(60);
/// The default timeout of OpenAI-compatible servers: a small machine may write for minutes.
const OPENAI: Duration = Duration::from_secs(5 * 60);
const LONGEST: Duration = Duration::from_secs(60 * 60);

/// How a provider is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CaptionRequests {
    /// How long an answer is waited for.
    pub timeout: Duration,
    /// Requests of all processes together that are answered at once.
    pub at_once: u32,
}

pub(super) fn requests(
    reader: &Reader,
    captioner: &CaptionerChoice,
) -> Result<CaptionRequests, SettingError> {
    let (timeout, at_once) = match captioner {
        CaptionerChoice::OpenAi(openai) if is_private(&openai.base_url) => (OPENAI, 1),
        CaptionerChoice::OpenAi(_) => (OPENAI, 4),
        CaptionerChoice::Gemini(_) | CaptionerChoice::Describe => (GEMINI, 4),
    };
    Ok(CaptionRequests {
        timeout: duration(reader, "VITRINE_CAPTION_TIMEOUT", timeout)?,
        at_once: reader.number("VITRINE_CAPTION_CONCURRENCY", at_once, 1..=256)?,
    })
}

/// Seconds, or a number with `s` or `m` behind it.
fn duration(reader: &Reader, name: &str, default: Duration) -> Result<Duration, SettingError> {
    let Some(text) = reader.text(name).map(str::trim) else {
        return Ok(default);
    };
    let number = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let unit = match text[number.len()..].to_ascii_lowercase().as_str() {
        "" | "s" => 1,
        "m" | "min" => 60,
        _ => return Err(reader.bad(name, "is neither seconds nor minutes")),
    };
    let seconds: Option<u64> = number.trim().parse().ok();
    let duration = seconds
        .and_then(|number| number.checked_mul(unit))
        .map(Duration::from_secs)
        .filter(|duration| (Duration::from_secs(1)..=LONGEST).contains(duration));
    duration.ok_or_else(|| reader.bad(name, "is not between 1 second and 60 minutes"))
}

/// Whether an address is on this machine or in a private network. Names are not looked up: those
/// without a dot, as of containers, and those of domains that are never public count.
fn is_private(address: &str) -> bool {
    let url = Url::parse(address).ok();
    match url.as_ref().and_then(Url::host) {
        Some(Host::Domain(name)) => {
            let name = name.trim_end_matches('.').to_ascii_lowercase();
            !name.contains('.')
                || [".localhost", ".local", ".internal", ".lan", ".home.arpa"]
                    .iter()
                    .any(|domain| name.ends_with(domain))
        }
        Some(Host::Ipv4(ip)) => is_private_ip(ip.into()),
        Some(Host::Ipv6(ip)) => is_private_ip(ip.to_ipv4_mapped().map_or(ip.into(), IpAddr::from)),
        None => false,
    }
}

fn is_private_ip(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => {
            let [a, b, ..] = ip.octets();
            ip.is_loopback()
                || ip.is_private()
                || ip.is_link_local()
                || ip.is_unspecified()
                // Shared by private networks across providers (RFC 6598).
                || (a == 100 && (64..128).contains(&b))
        }
        IpAddr::V6(ip) => {
            ip.is_loopback()
                || ip.is_unspecified()
                || ip.is_unique_local()
                || ip.is_unicast_link_local()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::Settings;
    use super::*;

    fn read(variables: &[(&str, &str)]) -> Result<CaptionRequests, SettingError> {
        let variables = variables
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        Settings::from_variables(variables).map(|settings| settings.caption_requests)
    }

    fn openai(address: &str) -> CaptionRequests {
        read(&[("OPENAI_BASE_URL", address), ("OPENAI_MODEL", "gemma3")]).unwrap()
    }

    #[test]
    fn a_server_in_the_house_is_asked_one_request_at_a_time_and_waited_for() {
        for address in [
            "http://127.0.0.1:11434/v1",
            "http://localhost:11434/v1",
            "http://[::1]:11434/v1",
            "http://[fd00::7]/v1",
            "http://192.168.1.9:1234/v1",
            "http://10.0.0.1/v1",
            "http://172.16.3.4/v1",
            "http://100.101.102.103/v1",
            "http://ollama:11434/v1",
            "http://host.docker.internal:11434/v1",
            "http://studio.local:1234/v1",
        ] {
            assert_eq!(openai(address).at_once, 1, "{address}");
            assert_eq!(openai(address).timeout, OPENAI, "{address}");
        }
        for address in [
            "https://api.openai.com/v1",
            "https://8.8.8.8/v1",
            "https://[2001:4860:4860::8888]/v1",
            "https://172.32.0.1/v1",
        ] {
            assert_eq!(openai(address).at_once, 4, "{address}");
        }
        let gemini = read(&[("GEMINI_API_KEY", "lion-tiger-key")]).unwrap();
        assert_eq!((gemini.at_once, gemini.timeout), (4, GEMINI));
    }

    #[test]
    fn a_timeout_is_seconds_or_minutes() {
        let timeout = |text| read(&[("VITRINE_CAPTION_TIMEOUT", text)]).map(|read| read.timeout);
        for (text, seconds) in [("90", 90), ("90s", 90), ("5m", 300), ("2 min", 120)] {
            assert_eq!(timeout(text).unwrap().as_secs(), seconds, "{text}");
        }
        for text in [
            "0",
            "-1",
            "1.5",
            "2h",
            "soon",
            "3601",
            "99999999999999999999",
        ] {
            let error = timeout(text).unwrap_err().to_string();
            assert!(error.contains("VITRINE_CAPTION_TIMEOUT="), "{error}");
        }
        for text in ["0", "257", "many"] {
            assert!(
                read(&[("VITRINE_CAPTION_CONCURRENCY", text)]).is_err(),
                "{text}"
            );
        }
    }
}
