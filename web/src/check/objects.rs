//! Each object in the store: there has to be a row that names it.

use std::collections::HashMap;
use std::time::{Duration, SystemTime};

use entity::image::{self, Model};
use futures::TryStreamExt as _;
use futures::stream::StreamExt as _;
use platform::Format;
use platform::objects::{Area, ListedObject, ObjectKey};
use sea_orm::{ColumnTrait as _, EntityTrait as _, QueryFilter as _};
use uuid::Uuid;

use super::report::{Finding, Report};
use super::{BATCH, Check, CheckError};
use crate::sweeping::PENDING_KEPT;

/// How long a direct upload may take to be completed: an hour longer than servers keep it.
const PENDING_PATIENCE: Duration = PENDING_KEPT.saturating_add(Duration::from_secs(60 * 60));

/// Looks at all objects.
pub(super) async fn check(check: &Check<'_>, report: &mut Report) -> Result<(), CheckError> {
    for area in Area::ALL {
        let listed = check.store.list(area);
        let mut batches = listed.try_chunks(BATCH);
        while let Some(batch) = batches.next().await {
            let batch = batch.map_err(|error| error.1)?;
            report.objects += batch.len() as u64;
            for (object, finding) in without_row(check, area, &batch).await? {
                let repaired = check.repairs && repair(check, finding, &object.key).await?;
                report.add(finding, &object.key, repaired);
            }
        }
    }
    Ok(())
}

/// Those that no row names, unless their row may still be on its way.
async fn without_row<'a>(
    check: &Check<'_>,
    area: Area,
    batch: &'a [ListedObject],
) -> Result<Vec<(&'a ListedObject, Finding)>, CheckError> {
    let patience = match area {
        Area::Pending => check.patience.max(PENDING_PATIENCE),
        _ => check.patience,
    };
    let now = SystemTime::now();
    let is_settled = |object: &&ListedObject| {
        let age = now.duration_since(object.stored_at).unwrap_or_default();
        age >= patience
    };
    let settled: Vec<&ListedObject> = batch.iter().filter(is_settled).collect();
    let finding = match area {
        Area::Uploads => Finding::OriginalWithoutRow,
        Area::Thumbnails => Finding::ThumbnailWithoutRow,
        Area::Anonymised => Finding::CopyWithoutRow,
        Area::Pending => Finding::UploadNeverCompleted,
    };
    let named: Box<dyn Fn(&ObjectKey) -> bool + Send> = match area {
        Area::Pending => Box::new(|_| false),
        Area::Uploads => {
            let keys = settled.iter().map(|object| object.key.path());
            let rows = image::Entity::find()
                .filter(image::Column::ObjectKey.is_in(keys))
                .all(check.db)
                .await?;
            Box::new(move |key| rows.iter().any(|row| row.object_key == key.path()))
        }
        Area::Thumbnails | Area::Anonymised => {
            let ids = settled.iter().filter_map(|object| image_of(&object.key));
            let rows = image::Entity::find()
                .filter(image::Column::Id.is_in(ids))
                .all(check.db)
                .await?;
            let rows: HashMap<Uuid, Model> = rows.into_iter().map(|row| (row.id, row)).collect();
            Box::new(move |key| {
                let row = image_of(key).and_then(|id| rows.get(&id));
                row.is_some_and(|row| is_rendition_of(row, key))
            })
        }
    };
    let orphans = settled.into_iter().filter(|object| !named(&object.key));
    Ok(orphans.map(|object| (object, finding)).collect())
}

/// The image that a rendition was made of: its name begins with the id.
fn image_of(key: &ObjectKey) -> Option<Uuid> {
    let path = key.path();
    let (_, name) = path.split_once('/')?;
    Uuid::try_parse(name.get(..36)?).ok()
}

fn is_rendition_of(row: &Model, key: &ObjectKey) -> bool {
    // Until a deletion has removed everything, its objects may be there.
    row.deleted_at.is_some()
        || [
            ObjectKey::thumbnail(row.id),
            ObjectKey::anonymised(row.id, row.copy_id),
            ObjectKey::anonymised_thumbnail(row.id, row.copy_id),
        ]
        .contains(key)
}

/// Deletes a rendition that no row names. One whose original is there without a row stays: there
/// the rows are what is missing.
async fn repair(check: &Check<'_>, finding: Finding, key: &ObjectKey) -> Result<bool, CheckError> {
    match finding {
        Finding::ThumbnailWithoutRow | Finding::CopyWithoutRow => {
            let Some(id) = image_of(key) else {
                return Ok(false);
            };
            if image_row_is_lost(check, id).await? {
                return Ok(false);
            }
        }
        Finding::UploadNeverCompleted => {}
        _ => return Ok(false),
    }
    check.store.delete(key).await?;
    Ok(true)
}

/// Whether the original of an image is there, but its row is not.
async fn image_row_is_lost(check: &Check<'_>, id: Uuid) -> Result<bool, CheckError> {
    let row = image::Entity::find_by_id(id).one(check.db).await?;
    if row.is_some() {
        return Ok(false);
    }
    for format in Format::ALL {
        if check
            .store
            .size(&ObjectKey::original(id, format))
            .await?
            .is_some()
        {
            return Ok(true);
        }
    }
    Ok(false)
}
