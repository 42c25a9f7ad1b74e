//! Originals that somebody put into the store without asking us, as with `aws s3 cp`: whichever
//! function meets one first takes it in as it lies there.

use entity::image::{self, Model};
use platform::Format;
use platform::objects::{Area, ObjectKey, StoreError};
use sea_orm::DbErr;
use sha2::{Digest as _, Sha256};
use tracing::{info, warn};

use crate::picture;
use crate::pipeline::context::Context;
use crate::pipeline::lifecycle::{NewImage, adopt_stored};

/// Makes an image of the object at `key`. None if that is not possible and never will be: it is
/// no photo that an upload would take, its bytes are there already, or it is gone.
///
/// # Errors
/// In words, if the store or the database does not answer.
pub(crate) async fn adopt(
    ctx: &Context,
    key: &ObjectKey,
    max_bytes: u64,
) -> Result<Option<Model>, String> {
    if key.area() != Area::Uploads {
        return Ok(None);
    }
    let size = ctx
        .store
        .size(key)
        .await
        .map_err(|error| error.to_string())?;
    match size {
        None => {
            info!(%key, "the object is gone, and so is its image");
            return Ok(None);
        }
        Some(size) if size > max_bytes => {
            warn!(%key, size, "the object is too large to be taken in; see VITRINE_MAX_UPLOAD_MB");
            return Ok(None);
        }
        Some(_) => {}
    }
    let bytes = match ctx.store.get(key).await {
        Ok(bytes) => bytes,
        Err(StoreError::NotFound(_)) => return Ok(None),
        Err(error) => return Err(error.to_string()),
    };
    let limits = ctx.options.limits;
    let (pixels, content) = match picture::inspect(&bytes, &limits) {
        Ok(found) => (
            u64::from(found.width) * u64::from(found.height),
            bytes.clone(),
        ),
        Err(refusal) => {
            warn!(%key, %refusal, "the object is not taken in");
            return Ok(None);
        }
    };
    let verify = move || picture::verify(&content, &limits);
    let inspection = match ctx.cpu.run(pixels, verify).await {
        Ok(Ok(inspection)) => inspection,
        Ok(Err(refusal)) => {
            warn!(%key, %refusal, "the object is not taken in");
            return Ok(None);
        }
        Err(panic) => return Err(panic.0),
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
        uploaded_by: None,
        idempotency_key: None,
    };
    let database = |error: DbErr| error.to_string();
    let adopted = adopt_stored(&ctx.db, key, &new).await.map_err(database)?;
    if let Some(image) = adopted {
        info!(%key, image = %image.id, "taken in as it lies in the store");
        return Ok(Some(image));
    }
    // Another function may have adopted it just now; then it is ours to work on too.
    let found = image::by_object_key(&key.path()).one(&ctx.db).await;
    let found = found.map_err(database)?;
    if found.is_none() {
        info!(%key, "the same bytes are there as another image already");
    }
    Ok(found)
}

/// The last part of the key, which somebody chose.
fn file_name(key: &ObjectKey, format: Format) -> String {
    let path = key.path();
    let name = path.rsplit('/').next().unwrap_or_default();
    match name.contains('.') {
        true => name.to_owned(),
        false => format!("{name}.{}", format.extension()),
    }
}
