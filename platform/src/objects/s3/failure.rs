//! What S3's errors mean, and what to do about them: decided by status and code, never by the text.
//! Codes: <https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html>.

use std::error::Error;

use aws_credential_types::provider::error::CredentialsError;
use aws_sdk_s3::config::http::HttpResponse;
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};

use crate::objects::{ObjectKey, StoreError};

/// The operation that failed.
pub(in crate::objects) struct Failure<'a> {
    pub(in crate::objects) doing: String,
    pub(in crate::objects) bucket: &'a str,
    pub(in crate::objects) key: Option<&'a ObjectKey>,
}

impl Failure<'_> {
    pub(in crate::objects) fn error<E>(self, error: SdkError<E, HttpResponse>) -> StoreError
    where
        E: ProvideErrorMetadata + Error + Send + Sync + 'static,
    {
        match &error {
            SdkError::ServiceError(refused) => {
                let code = refused.err().code().unwrap_or_default().to_owned();
                let status = refused.raw().status().as_u16();
                self.answered(status, &code)
            }
            SdkError::TimeoutError(_) => self.unavailable("S3 did not answer in time"),
            _ => self.not_answered(&error),
        }
    }

    fn answered(self, status: u16, code: &str) -> StoreError {
        let bucket = self.bucket;
        match (status, code) {
            (_, "NoSuchBucket") => self.refused(format!(
                "there is no bucket {bucket}; make it, or set VITRINE_STORAGE to another one"
            )),
            (404, _) => match self.key {
                Some(key) => StoreError::NotFound(key.clone()),
                None => self.refused(format!("S3 finds nothing there ({code})")),
            },
            (301 | 307, _)
            | (_, "AuthorizationHeaderMalformed" | "IllegalLocationConstraintException") => self
                .refused(format!(
                    "bucket {bucket} is in another region; set AWS_REGION to the bucket's"
                )),
            (_, "ExpiredToken" | "TokenRefreshRequired" | "RequestExpired") => {
                self.unavailable("the credentials have just expired")
            }
            (_, "RequestTimeTooSkewed") => {
                self.refused("this machine's clock is wrong; set it".to_owned())
            }
            (_, "InvalidAccessKeyId" | "SignatureDoesNotMatch" | "InvalidToken") => self.refused(
                format!("S3 does not know these credentials ({code}); check AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN, or the role of this machine"),
            ),
            (401 | 403, _) => self.refused(format!(
                "access denied{}; allow this machine's role s3:ListBucket on bucket {bucket} and \
                 s3:GetObject, s3:PutObject and s3:DeleteObject on {bucket}/*, and its key if it is \
                 encrypted with one",
                in_brackets(code)
            )),
            (_, "SlowDown" | "RequestTimeout" | "BadDigest" | "XAmzContentChecksumMismatch")
            | (408 | 409 | 429 | 500..=599, _) => {
                self.unavailable(&format!("S3 answers {status}{}", in_brackets(code)))
            }
            _ => self.refused(format!("S3 answers {status}{}", in_brackets(code))),
        }
    }

    fn not_answered(self, error: &(dyn Error + 'static)) -> StoreError {
        let reason = innermost(error);
        if is_about_credentials(error) {
            return self.refused(format!(
                "there are no credentials ({reason}); set AWS_ACCESS_KEY_ID and \
                 AWS_SECRET_ACCESS_KEY, or give this machine a role"
            ));
        }
        self.unavailable(&format!("S3 cannot be reached ({reason})"))
    }

    fn unavailable(self, reason: &str) -> StoreError {
        StoreError::Unavailable {
            doing: self.doing,
            reason: reason.to_owned(),
        }
    }

    fn refused(self, reason: String) -> StoreError {
        StoreError::Refused {
            doing: self.doing,
            reason,
        }
    }
}

pub(in crate::objects) fn status<E>(error: &SdkError<E, HttpResponse>) -> Option<u16> {
    error
        .raw_response()
        .map(|response| response.status().as_u16())
}

fn in_brackets(code: &str) -> String {
    if code.is_empty() {
        String::new()
    } else {
        format!(" ({code})")
    }
}

fn chain<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(Some(error), |&error| error.source())
}

/// The innermost cause: the outer ones only say that something failed.
pub(super) fn innermost(error: &(dyn Error + 'static)) -> String {
    chain(error)
        .last()
        .map_or_else(String::new, ToString::to_string)
}

/// Whether no source of credentials is configured. One that did not answer may answer later.
fn is_about_credentials(error: &(dyn Error + 'static)) -> bool {
    chain(error).any(|cause| {
        matches!(
            cause.downcast_ref(),
            Some(
                CredentialsError::CredentialsNotLoaded(_)
                    | CredentialsError::InvalidConfiguration(_)
            )
        )
    })
}
