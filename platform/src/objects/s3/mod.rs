//! Objects in a bucket of S3. Every write has a checksum that S3 verifies, and reading resumes
//! after a broken connection. The SDK retries.

mod download;
pub(super) mod failure;
mod versions;

use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use aws_config::SdkConfig;
use aws_config::timeout::TimeoutConfig;
use aws_sdk_s3::Client;
use aws_sdk_s3::config::Builder;
use aws_sdk_s3::operation::put_object::builders::PutObjectFluentBuilder;
use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::{ChecksumAlgorithm, Object};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use bytes::Bytes;
use futures::stream::{self, BoxStream};
use futures::{StreamExt as _, TryStreamExt as _};
use uuid::Uuid;

use crate::events::{ObjectCreated, ObjectEvents};
use crate::telemetry::{TRACEPARENT, traceparent};

use super::{
    Area, Body, Head, ListedObject, ObjectKey, ObjectStore, OpenObject, Presigning, StoreError,
};
use download::Download;
use failure::Failure;

/// The largest object that S3 accepts in one piece (5 GiB).
pub const MAX_OBJECT_BYTES: u64 = 5 * 1024 * 1024 * 1024;

/// The timeout of an upload grows by this per mebibyte. The SDK cuts off a sender that sends
/// nothing much earlier.
const PATIENCE: Duration = Duration::from_secs(15);
const PATIENCE_PER_MEBIBYTE: Duration = Duration::from_secs(2);

/// A store in a bucket. Cheap to clone; all clones share one client.
#[derive(Clone)]
pub struct S3Store {
    client: Client,
    bucket: Arc<str>,
    place: Arc<str>,
    presigning: Presigning,
    events: Option<Arc<dyn ObjectEvents>>,
}

impl S3Store {
    /// The store in this bucket. S3 itself sends events about new originals if it is configured to;
    /// otherwise `events` is told of originals that are stored through this.
    ///
    /// # Errors
    /// If the region or the credentials are not configured.
    pub async fn new(
        config: &SdkConfig,
        bucket: &str,
        events: Option<Arc<dyn ObjectEvents>>,
    ) -> Result<Self, StoreError> {
        let presigning = Presigning::new(config, bucket).await?;
        let client = client(config);
        let place = match (config.endpoint_url(), config.region()) {
            (Some(endpoint), _) => format!("at {endpoint}"),
            (None, Some(region)) => format!("in {region}"),
            (None, None) => "on AWS".to_owned(),
        };
        Ok(Self {
            client,
            bucket: bucket.into(),
            place: place.into(),
            presigning,
            events,
        })
    }

    /// Checks that the bucket exists and is accessible.
    ///
    /// # Errors
    /// With what to do about it.
    pub async fn check(&self) -> Result<(), StoreError> {
        let listing = self
            .client
            .list_objects_v2()
            .bucket(&*self.bucket)
            .prefix(Area::Uploads.prefix())
            .max_keys(1);
        match listing.send().await {
            Ok(_) => Ok(()),
            Err(error) => Err(self.failure("looking at the bucket").error(error)),
        }
    }

    fn failure(&self, doing: impl Into<String>) -> Failure<'_> {
        Failure {
            doing: doing.into(),
            bucket: &self.bucket,
            key: None,
        }
    }

    fn failure_at<'a>(&'a self, doing: &str, key: &'a ObjectKey) -> Failure<'a> {
        Failure {
            doing: format!("{doing} {key}"),
            bucket: &self.bucket,
            key: Some(key),
        }
    }

    async fn send(&self, key: &ObjectKey, body: &Body) -> Result<(), StoreError> {
        let (content, bytes, sha256) = match body {
            Body::Bytes(bytes) => (ByteStream::from(bytes.clone()), bytes.len() as u64, None),
            Body::File(file) => {
                let content = ByteStream::from_path(file.path()).await;
                let content = content.map_err(|error| StoreError::Io {
                    doing: format!("reading what is to be stored as {key}"),
                    source: std::io::Error::other(error),
                })?;
                (content, file.bytes(), Some(file.sha256()))
            }
        };
        // Only originals start the functions.
        let is_original = key.area() == Area::Uploads;
        let trace = is_original.then(traceparent).flatten();
        let metadata = trace.map(|trace| HashMap::from([(TRACEPARENT.to_owned(), trace)]));
        let put = put(&self.client, content, bytes, sha256)
            .set_metadata(metadata)
            .bucket(&*self.bucket)
            .key(key.path())
            .content_type(key.content_type())
            .cache_control(key.cache_control())
            .customize()
            .config_override(Builder::new().timeout_config(patience(bytes)));
        match put.send().await {
            Ok(_) => Ok(()),
            Err(error) => Err(self.failure_at("storing", key).error(error)),
        }
    }

    fn list_below(&self, folder: String) -> BoxStream<'static, Result<ListedObject, StoreError>> {
        let pages = self
            .client
            .list_objects_v2()
            .bucket(&*self.bucket)
            .prefix(format!("{folder}/"))
            .into_paginator()
            .send();
        let store = self.clone();
        stream::unfold(pages, |mut pages| async move {
            let page = pages.next().await?;
            Some((page, pages))
        })
        .map(move |page| match page {
            Ok(page) => {
                let objects = page.contents().iter();
                let listed: Vec<_> = objects.filter_map(|object| store.listed(object)).collect();
                Ok(stream::iter(listed.into_iter().map(Ok)))
            }
            Err(error) => Err(store.failure(format!("listing {folder}")).error(error)),
        })
        .try_flatten()
        .boxed()
    }

    fn listed(&self, object: &Object) -> Option<ListedObject> {
        let stored_at = object.last_modified()?;
        Some(ListedObject {
            key: ObjectKey::parse(object.key()?).ok()?,
            bytes: u64::try_from(object.size()?).ok()?,
            stored_at: SystemTime::try_from(*stored_at).ok()?,
        })
    }
}

pub(super) fn client(config: &SdkConfig) -> Client {
    // Most servers other than AWS have no host name for each bucket.
    let path_style = config.endpoint_url().is_some();
    let settings = Builder::from(config).force_path_style(path_style).build();
    Client::from_conf(settings)
}

/// A request that stores `content`; it needs a bucket and a key. S3 verifies the checksum; without one,
/// the SDK computes it while it signs.
pub(super) fn put(
    client: &Client,
    content: ByteStream,
    bytes: u64,
    sha256: Option<[u8; 32]>,
) -> PutObjectFluentBuilder {
    client
        .put_object()
        .content_length(i64::try_from(bytes).unwrap_or(i64::MAX))
        .checksum_algorithm(ChecksumAlgorithm::Sha256)
        .set_checksum_sha256(sha256.map(|digest| BASE64.encode(digest)))
        .body(content)
}

/// The timeout of one try to send this many bytes.
pub(super) fn patience(bytes: u64) -> TimeoutConfig {
    let mebibytes = u32::try_from(bytes >> 20).unwrap_or(u32::MAX);
    TimeoutConfig::builder()
        .operation_attempt_timeout(PATIENCE + PATIENCE_PER_MEBIBYTE * mebibytes)
        .build()
}

#[async_trait]
impl ObjectStore for S3Store {
    async fn put(&self, key: &ObjectKey, mut body: Body) -> Result<(), StoreError> {
        if let Body::File(file) = &mut body {
            let finished = file.finish().await;
            finished.map_err(|source| StoreError::Io {
                doing: format!("storing {key}"),
                source,
            })?;
        }
        self.send(key, &body).await?;
        if let Some(events) = &self.events
            && key.area() == Area::Uploads
        {
            events.created(ObjectCreated { key: key.clone() }).await;
        }
        Ok(())
    }

    async fn get(&self, key: &ObjectKey) -> Result<Bytes, StoreError> {
        let download = Download::begin(self, key, 0..u64::MAX).await?;
        download.collect().await
    }

    async fn get_range(&self, key: &ObjectKey, range: Range<u64>) -> Result<Bytes, StoreError> {
        if range.is_empty() {
            return Ok(Bytes::new());
        }
        match Download::begin(self, key, range).await {
            Ok(download) => download.collect().await,
            Err(download::NotBegun::BehindTheEnd) => Ok(Bytes::new()),
            Err(download::NotBegun::Failed(error)) => Err(error),
        }
    }

    async fn open(&self, key: &ObjectKey) -> Result<OpenObject, StoreError> {
        let download = Download::begin(self, key, 0..u64::MAX).await?;
        Ok(OpenObject {
            bytes: download.bytes(),
            stream: download.stream().map_err(std::io::Error::other).boxed(),
        })
    }

    async fn head(&self, key: &ObjectKey) -> Result<Option<Head>, StoreError> {
        let head = self
            .client
            .head_object()
            .bucket(&*self.bucket)
            .key(key.path());
        match head.send().await {
            Ok(head) => Ok(Some(Head {
                bytes: head
                    .content_length()
                    .and_then(|bytes| u64::try_from(bytes).ok())
                    .unwrap_or_default(),
                metadata: head.metadata.unwrap_or_default(),
            })),
            Err(error) => match self.failure_at("looking at", key).error(error) {
                // The answer has no body, which would tell a missing object from a missing bucket.
                // A missing bucket must not look like an empty store.
                StoreError::NotFound(_) => self.check().await.map(|()| None),
                // Nor does it say why.
                error @ StoreError::Refused { .. } => self.check().await.and(Err(error)),
                error => Err(error),
            },
        }
    }

    async fn delete(&self, key: &ObjectKey) -> Result<(), StoreError> {
        let delete = self
            .client
            .delete_object()
            .bucket(&*self.bucket)
            .key(key.path());
        match delete.send().await {
            Ok(_) => Ok(()),
            Err(error) => match self.failure_at("deleting", key).error(error) {
                StoreError::NotFound(_) => Ok(()),
                error => Err(error),
            },
        }
    }

    async fn delete_versions(&self, image_id: Uuid, original: &ObjectKey) {
        versions::delete(&self.client, &self.bucket, image_id, original).await;
    }

    fn list(&self, area: Area) -> BoxStream<'static, Result<ListedObject, StoreError>> {
        self.list_below(area.prefix().to_owned())
    }

    fn copies(&self, image_id: Uuid) -> BoxStream<'static, Result<ListedObject, StoreError>> {
        self.list_below(ObjectKey::folder_of_copies(image_id))
    }

    fn presigning(&self) -> Option<&Presigning> {
        Some(&self.presigning)
    }

    fn describe(&self) -> String {
        format!("bucket {} {}", self.bucket, self.place)
    }
}
