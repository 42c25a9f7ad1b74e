//! Backups in a bucket of S3, which should not be the bucket of the pictures.

use std::sync::Arc;

use async_trait::async_trait;
use aws_config::SdkConfig;
use aws_sdk_s3::Client;
use aws_sdk_s3::config::Builder;
use aws_sdk_s3::primitives::ByteStream;
use bytes::Bytes;
use futures::StreamExt as _;
use tokio_util::io::ReaderStream;

use super::Archive;
use crate::objects::s3::failure::{Failure, status};
use crate::objects::s3::{client, patience, put};
use crate::objects::{OpenObject, Scratch, ScratchFile, StoreError};

pub struct S3Archive {
    client: Client,
    bucket: Arc<str>,
    /// Empty, or with a slash at its end.
    prefix: String,
    scratch: Scratch,
}

impl S3Archive {
    /// Files are prepared in `scratch`.
    pub fn new(config: &SdkConfig, bucket: &str, folder: &str, scratch: Scratch) -> Self {
        let folder = folder.trim_matches('/');
        Self {
            client: client(config),
            bucket: bucket.into(),
            prefix: match folder {
                "" => String::new(),
                folder => format!("{folder}/"),
            },
            scratch,
        }
    }

    fn key(&self, path: &str) -> String {
        format!("{}{path}", self.prefix)
    }

    fn failure(&self, doing: &str, path: &str) -> Failure<'_> {
        Failure {
            doing: format!("{doing} s3://{}/{}", self.bucket, self.key(path)),
            bucket: &self.bucket,
            key: None,
        }
    }

    async fn send(
        &self,
        path: &str,
        content: ByteStream,
        bytes: u64,
        sha256: Option<[u8; 32]>,
    ) -> Result<(), StoreError> {
        let put = put(&self.client, content, bytes, sha256)
            .bucket(&*self.bucket)
            .key(self.key(path))
            .customize()
            .config_override(Builder::new().timeout_config(patience(bytes)));
        match put.send().await {
            Ok(_) => Ok(()),
            Err(error) => Err(self.failure("writing", path).error(error)),
        }
    }
}

#[async_trait]
impl Archive for S3Archive {
    async fn put(&self, path: &str, bytes: Bytes) -> Result<(), StoreError> {
        let length = bytes.len() as u64;
        self.send(path, ByteStream::from(bytes), length, None).await
    }

    async fn put_file(&self, path: &str, mut file: ScratchFile) -> Result<(), StoreError> {
        let unreadable = |source| StoreError::Io {
            doing: format!("reading what is to be written to {path}"),
            source,
        };
        file.finish().await.map_err(unreadable)?;
        let content = ByteStream::from_path(file.path()).await;
        let content = content.map_err(|error| unreadable(std::io::Error::other(error)))?;
        self.send(path, content, file.bytes(), Some(file.sha256()))
            .await
    }

    async fn open(&self, path: &str) -> Result<Option<OpenObject>, StoreError> {
        let get = self.client.get_object().bucket(&*self.bucket);
        match get.key(self.key(path)).send().await {
            Ok(answer) => Ok(Some(OpenObject {
                bytes: answer
                    .content_length()
                    .and_then(|bytes| u64::try_from(bytes).ok())
                    .unwrap_or_default(),
                stream: ReaderStream::new(answer.body.into_async_read()).boxed(),
            })),
            Err(error) if is_missing(&error) => Ok(None),
            Err(error) => Err(self.failure("reading", path).error(error)),
        }
    }

    async fn size(&self, path: &str) -> Result<Option<u64>, StoreError> {
        let head = self.client.head_object().bucket(&*self.bucket);
        match head.key(self.key(path)).send().await {
            Ok(head) => Ok(head
                .content_length()
                .and_then(|bytes| u64::try_from(bytes).ok())),
            // Without a body, the answer does not tell a missing file from a missing bucket. Whatever
            // is written next does.
            Err(error) if status(&error) == Some(404) => Ok(None),
            Err(error) => Err(self.failure("looking at", path).error(error)),
        }
    }

    async fn list(&self, folder: &str) -> Result<Vec<String>, StoreError> {
        let mut pages = self
            .client
            .list_objects_v2()
            .bucket(&*self.bucket)
            .prefix(format!("{}/", self.key(folder)))
            .into_paginator()
            .send();
        let mut files = Vec::new();
        while let Some(page) = pages.next().await {
            let page = page.map_err(|error| self.failure("listing", folder).error(error))?;
            let keys = page.contents().iter().filter_map(|object| object.key());
            files.extend(
                keys.filter_map(|key| key.strip_prefix(&self.prefix))
                    .map(str::to_owned),
            );
        }
        files.sort();
        Ok(files)
    }

    async fn delete(&self, path: &str) -> Result<(), StoreError> {
        let delete = self.client.delete_object().bucket(&*self.bucket);
        match delete.key(self.key(path)).send().await {
            Ok(_) => Ok(()),
            Err(error) => Err(self.failure("deleting", path).error(error)),
        }
    }

    fn scratch(&self) -> &Scratch {
        &self.scratch
    }

    fn describe(&self) -> String {
        format!("s3://{}/{}", self.bucket, self.prefix)
    }
}

/// Whether the file is missing, and not the bucket.
fn is_missing<E>(
    error: &aws_sdk_s3::error::SdkError<E, aws_sdk_s3::config::http::HttpResponse>,
) -> bool
where
    E: aws_sdk_s3::error::ProvideErrorMetadata,
{
    let code = error.as_service_error().and_then(|error| error.code());
    code == Some("NoSuchKey")
}
