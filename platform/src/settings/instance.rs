//! What this instance tells visitors about itself: its title, and whom to ask.

use url::Url;

use super::reader::{Reader, SettingError};

/// Characters of a title at most: it stands in the header of a phone.
const TITLE_LENGTH: usize = 60;

/// How visitors reach those who answer for the pictures.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Contact {
    /// As people read it.
    pub text: String,
    /// Where the link leads: `mailto:` or `https:`.
    pub href: String,
}

pub(super) fn title(reader: &Reader) -> Result<String, SettingError> {
    const NAME: &str = "VITRINE_TITLE";
    let title = reader.text_or(NAME, "Vitrine").trim();
    if title.chars().any(char::is_control) {
        return Err(reader.bad(NAME, "has line breaks or control characters"));
    }
    if title.chars().count() > TITLE_LENGTH {
        return Err(reader.bad(NAME, &format!("is longer than {TITLE_LENGTH} characters")));
    }
    Ok(title.to_owned())
}

pub(super) fn contact(reader: &Reader) -> Result<Option<Contact>, SettingError> {
    const NAME: &str = "VITRINE_CONTACT";
    let Some(text) = reader.text(NAME).map(str::trim) else {
        return Ok(None);
    };
    let href = if is_mail_address(text) {
        format!("mailto:{text}")
    } else {
        Url::parse(text)
            .ok()
            .filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host())
            .ok_or_else(|| reader.bad(NAME, "is neither a mail address nor a web address"))?
            .to_string()
    };
    Ok(Some(Contact {
        text: text.to_owned(),
        href,
    }))
}

/// One address, without the characters that would change a `mailto:` link.
fn is_mail_address(text: &str) -> bool {
    let is_plain = |c: char| !c.is_whitespace() && !c.is_control() && !"?&#,;:/%<>\"@".contains(c);
    text.split_once('@').is_some_and(|(name, host)| {
        !name.is_empty()
            && name.chars().all(is_plain)
            && host.contains('.')
            && host.chars().all(is_plain)
    })
}
