//! Whose the pictures are: what every public copy carries.

use super::reader::{Reader, SettingError};

/// Characters at most.
const LENGTH: usize = 500;

/// A text on one line.
pub(super) fn line(reader: &Reader, name: &str) -> Result<Option<String>, SettingError> {
    let Some(text) = reader.text(name).map(str::trim) else {
        return Ok(None);
    };
    if text.chars().count() > LENGTH || text.chars().any(char::is_control) {
        return Err(reader.bad(name, "is not one line of at most 500 characters"));
    }
    Ok(Some(text.to_owned()))
}
