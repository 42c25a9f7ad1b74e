//! Faults of S3: busy, slow, broken or refusing. The store keeps its contract, or reports what is
//! wrong and what to do.

use std::time::Duration;

use aws_config::SdkConfig;
use aws_config::retry::RetryConfig;
use aws_config::stalled_stream_protection::StalledStreamProtectionConfig;
use aws_config::timeout::TimeoutConfig;
use bytes::Bytes;
use futures::TryStreamExt as _;
use platform::Format;
use platform::aws::{self, AwsSettings};
use platform::objects::{Area, Body, ObjectKey, StoreError};
use platform::testing::{Fault, Proxy};
use uuid::Uuid;

use crate::homes::{self, Home, moto, noise};

/// The timeout of a try: short compared with production, long for moto on a busy machine.
const PATIENCE: Duration = Duration::from_secs(2);

/// As in production, with shorter timeouts.
async fn impatient(settings: &AwsSettings) -> SdkConfig {
    let config = aws::config(settings).await;
    let timeouts = TimeoutConfig::builder()
        .operation_attempt_timeout(PATIENCE)
        .build();
    let retries = RetryConfig::standard()
        .with_max_attempts(4)
        .with_initial_backoff(Duration::from_millis(10));
    let stalls = StalledStreamProtectionConfig::enabled().grace_period(PATIENCE);
    config
        .into_builder()
        .stalled_stream_protection(stalls.build())
        .timeout_config(timeouts)
        .retry_config(retries)
        .build()
}

/// A store behind a proxy, with one object in it.
async fn store_behind_a_proxy() -> Option<(Home, Proxy, ObjectKey, Vec<u8>)> {
    let moto = moto().await?;
    let proxy = Proxy::start(moto.endpoint()).await;
    let mut settings = moto.settings();
    settings.endpoint = Some(proxy.endpoint());
    let home = homes::bucket(&impatient(&settings).await, &moto.bucket().await).await;
    let key = ObjectKey::original(Uuid::new_v4(), Format::Jpeg);
    let content = noise(300_000);
    let body = Body::Bytes(Bytes::from(content.clone()));
    home.store.put(&key, body).await.unwrap();
    proxy.requests();
    Some((home, proxy, key, content))
}

const BUSY: Fault = Fault::Answer(503, "SlowDown");

#[tokio::test]
async fn temporary_failures_are_retried() {
    let Some((home, proxy, key, content)) = store_behind_a_proxy().await else {
        return;
    };
    for fault in [
        BUSY,
        Fault::Answer(500, "InternalError"),
        Fault::HangUp,
        Fault::Silence,
    ] {
        proxy.next([fault, fault]);
        assert!(home.store.get(&key).await.unwrap() == content, "{fault:?}");
        proxy.next([fault, fault]);
        let size = home.store.size(&key).await.unwrap();
        assert_eq!(size, Some(300_000), "{fault:?}");
        proxy.next([fault]);
        let listed: Vec<_> = home.store.list(Area::Uploads).try_collect().await.unwrap();
        assert_eq!(listed.len(), 1, "{fault:?}");
    }
    for fault in [BUSY, Fault::HangUp] {
        let new = ObjectKey::original(Uuid::new_v4(), Format::Jpeg);
        proxy.next([fault, fault]);
        let body = home.file_of(&content).await;
        home.store.put(&new, body).await.unwrap();
        assert!(home.store.get(&new).await.unwrap() == content, "{fault:?}");
        proxy.next([fault, fault]);
        home.store.delete(&new).await.unwrap();
        assert_eq!(home.store.size(&new).await.unwrap(), None, "{fault:?}");
    }
}

#[tokio::test]
async fn downloads_resume_after_a_broken_connection() {
    let Some((home, proxy, key, content)) = store_behind_a_proxy().await else {
        return;
    };
    proxy.next([1, 70_000, 0, 100_000].map(Fault::CutBodyAfter));

    assert!(home.store.get(&key).await.unwrap() == content);

    let asked = proxy.requests();
    assert_eq!(asked.len(), 5, "{asked:?}");
    assert!(asked[1].contains("range: bytes=1-299999"), "{}", asked[1]);
    assert!(asked[1].contains("if-match:"), "{}", asked[1]);
    assert!(asked[4].contains("range: bytes=170001-"), "{}", asked[4]);

    proxy.next([Fault::CutBodyAfter(10)]);
    let part = home.store.get_range(&key, 1_000..2_000).await.unwrap();
    assert!(part == content[1_000..2_000]);
    proxy.next([Fault::CutBodyAfter(50_000)]);
    let object = home.store.open(&key).await.unwrap();
    let chunks: Vec<Bytes> = object.stream.try_collect().await.unwrap();
    assert!(chunks.concat() == content);
}

#[tokio::test]
async fn downloads_resume_after_a_stall() {
    let Some((home, proxy, key, content)) = store_behind_a_proxy().await else {
        return;
    };
    proxy.next([0, 100_000].map(Fault::StallBodyAfter));

    assert!(home.store.get(&key).await.unwrap() == content);

    let asked = proxy.requests();
    assert_eq!(asked.len(), 3, "{asked:?}");
    assert!(asked[2].contains("range: bytes=100000-"), "{}", asked[2]);
}

/// The response to HEAD has no body, which would have S3's reason.
#[tokio::test]
async fn head_refusals_are_explained() {
    let Some((home, proxy, key, _)) = store_behind_a_proxy().await else {
        return;
    };
    proxy.next([Fault::Answer(400, "")]);
    proxy.always(Fault::Answer(400, "ExpiredToken"));

    let error = home.store.size(&key).await.unwrap_err().to_string();

    assert!(error.contains("credentials have just expired"), "{error}");
}

#[tokio::test]
async fn resumed_download_never_mixes_two_versions() {
    let Some((home, proxy, key, _)) = store_behind_a_proxy().await else {
        return;
    };
    proxy.next([Fault::CutBodyAfter(10)]);
    let object = home.store.open(&key).await.unwrap();
    let new = Body::Bytes(Bytes::from(vec![0; 300_000]));
    home.store.put(&key, new).await.unwrap();

    let read: Result<Vec<Bytes>, _> = object.stream.try_collect().await;

    let error = read.unwrap_err().to_string();
    assert!(error.contains("replaced"), "{error}");
}

/// S3 refuses uploads whose checksum does not match. moto accepts them with the checksum, so the
/// damage shows when the object is read.
#[tokio::test]
async fn corruption_in_transit_is_detected() {
    let Some((home, proxy, _, content)) = store_behind_a_proxy().await else {
        return;
    };
    for body in [
        home.file_of(&content).await,
        Body::Bytes(Bytes::from(content.clone())),
    ] {
        let key = ObjectKey::original(Uuid::new_v4(), Format::Jpeg);
        proxy.next([Fault::Corrupt]);
        home.store.put(&key, body).await.unwrap();
        let put = proxy.requests().remove(0);
        assert!(put.contains("x-amz-checksum-sha256: "), "{put}");

        let error = home.store.get(&key).await.unwrap_err().to_string();

        assert!(error.contains("damaged"), "{error}");
        let object = home.store.open(&key).await.unwrap();
        let read: Result<Vec<Bytes>, _> = object.stream.try_collect().await;
        assert!(read.is_err());
        proxy.requests();
    }
}

#[tokio::test]
async fn lasting_failures_are_transient_errors() {
    let Some((home, proxy, key, _)) = store_behind_a_proxy().await else {
        return;
    };
    for fault in [
        BUSY,
        Fault::Answer(500, "InternalError"),
        Fault::Answer(400, "RequestTimeout"),
        Fault::HangUp,
        Fault::Silence,
        Fault::CutBodyAfter(10),
    ] {
        proxy.always(fault);
        let error = home.store.get(&key).await.unwrap_err();
        assert!(
            matches!(error, StoreError::Unavailable { .. }),
            "{fault:?}: {error}"
        );
        assert!(error.to_string().contains("in a moment"), "{error}");
    }
    // An object whose existence could not be checked is not reported as absent.
    proxy.always(BUSY);
    assert!(home.store.size(&key).await.is_err());
    assert!(home.store.delete(&key).await.is_err());
    let listed: Result<Vec<_>, _> = home.store.list(Area::Uploads).try_collect().await;
    assert!(listed.is_err());
}

#[tokio::test]
async fn refusals_are_not_retried_and_give_advice() {
    let Some((home, proxy, key, _)) = store_behind_a_proxy().await else {
        return;
    };
    for (status, code, advice) in [
        (403, "AccessDenied", "s3:GetObject"),
        (403, "InvalidAccessKeyId", "AWS_ACCESS_KEY_ID"),
        (403, "SignatureDoesNotMatch", "AWS_SECRET_ACCESS_KEY"),
        (403, "RequestTimeTooSkewed", "clock"),
        (404, "NoSuchBucket", "VITRINE_STORAGE"),
        (301, "PermanentRedirect", "AWS_REGION"),
        (400, "AuthorizationHeaderMalformed", "AWS_REGION"),
    ] {
        proxy.requests();
        proxy.always(Fault::Answer(status, code));

        let error = home.store.get(&key).await.unwrap_err();

        assert!(
            matches!(error, StoreError::Refused { .. }),
            "{code}: {error}"
        );
        assert!(error.to_string().contains(advice), "{code}: {error}");
        assert!(error.to_string().contains(&key.path()), "{code}: {error}");
        assert_eq!(proxy.requests().len(), 1, "{code}");
    }
}

#[tokio::test]
async fn unreachable_endpoint_is_reported() {
    let Some(moto) = moto().await else { return };
    let mut settings = moto.settings();
    // Nothing listens there: the port was free a moment ago.
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    settings.endpoint = Some(format!("http://{address}"));
    let home = homes::bucket(&impatient(&settings).await, "vitrine").await;

    let error = home
        .store
        .get(&ObjectKey::thumbnail(Uuid::nil()))
        .await
        .unwrap_err();

    assert!(matches!(error, StoreError::Unavailable { .. }), "{error}");
    assert!(error.to_string().contains("cannot be reached"), "{error}");
}
