//! Each image with its steps, jobs and objects: what the rows claim has to be there.

use entity::image::{self, Model};
use entity::job;
use entity::step::{self, StepKind, StepState};
use functions::pipeline::dispatch::Dispatch;
use futures::TryStreamExt as _;
use futures::stream::{self, StreamExt as _};
use platform::objects::{ObjectKey, StoreError};
use sea_orm::{
    ColumnTrait as _, DbErr, EntityTrait as _, QueryFilter as _, QueryOrder as _, QuerySelect as _,
};
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use super::report::{Finding, Report};
use super::{BATCH, Check, CheckError, repair};

/// Images that are looked at at the same time: a store in a network answers slowly.
const AT_ONCE: usize = 16;

/// Looks at all images, in the order of their ids.
pub(super) async fn check(
    check: &Check<'_>,
    report: &mut Report,
    progress: impl Fn(u64),
) -> Result<(), CheckError> {
    let mut after = Uuid::nil();
    loop {
        let page = page(check, after).await?;
        let Some(last) = page.last() else {
            return Ok(());
        };
        after = last.image.id;
        report.images += page.len() as u64;
        let looks: Vec<Look> = stream::iter(page)
            .map(|rows| confirmed(check, rows))
            .buffer_unordered(AT_ONCE)
            .try_collect()
            .await?;
        report.originals_read += looks.iter().filter(|look| look.has_read).count() as u64;
        let found: Vec<Found> = looks.into_iter().flat_map(|look| look.found).collect();
        let steps = found
            .iter()
            .filter_map(|found| found.remedy.step(found.image));
        let queued = repair::queue(check, steps).await?;
        for found in found {
            let repaired = match found.remedy {
                Remedy::Sweep => check.repairs,
                Remedy::Rerun(step) => queued.contains(&(found.image, step)),
                Remedy::None => false,
            };
            report.add(found.finding, found.example, repaired);
        }
        progress(report.images);
    }
}

/// What a look at an image led to.
#[derive(Default)]
struct Look {
    found: Vec<Found>,
    /// Whether its original was read.
    has_read: bool,
}

/// Something about an image that is wrong.
struct Found {
    image: Uuid,
    finding: Finding,
    example: String,
    remedy: Remedy,
}

impl Look {
    fn add(&mut self, image: &Model, finding: Finding, example: String, remedy: Remedy) {
        self.found.push(Found {
            image: image.id,
            finding,
            example,
            remedy,
        });
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Remedy {
    None,
    /// Do the step again.
    Rerun(StepKind),
    /// The sweeper repairs it.
    Sweep,
}

impl Remedy {
    fn step(self, image: Uuid) -> Option<(Uuid, StepKind)> {
        match self {
            Self::Rerun(step) => Some((image, step)),
            _ => None,
        }
    }
}

/// The rows about one image.
struct Rows {
    image: Model,
    steps: Vec<step::Model>,
    jobs: Vec<job::Model>,
}

impl Rows {
    fn is_done(&self, kind: StepKind) -> bool {
        let step = self.steps.iter().find(|step| step.name == kind);
        step.is_some_and(|step| step.state == StepState::Done)
    }
}

async fn page(check: &Check<'_>, after: Uuid) -> Result<Vec<Rows>, DbErr> {
    let images = image::Entity::find()
        .filter(image::Column::Id.gt(after))
        .order_by_asc(image::Column::Id)
        .limit(BATCH as u64)
        .all(check.db)
        .await?;
    with_rows(check, images).await
}

async fn with_rows(check: &Check<'_>, images: Vec<Model>) -> Result<Vec<Rows>, DbErr> {
    let ids: Vec<Uuid> = images.iter().map(|image| image.id).collect();
    // Jobs first: a step that gets done in between has neither.
    let jobs = job::Entity::find()
        .filter(job::Column::ImageId.is_in(ids.iter().copied()))
        .all(check.db)
        .await?;
    let steps = step::of_all(ids).all(check.db).await?;
    let rows = images.into_iter().map(|image| {
        let id = image.id;
        Rows {
            image,
            steps: steps
                .iter()
                .filter(|step| step.image_id == id)
                .cloned()
                .collect(),
            jobs: jobs
                .iter()
                .filter(|job| job.image_id == id)
                .cloned()
                .collect(),
        }
    });
    Ok(rows.collect())
}

/// What is wrong with an image, and still is when its rows are read again: a step may have replaced
/// a rendition, or somebody may have deleted the image.
async fn confirmed(check: &Check<'_>, rows: Rows) -> Result<Look, CheckError> {
    let first = inspect(check, &rows).await?;
    if first.found.is_empty() {
        return Ok(first);
    }
    let again = image::Entity::find_by_id(rows.image.id)
        .all(check.db)
        .await?;
    match with_rows(check, again).await?.pop() {
        Some(rows) => inspect(check, &rows).await,
        None => Ok(Look::default()),
    }
}

async fn inspect(check: &Check<'_>, rows: &Rows) -> Result<Look, CheckError> {
    let image = &rows.image;
    let mut look = Look::default();
    if is_under_way(check, image, &mut look) {
        return Ok(look);
    }
    let original = original(check, image).await?;
    let is_read = original
        .as_ref()
        .is_none_or(|(finding, _)| *finding == Finding::OriginalWrongSha256);
    look.has_read = check.reads_originals && is_read;
    if let Some((finding, example)) = original {
        // What is made from it cannot be made again.
        look.add(image, finding, example, Remedy::None);
        return Ok(look);
    }
    // What is in the trash gets what it lacks when it is brought back.
    if image.deleted_at.is_none() {
        for (finding, key, step) in renditions(check, rows).await? {
            look.add(image, finding, key.to_string(), Remedy::Rerun(step));
        }
        steps(check, rows, &mut look);
    }
    Ok(look)
}

/// Whether the image is being uploaded or removed. If it has been for too long, that is noted.
fn is_under_way(check: &Check<'_>, image: &Model, look: &mut Look) -> bool {
    let (finding, since) = match (image.deleted_at, image.stored_at) {
        (Some(deleted_at), _) if image.is_being_removed(entity::now()) => (
            Finding::DeletionUnfinished,
            image.purge_at.unwrap_or(deleted_at),
        ),
        (_, None) => (Finding::UploadUnfinished, image.uploaded_at),
        _ => return false,
    };
    if check.is_overdue(since) {
        look.add(image, finding, image.id.to_string(), Remedy::Sweep);
    }
    true
}

fn steps(check: &Check<'_>, rows: &Rows, look: &mut Look) {
    let image = &rows.image;
    for kind in StepKind::ALL {
        let example = format!("{} {kind}", image.id);
        let Some(step) = rows.steps.iter().find(|step| step.name == kind) else {
            look.add(image, Finding::StepWithoutRow, example, Remedy::Sweep);
            continue;
        };
        let has_job = match check.dispatch {
            Dispatch::Jobs(_) => rows.jobs.iter().any(|job| job.step == kind),
            Dispatch::Sqs(_) => true,
        };
        if step.state == StepState::Done && !has_result(image, kind) {
            look.add(
                image,
                Finding::StepWithoutResult,
                example,
                Remedy::Rerun(kind),
            );
        } else if step.state.is_pending() && !has_job && check.is_overdue(step.queued_at) {
            look.add(image, Finding::StepWithoutJob, example, Remedy::Sweep);
        }
    }
}

/// Whether the row has what the step was for.
fn has_result(image: &Model, kind: StepKind) -> bool {
    match kind {
        StepKind::Thumbnail => image.thumbhash.is_some(),
        StepKind::Anonymise => image.copy_version.is_some(),
        StepKind::Annotate => image.caption_text.is_some() || image.decorative,
    }
}

async fn original(
    check: &Check<'_>,
    image: &Model,
) -> Result<Option<(Finding, String)>, StoreError> {
    let Ok(key) = ObjectKey::parse(&image.object_key) else {
        let example = format!("{} {:?}", image.id, image.object_key);
        return Ok(Some((Finding::OriginalBadKey, example)));
    };
    let bytes = u64::try_from(image.bytes).unwrap_or_default();
    let finding = match check.store.size(&key).await? {
        None => Some(Finding::OriginalMissing),
        Some(size) if size != bytes => Some(Finding::OriginalWrongSize),
        Some(_) if check.reads_originals => match sha256(check, &key).await {
            Ok(hash) if hash == image.sha256 => None,
            Ok(_) => Some(Finding::OriginalWrongSha256),
            Err(StoreError::NotFound(_)) => Some(Finding::OriginalMissing),
            Err(error) => return Err(error),
        },
        Some(_) => None,
    };
    Ok(finding.map(|finding| (finding, key.to_string())))
}

async fn sha256(check: &Check<'_>, key: &ObjectKey) -> Result<String, StoreError> {
    let mut object = check.store.open(key).await?;
    let mut hasher = Sha256::new();
    while let Some(chunk) = object.stream.next().await {
        let chunk = chunk.map_err(|source| StoreError::Io {
            doing: format!("reading {key}"),
            source,
        })?;
        hasher.update(&chunk);
    }
    Ok(hex::encode(hasher.finalize()))
}

/// The renditions that are missing, or not as large as the row says, with the step that makes them.
async fn renditions(
    check: &Check<'_>,
    rows: &Rows,
) -> Result<Vec<(Finding, ObjectKey, StepKind)>, StoreError> {
    let image = &rows.image;
    let mut wrong = Vec::new();
    if image.thumbhash.is_some() {
        let key = ObjectKey::thumbnail(image.id);
        // A step that runs replaces the object before the row.
        let bytes = image
            .thumbnail_bytes
            .filter(|_| rows.is_done(StepKind::Thumbnail));
        match check.store.size(&key).await? {
            None => wrong.push((Finding::ThumbnailMissing, key, StepKind::Thumbnail)),
            Some(size) if differs(size, bytes) => {
                wrong.push((Finding::ThumbnailWrongSize, key, StepKind::Thumbnail));
            }
            Some(_) => {}
        }
    }
    if image.copy_version.is_some() {
        let is_settled = rows.is_done(StepKind::Anonymise);
        let copy = ObjectKey::anonymised(image.id, image.copy_id);
        // Words that are due are in the object before the row has its new size.
        let bytes = image
            .anonymised_bytes
            .filter(|_| is_settled && image.words_due.is_none());
        let small = ObjectKey::anonymised_thumbnail(image.id, image.copy_id);
        let small_bytes = image.anonymised_thumbnail_bytes.filter(|_| is_settled);
        for (key, bytes) in [(copy, bytes), (small, small_bytes)] {
            match check.store.size(&key).await? {
                None => wrong.push((Finding::CopyMissing, key, StepKind::Anonymise)),
                Some(size) if differs(size, bytes) => {
                    wrong.push((Finding::CopyWrongSize, key, StepKind::Anonymise));
                }
                Some(_) => {}
            }
        }
    }
    Ok(wrong)
}

fn differs(size: u64, expected: Option<i64>) -> bool {
    expected.is_some_and(|expected| u64::try_from(expected) != Ok(size))
}
