//! Settings of the store and of the queue.

use std::path::{Path, PathBuf};

use super::reader::{Reader, SettingError};

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Storage {
    Folder(PathBuf),
    /// The name of a bucket of S3.
    S3(String),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum QueueChoice {
    /// In the database, for workers of this code.
    Jobs,
    /// In queues of SQS at this address, in which `{step}` stands for the function.
    Sqs(String),
}

pub(super) fn queue(reader: &Reader) -> Result<QueueChoice, SettingError> {
    let name = "VITRINE_QUEUE";
    let Some(address) = reader.text(name).map(str::trim) else {
        return Ok(QueueChoice::Jobs);
    };
    if !address.starts_with("https://") && !address.starts_with("http://") {
        return Err(reader.bad(name, "is not the address of queues"));
    }
    if !address.contains("{step}") {
        return Err(reader.bad(
            name,
            "does not contain {step}, which stands for the function",
        ));
    }
    Ok(QueueChoice::Sqs(address.to_owned()))
}

pub(super) fn storage(reader: &Reader, data: &Path) -> Result<Storage, SettingError> {
    let Some(text) = reader.text("VITRINE_STORAGE").map(str::trim) else {
        return Ok(Storage::Folder(data.join("objects")));
    };
    let Some(bucket) = text.strip_prefix("s3:") else {
        let folder = text.strip_prefix("file://").unwrap_or(text);
        return Ok(Storage::Folder(folder.into()));
    };
    let bucket = bucket.trim_start_matches('/').trim_end_matches('/');
    // https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html
    let is_name = (3..=63).contains(&bucket.len())
        && bucket
            .chars()
            .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | '.'));
    if bucket.contains('/') {
        return Err(reader.bad(
            "VITRINE_STORAGE",
            "names a folder in a bucket; Vitrine needs a bucket of its own",
        ));
    }
    if !is_name {
        return Err(reader.bad("VITRINE_STORAGE", "has no bucket name after s3://"));
    }
    Ok(Storage::S3(bucket.to_owned()))
}
