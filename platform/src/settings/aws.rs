//! The variables of AWS for endpoint, region and credentials. The SDK reads them too, and many
//! more; here they are checked, and tests can set them.

use crate::aws::{AccessKeys, AwsSettings};

use super::captions::address;
use super::reader::{Reader, SettingError};

pub(super) fn aws(reader: &Reader) -> Result<AwsSettings, SettingError> {
    let region = reader.text("AWS_REGION").map(str::trim);
    if region.is_some_and(|region| !is_name(region)) {
        return Err(reader.bad("AWS_REGION", "is not the name of a region"));
    }
    Ok(AwsSettings {
        endpoint: address(reader, "AWS_ENDPOINT_URL")?,
        region: region.map(str::to_owned),
        keys: keys(reader)?,
    })
}

fn is_name(region: &str) -> bool {
    region
        .chars()
        .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-')
}

fn keys(reader: &Reader) -> Result<Option<AccessKeys>, SettingError> {
    let text = |name| reader.text(name).map(str::trim);
    let pair = (text("AWS_ACCESS_KEY_ID"), text("AWS_SECRET_ACCESS_KEY"));
    match pair {
        (None, None) => Ok(None),
        (Some(id), Some(secret)) => Ok(Some(AccessKeys {
            id: id.to_owned(),
            secret: secret.into(),
            session_token: text("AWS_SESSION_TOKEN").map(Into::into),
        })),
        (Some(_), None) | (None, Some(_)) => Err(SettingError::new(
            "only one of AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY is set; set both, or none to \
             use the role of this machine"
                .to_owned(),
        )),
    }
}
