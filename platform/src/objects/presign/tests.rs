//! What is signed, for how long, and with which credentials.

use std::sync::atomic::{AtomicUsize, Ordering};

use aws_config::BehaviorVersion;
use aws_credential_types::provider::{ProvideCredentials, error::CredentialsError, future};
use aws_sdk_s3::presigning::PresigningConfig;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;

use super::*;
use crate::objects::ObjectKey;

const MINUTE: u64 = 60;

fn at(seconds: u64) -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(seconds)
}

fn keys(token: Option<&str>, expiry: Option<SystemTime>) -> Credentials {
    Credentials::new(
        "AKIAIOSFODNN7EXAMPLE",
        "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
        token.map(str::to_owned),
        expiry,
        "test",
    )
}

fn config(provider: impl ProvideCredentials + 'static, endpoint: Option<&str>) -> SdkConfig {
    let config = SdkConfig::builder()
        .behavior_version(BehaviorVersion::v2026_01_12())
        .region(Region::new("eu-central-1"))
        .credentials_provider(SharedCredentialsProvider::new(provider));
    match endpoint {
        Some(endpoint) => config.endpoint_url(endpoint).build(),
        None => config.build(),
    }
}

#[test]
fn presigned_urls_are_stable_for_30_minutes_and_valid_for_15_or_more() {
    let window = 1_800_000_000 - 1_800_000_000 % (30 * MINUTE);
    for second in 0..60 * MINUTE {
        let now = at(window + second);
        let (signed_at, expires_in) = validity(now, None);

        let expected = if second < 30 * MINUTE { 0 } else { 30 * MINUTE };
        assert_eq!(signed_at, at(window + expected));
        let left = (signed_at + expires_in).duration_since(now).unwrap();
        assert!(left >= Duration::from_secs(15 * MINUTE), "{second}");
        assert!(left <= Duration::from_secs(45 * MINUTE), "{second}");
    }
}

#[test]
fn presigned_urls_expire_with_the_credentials() {
    let now = at(1_800_000_000);
    for minutes in [1, 10, 25] {
        let end = now + Duration::from_secs(minutes * MINUTE);
        let (signed_at, expires_in) = validity(now, Some(end));
        assert_eq!(signed_at + expires_in, end);
    }
    let in_hours = now + Duration::from_secs(6 * 60 * MINUTE);
    assert_eq!(validity(now, Some(in_hours)), validity(now, None));
    let before = now - Duration::from_secs(60 * MINUTE);
    assert_eq!(validity(now, Some(before)).1, Duration::from_secs(1));
}

/// The example of
/// <https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-query-string-auth.html>.
#[tokio::test]
async fn signature_matches_the_documented_example() {
    let inner = Inner {
        base: "https://examplebucket.s3.amazonaws.com".to_owned(),
        origin: String::new(),
        region: Region::new("us-east-1"),
        provider: SharedCredentialsProvider::new(keys(None, None)),
        known: Mutex::default(),
        signed: Signed::default(),
    };
    let signer = Signer {
        place: Arc::new(inner),
        credentials: keys(None, None),
        // 24 May 2013, midnight.
        signed_at: at(1_369_353_600),
        expires_in: Duration::from_secs(86_400),
    };

    let url = signer.sign("GET", "test.txt", &[], &[]).unwrap();

    assert_eq!(
        url,
        "https://examplebucket.s3.amazonaws.com/test.txt?X-Amz-Algorithm=AWS4-HMAC-SHA256\
         &X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20130524%2Fus-east-1%2Fs3%2Faws4_request\
         &X-Amz-Date=20130524T000000Z&X-Amz-Expires=86400&X-Amz-SignedHeaders=host\
         &X-Amz-Signature=aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404"
    );
}

#[tokio::test]
async fn the_same_url_is_signed_once_per_window() {
    let config = config(keys(None, None), None);
    let presigning = Presigning::new(&config, "photos").await.unwrap();
    let signer = presigning.signer().await.unwrap();
    let key = ObjectKey::parse("uploads/0192f0c1-2345-7000-8000-000000000001.jpg").unwrap();
    let read = |signer: &Signer, head| {
        let name = Disposition::Inline("photo.jpg");
        signer.read(&key, "1", name, head).unwrap()
    };
    let first = read(&signer, false);
    assert_eq!(read(&signer, false), first);
    assert_eq!(presigning.inner.signed.count(), 1);

    let later = Signer {
        signed_at: signer.signed_at + WINDOW,
        ..signer.clone()
    };
    let others = [
        read(&signer, true),
        read(&later, false),
        read(
            &Signer {
                credentials: Credentials::new("AKIAOTHER", "key", None, None, "test"),
                ..signer
            },
            false,
        ),
    ];
    assert!(!others.contains(&first));
    assert_eq!(presigning.inner.signed.count(), 4);
}

/// A query, and what stands before it.
fn parts(url: &str) -> (String, Vec<(String, String)>) {
    let url = Url::parse(url).unwrap();
    let mut query: Vec<_> = url.query_pairs().into_owned().collect();
    query.sort();
    (url[..url::Position::AfterPath].to_owned(), query)
}

#[tokio::test]
async fn presigned_urls_equal_those_of_the_sdk() {
    let names = ["photo.jpg", "Fest \"50%\" + Zürich.jpg"];
    let paths = ["uploads/a.jpg", "uploads/a+b=c&d ~e*(f)'g/100%/日本.jpg"];
    for (bucket, endpoint) in [
        ("photos", None),
        ("photos.with.dots", None),
        ("photos", Some("http://127.0.0.1:5000")),
    ] {
        for token in [None, Some("a/session+token==")] {
            let config = config(keys(token, None), endpoint);
            let presigning = Presigning::new(&config, bucket).await.unwrap();
            let ours = presigning.signer().await.unwrap();
            let sdk = aws_sdk_s3::config::Builder::from(&config)
                .force_path_style(endpoint.is_some())
                .build();
            let sdk = aws_sdk_s3::Client::from_conf(sdk);
            for (path, name) in paths.into_iter().zip(names) {
                let disposition = Disposition::Inline(name).to_string();
                let query = [
                    ("response-content-disposition", disposition.clone()),
                    ("response-content-type", "image/jpeg".to_owned()),
                    ("x-id", "GetObject".to_owned()),
                ];
                let validity = PresigningConfig::builder()
                    .start_time(ours.signed_at)
                    .expires_in(ours.expires_in);
                let theirs = sdk
                    .get_object()
                    .bucket(bucket)
                    .key(path)
                    .response_content_disposition(disposition)
                    .response_content_type("image/jpeg")
                    .presigned(validity.build().unwrap())
                    .await
                    .unwrap();

                let url = ours.sign("GET", path, &query, &[]).unwrap();

                assert_eq!(parts(&url), parts(theirs.uri()));
                assert!(url.starts_with(presigning.origin()), "{url}");
            }
        }
    }
}

#[tokio::test]
async fn presigned_puts_equal_those_of_the_sdk() {
    let config = config(keys(Some("a/session+token=="), None), None);
    let presigning = Presigning::new(&config, "photos").await.unwrap();
    let ours = presigning.signer().await.unwrap();
    let key = ObjectKey::pending(uuid::Uuid::nil());
    let metadata = [("file-name", "Z%C3%BCrich.jpg".to_owned())];
    let promise = Promise {
        content_type: "image/jpeg",
        bytes: 123_456,
        sha256: [7; 32],
        metadata: &metadata,
    };
    let validity = PresigningConfig::builder()
        .start_time(ours.signed_at)
        .expires_in(ours.expires_in);
    let theirs = aws_sdk_s3::Client::new(&config)
        .put_object()
        .bucket("photos")
        .key(key.path())
        .content_type("image/jpeg")
        .content_length(123_456)
        .checksum_sha256(BASE64.encode([7; 32]))
        .metadata("file-name", "Z%C3%BCrich.jpg")
        .presigned(validity.build().unwrap())
        .await
        .unwrap();

    let address = ours.write(&key, &promise).unwrap();

    // The SDK names the operation in the address; with that, signatures are the same.
    let named = [("x-id", "PutObject".to_owned())];
    let url = ours
        .sign("PUT", &key.path(), &named, &address.headers)
        .unwrap();
    assert_eq!(parts(&url), parts(theirs.uri()));
    let mut headers: Vec<_> = theirs
        .headers()
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
    headers.sort();
    let mut expected = address.headers;
    expected.sort();
    assert_eq!(headers, expected);
}

#[test]
fn content_disposition_encodes_any_name() {
    let inline = |name| Disposition::Inline(name).to_string();
    assert_eq!(inline("a b.jpg"), "inline; filename=\"a b.jpg\"");
    assert_eq!(
        inline("Zürich\r\n\"x\".jpg"),
        "inline; filename=\"Z_rich___x_.jpg\"; filename*=UTF-8''Z%C3%BCrich%0D%0A%22x%22.jpg"
    );
}

/// Hands out credentials that last for so long from the time they are asked for; none at all
/// once it has been told to fail.
#[derive(Debug)]
struct Role {
    lasting: Duration,
    asked: Arc<AtomicUsize>,
    fails_after: usize,
}

impl ProvideCredentials for Role {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        let asked = self.asked.fetch_add(1, Ordering::Relaxed);
        if asked >= self.fails_after {
            let error = CredentialsError::provider_error("the metadata service is away");
            return future::ProvideCredentials::ready(Err(error));
        }
        let expiry = SystemTime::now() + self.lasting;
        future::ProvideCredentials::ready(Ok(keys(Some("token"), Some(expiry))))
    }
}

async fn presigning(lasting: Duration, fails_after: usize) -> (Presigning, Arc<AtomicUsize>) {
    let asked = Arc::new(AtomicUsize::new(0));
    let role = Role {
        lasting,
        asked: Arc::clone(&asked),
        fails_after,
    };
    let config = config(role, None);
    (Presigning::new(&config, "photos").await.unwrap(), asked)
}

/// As if so much time had passed since credentials were asked for.
async fn age(presigning: &Presigning, by: Duration) {
    let mut known = presigning.inner.known.lock().await;
    known.as_mut().unwrap().asked_at -= by;
}

#[tokio::test]
async fn lasting_credentials_are_cached_and_refreshed() {
    let (presigning, asked) = presigning(Duration::from_secs(6 * 3600), 9).await;
    for _ in 0..5 {
        presigning.signer().await.unwrap();
    }
    assert_eq!(asked.load(Ordering::Relaxed), 1);

    age(&presigning, KEEP).await;
    presigning.signer().await.unwrap();
    assert_eq!(asked.load(Ordering::Relaxed), 2);
}

#[tokio::test]
async fn expiring_credentials_are_refreshed_once_a_minute() {
    let soon = Duration::from_secs(5 * MINUTE);
    let (presigning, asked) = presigning(soon, 2).await;
    for _ in 0..5 {
        let signer = presigning.signer().await.unwrap();
        assert!(signer.expires_at() <= SystemTime::now() + soon);
    }
    assert_eq!(asked.load(Ordering::Relaxed), 1);

    age(&presigning, ASK_AGAIN).await;
    presigning.signer().await.unwrap();
    assert_eq!(asked.load(Ordering::Relaxed), 2);

    // No newer ones can be fetched, and the old ones are still valid.
    age(&presigning, ASK_AGAIN).await;
    presigning.signer().await.unwrap();
    assert_eq!(asked.load(Ordering::Relaxed), 3);
}

#[tokio::test]
async fn without_credentials_nothing_is_signed() {
    let (presigning, _) = presigning(Duration::ZERO, 0).await;
    let error = presigning.signer().await.unwrap_err();
    assert!(error.to_string().contains("credentials"), "{error}");
}
