//! Versions of the objects of deleted images. Where a bucket keeps versions, a deletion only hides an
//! object.

use aws_sdk_s3::Client;
use aws_sdk_s3::config::http::HttpResponse;
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use tracing::{debug, warn};
use uuid::Uuid;

use super::failure::status;
use crate::objects::{Area, ObjectKey};

/// Deletes all versions of the objects of an image. If that is not allowed, it is logged: the objects
/// are hidden, and another attempt would change nothing.
pub(super) async fn delete(client: &Client, bucket: &str, image_id: Uuid, original: &ObjectKey) {
    let original = original.path();
    let below = |area: Area| format!("{}/{image_id}", area.prefix());
    let renditions = [below(Area::Thumbnails), below(Area::Anonymised)];
    let of_image = renditions.iter().map(|prefix| (prefix, false));
    for (prefix, is_whole) in of_image.chain([(&original, true)]) {
        match delete_below(client, bucket, prefix, is_whole).await {
            Ok(()) => {}
            Err(Some(403)) => {
                warn!(
                    prefix,
                    "versions of deleted pictures cannot be deleted; allow s3:ListBucketVersions \
                     and s3:DeleteObjectVersion, or have the bucket's lifecycle delete them"
                );
                return;
            }
            // A server that knows no versions.
            Err(status) => debug!(prefix, status, "versions cannot be listed or deleted"),
        }
    }
}

/// Deletes the versions of what begins with this path, or, with `is_whole`, is at this path.
///
/// # Errors
/// With the status of the answer, if there was one.
async fn delete_below(
    client: &Client,
    bucket: &str,
    path: &str,
    is_whole: bool,
) -> Result<(), Option<u16>> {
    let list = client.list_object_versions().bucket(bucket).prefix(path);
    // A page at a time: what is deleted is not on the next one.
    loop {
        let listed = list.clone().send().await.map_err(failed)?;
        let versions = listed.versions().iter();
        let markers = listed.delete_markers().iter();
        let found: Vec<_> = versions
            .map(|version| (version.key(), version.version_id()))
            .chain(markers.map(|marker| (marker.key(), marker.version_id())))
            .filter_map(|(key, version)| Some((key?, version?)))
            .filter(|(key, _)| !is_whole || *key == path)
            .collect();
        if found.is_empty() {
            return Ok(());
        }
        for (key, version) in found {
            let delete = client.delete_object().bucket(bucket).key(key);
            delete.version_id(version).send().await.map_err(failed)?;
        }
    }
}

fn failed<E: ProvideErrorMetadata>(error: SdkError<E, HttpResponse>) -> Option<u16> {
    status(&error)
}
