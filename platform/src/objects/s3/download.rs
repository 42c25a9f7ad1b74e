//! Reading an object. After a broken connection, reading resumes at the same byte, as long as the
//! object is unchanged.

use std::ops::Range;

use aws_sdk_s3::operation::get_object::GetObjectOutput;
use aws_sdk_s3::primitives::ByteStream;
use bytes::{Bytes, BytesMut};
use futures::TryStreamExt as _;
use futures::stream::{self, Stream};
use tracing::debug;

use crate::objects::{ObjectKey, StoreError};

use super::S3Store;
use super::failure::{innermost, status};

/// Resumptions of one download.
const RESUMPTIONS: u32 = 5;

/// An object, or a range of it, that is being read.
pub(super) struct Download {
    store: S3Store,
    key: ObjectKey,
    /// Identifies the content, which may be replaced meanwhile.
    etag: Option<String>,
    /// The range still to be read.
    rest: Range<u64>,
    body: ByteStream,
    interruptions: u32,
}

pub(super) enum NotBegun {
    /// The object ends before the range begins.
    BehindTheEnd,
    Failed(StoreError),
}

impl From<NotBegun> for StoreError {
    fn from(reason: NotBegun) -> Self {
        match reason {
            // This cannot happen when reading from the beginning.
            NotBegun::BehindTheEnd => Self::Refused {
                doing: "reading".to_owned(),
                reason: "the object ends before the requested range".to_owned(),
            },
            NotBegun::Failed(error) => error,
        }
    }
}

impl Download {
    /// Requests these bytes, or as many of them as there are.
    pub(super) async fn begin(
        store: &S3Store,
        key: &ObjectKey,
        range: Range<u64>,
    ) -> Result<Self, NotBegun> {
        let answer = ask(store, key, &range, None).await?;
        let bytes = answer.content_length().and_then(|n| u64::try_from(n).ok());
        let Some(bytes) = bytes else {
            return Err(NotBegun::Failed(StoreError::Unavailable {
                doing: format!("reading {key}"),
                reason: "the response has no length".to_owned(),
            }));
        };
        Ok(Self {
            store: store.clone(),
            key: key.clone(),
            etag: answer.e_tag().map(str::to_owned),
            rest: range.start..range.start + bytes,
            body: answer.body,
            interruptions: 0,
        })
    }

    /// Bytes still to be read.
    pub(super) fn bytes(&self) -> u64 {
        self.rest.end - self.rest.start
    }

    pub(super) async fn collect(self) -> Result<Bytes, StoreError> {
        let mut bytes = BytesMut::with_capacity(usize::try_from(self.bytes()).unwrap_or_default());
        let mut chunks = std::pin::pin!(self.stream());
        while let Some(chunk) = chunks.try_next().await? {
            bytes.extend_from_slice(&chunk);
        }
        Ok(bytes.freeze())
    }

    pub(super) fn stream(self) -> impl Stream<Item = Result<Bytes, StoreError>> + Send {
        stream::try_unfold(self, |mut download| async move {
            let chunk = download.next().await?;
            Ok(chunk.map(|chunk| (chunk, download)))
        })
    }

    async fn next(&mut self) -> Result<Option<Bytes>, StoreError> {
        loop {
            match self.body.try_next().await {
                Ok(Some(chunk)) => {
                    self.rest.start += chunk.len() as u64;
                    return Ok(Some(chunk));
                }
                Ok(None) if self.rest.is_empty() => return Ok(None),
                Ok(None) => self.resume("the response ended too early").await?,
                Err(error) => self.resume(&innermost(&error)).await?,
            }
        }
    }

    /// Requests the rest.
    async fn resume(&mut self, reason: &str) -> Result<(), StoreError> {
        self.interruptions += 1;
        let given_up = if self.rest.is_empty() {
            // With nothing left to read, it was the checksum of the whole that failed.
            Some(format!("the data is damaged ({reason})"))
        } else if self.interruptions > RESUMPTIONS {
            Some(format!("it was interrupted again and again ({reason})"))
        } else {
            None
        };
        if let Some(reason) = given_up {
            return Err(StoreError::Unavailable {
                doing: format!("reading {}", self.key),
                reason,
            });
        }
        debug!(key = %self.key, reason, at = self.rest.start, "the download was interrupted and resumes");
        let etag = self.etag.clone();
        let answer = ask(&self.store, &self.key, &self.rest, etag).await?;
        self.body = answer.body;
        Ok(())
    }
}

async fn ask(
    store: &S3Store,
    key: &ObjectKey,
    range: &Range<u64>,
    etag: Option<String>,
) -> Result<GetObjectOutput, NotBegun> {
    let range = match (range.start, range.end) {
        (0, u64::MAX) => None,
        (start, end) => Some(format!("bytes={start}-{}", end - 1)),
    };
    let get = store
        .client
        .get_object()
        .bucket(&*store.bucket)
        .key(key.path())
        .set_range(range)
        .set_if_match(etag);
    get.send().await.map_err(|error| match status(&error) {
        Some(416) => NotBegun::BehindTheEnd,
        Some(412) => NotBegun::Failed(StoreError::Unavailable {
            doing: format!("reading {key}"),
            reason: "the object was replaced meanwhile".to_owned(),
        }),
        _ => NotBegun::Failed(store.failure_at("reading", key).error(error)),
    })
}
