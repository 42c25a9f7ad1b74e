//! Originals that were put into the store without an upload, as with `aws s3 cp`: the function
//! that receives the first event creates the image.

use entity::image::{self, Model};
use platform::Format;
use platform::objects::{Area, ObjectKey, StoreError};
use sha2::{Digest as _, Sha256};
use tracing::{info, warn};

use crate::pipeline::context::Context;
use crate::pipeline::lifecycle::{NewImage, adopt_stored};
use crate::pipeline::outcomes::StepError;
use crate::pipeline::pixel_workers::PictureFile;

/// Creates the image of the object at `key`. None if that will never be possible: an upload would
/// refuse it, its bytes have an image already, or it is gone.
pub(crate) async fn adopt(
    ctx: &Context,
    key: &ObjectKey,
    max_bytes: u64,
) -> Result<Option<Model>, StepError> {
    if key.area() != Area::Uploads {
        return Ok(None);
    }
    match ctx.store.size(key).await? {
        None => {
            info!(%key, "the object is gone, and so is its image");
            return Ok(None);
        }
        Some(size) if size > max_bytes => {
            warn!(%key, size, "the object is too large to be adopted; see VITRINE_MAX_UPLOAD_MB");
            return Ok(None);
        }
        Some(_) => {}
    }
    let object = match ctx.store.open(key).await {
        Ok(object) => object,
        Err(StoreError::NotFound(_)) => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    let bytes = object.bytes;
    let room = ctx.pixels.room(bytes).await;
    let mut hasher = Sha256::new();
    let file = PictureFile::of_stream(object.stream, room, |chunk| hasher.update(chunk))
        .await
        .map_err(|error| StepError::transient(format!("reading {key}: {error}")))?;
    let inspection = match ctx.pixels.verify(&file, &ctx.options.limits, false).await {
        Ok(inspection) => inspection,
        Err(error) => match StepError::from(error) {
            StepError::Permanent(reason) | StepError::Crashed(reason) => {
                warn!(%key, %reason, "the object is not adopted");
                return Ok(None);
            }
            error => return Err(error),
        },
    };
    drop(file);
    let new = NewImage {
        file_name: file_name(key, inspection.format),
        format: inspection.format,
        bytes,
        width: inspection.width,
        height: inspection.height,
        sha256: hex::encode(hasher.finalize()),
        taken_at: inspection.taken_at,
        camera: inspection.camera,
        uploaded_by: None,
        idempotency_key: None,
    };
    if let Some(image) = adopt_stored(&ctx.db, key, &new).await? {
        info!(%key, image = %image.id, "adopted");
        return Ok(Some(image));
    }
    // Another function may have adopted it just now.
    let found = image::by_object_key(&key.path()).one(&ctx.db).await?;
    if found.is_none() {
        info!(%key, "the same bytes have another image already");
    }
    Ok(found)
}

/// The last part of the key.
fn file_name(key: &ObjectKey, format: Format) -> String {
    let path = key.path();
    let name = path.rsplit('/').next().unwrap_or_default();
    match name.contains('.') {
        true => name.to_owned(),
        false => format!("{name}.{}", format.extension()),
    }
}
