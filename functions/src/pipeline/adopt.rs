//! Originals that were put into the store without an upload, as with `aws s3 cp`: the function
//! that receives the first event creates the image.

use entity::image::{self, Model};
use platform::Format;
use platform::objects::{Area, ObjectKey, StoreError};
use sha2::{Digest as _, Sha256};
use tracing::{info, warn};

use crate::picture;
use crate::pipeline::context::Context;
use crate::pipeline::lifecycle::{NewImage, adopt_stored};
use crate::pipeline::outcomes::StepError;
use crate::words;

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
    let bytes = match ctx.store.get(key).await {
        Ok(bytes) => bytes,
        Err(StoreError::NotFound(_)) => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    let limits = ctx.options.limits;
    let (pixels, content) = match picture::inspect(&bytes, &limits) {
        Ok(found) => (
            u64::from(found.width) * u64::from(found.height),
            bytes.clone(),
        ),
        Err(refusal) => {
            warn!(%key, %refusal, "the object is not adopted");
            return Ok(None);
        }
    };
    let verify = move || picture::verify(&content, &limits);
    let inspection = match ctx.cpu.run(pixels, verify).await? {
        Ok(inspection) => inspection,
        Err(refusal) => {
            warn!(%key, %refusal, "the object is not adopted");
            return Ok(None);
        }
    };
    let new = NewImage {
        file_name: file_name(key, inspection.format),
        format: inspection.format,
        bytes: bytes.len() as u64,
        width: inspection.width,
        height: inspection.height,
        sha256: hex::encode(Sha256::digest(&bytes)),
        taken_at: inspection.taken_at,
        camera: inspection.camera,
        embedded: words::embedded(&bytes),
        context: None,
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
