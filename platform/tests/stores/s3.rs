//! S3 only: metadata of objects, and misconfigured buckets.

use platform::aws;
use platform::objects::{Body, ObjectKey, ObjectStore as _, S3Store};
use uuid::Uuid;

use crate::homes::{self, moto};

#[tokio::test]
async fn objects_have_content_type_cache_control_and_checksum() {
    let Some(moto) = moto().await else { return };
    let (config, bucket) = (moto.sdk_config().await, moto.bucket().await);
    let home = homes::bucket(&config, &bucket).await;
    let s3 = client(&config);
    for (key, caching) in [
        (ObjectKey::thumbnail(Uuid::nil()), "private, max-age=86400"),
        (
            ObjectKey::anonymised(Uuid::nil(), None),
            "private, max-age=900",
        ),
    ] {
        for body in [
            Body::Bytes("a picture".into()),
            home.file_of(b"a picture").await,
        ] {
            home.store.put(&key, body).await.unwrap();

            let head = s3.head_object().bucket(&bucket).key(key.path());
            let head = head
                .checksum_mode(aws_sdk_s3::types::ChecksumMode::Enabled)
                .send()
                .await
                .unwrap();
            assert_eq!(head.content_type(), Some("image/jpeg"));
            assert_eq!(head.cache_control(), Some(caching));
            // printf 'a picture' | openssl dgst -sha256 -binary | base64
            assert_eq!(
                head.checksum_sha256(),
                Some("krL6WAKJWDF+QIvYTs+nD17jWxIZkdvCMsSdFmNTcIs=")
            );
        }
    }
}

#[tokio::test]
async fn missing_bucket_is_an_error() {
    let Some(moto) = moto().await else { return };
    let home = homes::bucket(&moto.sdk_config().await, "vitrine-nowhere").await;
    let key = ObjectKey::thumbnail(Uuid::nil());
    let failures = [
        home.store.size(&key).await.unwrap_err(),
        home.store.get(&key).await.unwrap_err(),
        home.store
            .put(&key, Body::Bytes("x".into()))
            .await
            .unwrap_err(),
    ];
    for failure in failures {
        let text = failure.to_string();
        assert!(text.contains("no bucket vitrine-nowhere"), "{text}");
        assert!(text.contains("VITRINE_STORAGE"), "{text}");
    }
}

#[tokio::test]
async fn missing_region_is_an_error() {
    let config = aws_config::SdkConfig::builder()
        .behavior_version(aws_config::BehaviorVersion::v2026_01_12())
        .build();
    let error = S3Store::new(&config, "vitrine", None).await.err().unwrap();
    assert!(error.to_string().contains("AWS_REGION"), "{error}");
}

#[tokio::test]
async fn store_describes_its_location() {
    let settings = aws::AwsSettings {
        region: Some("eu-central-1".to_owned()),
        ..Default::default()
    };
    let config = aws::config(&settings).await;
    let store = S3Store::new(&config, "photos", None).await.unwrap();
    assert_eq!(store.describe(), "bucket photos in eu-central-1");
}

pub(crate) fn client(config: &aws_config::SdkConfig) -> aws_sdk_s3::Client {
    let config = aws_sdk_s3::config::Builder::from(config)
        .force_path_style(true)
        .build();
    aws_sdk_s3::Client::from_conf(config)
}

#[tokio::test]
async fn versions_of_a_deleted_image_are_deleted_and_no_others() {
    let Some(moto) = moto().await else { return };
    let (config, bucket) = (moto.sdk_config().await, moto.bucket().await);
    let home = homes::bucket(&config, &bucket).await;
    let s3 = client(&config);
    let versioning = aws_sdk_s3::types::VersioningConfiguration::builder()
        .status(aws_sdk_s3::types::BucketVersioningStatus::Enabled)
        .build();
    let enable = s3.put_bucket_versioning().bucket(&bucket);
    let enabled = enable.versioning_configuration(versioning).send().await;
    enabled.unwrap();
    let (id, other, copy) = (Uuid::now_v7(), Uuid::now_v7(), Uuid::now_v7());
    let original = ObjectKey::parse("uploads/a.jpg").unwrap();
    let neighbour = ObjectKey::parse("uploads/a.jpg.png").unwrap();
    let of_image = [
        original.clone(),
        ObjectKey::thumbnail(id),
        ObjectKey::anonymised(id, Some(copy)),
    ];
    let of_others = [neighbour, ObjectKey::thumbnail(other)];
    for key in of_image.iter().chain(&of_others) {
        for body in ["older", "newer"] {
            home.store.put(key, Body::Bytes(body.into())).await.unwrap();
        }
        home.store.delete(key).await.unwrap();
    }

    home.store.delete_versions(id, &original).await;

    let left = s3.list_object_versions().bucket(&bucket).send().await;
    let left = left.unwrap();
    let mut keys: Vec<_> = left.versions().iter().filter_map(|one| one.key()).collect();
    keys.dedup();
    let mut expected: Vec<_> = of_others.iter().map(ObjectKey::path).collect();
    expected.sort();
    keys.sort_unstable();
    assert_eq!(keys, expected);
    assert_eq!(left.delete_markers().len(), 2);
}
