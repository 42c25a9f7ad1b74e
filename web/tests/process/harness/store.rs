//! The rows and files in a data folder, read without the server.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use entity::step::{StepKind, StepState};
use entity::{image, job, step};
use platform::database;
use platform::objects::ObjectKey;
use platform::settings::DatabaseSettings;
use sea_orm::{DatabaseConnection, EntityTrait as _, PaginatorTrait as _, QueryOrder as _};

/// The rows and objects of a home.
pub(crate) struct Stored {
    pub(crate) db: DatabaseConnection,
    objects: PathBuf,
}

impl Stored {
    pub(super) async fn open(data: &Path) -> Self {
        let settings = DatabaseSettings::sqlite(&data.join("vitrine.sqlite"));
        Self {
            db: database::connect(&settings).await.unwrap(),
            objects: data.join("objects"),
        }
    }

    /// All images, oldest first, deleted and incomplete ones included.
    pub(crate) async fn images(&self) -> Vec<image::Model> {
        let images = image::Entity::find().order_by_asc(image::Column::Id);
        images.all(&self.db).await.unwrap()
    }

    /// All steps.
    pub(crate) async fn steps(&self) -> Vec<step::Model> {
        step::Entity::find().all(&self.db).await.unwrap()
    }

    /// The number of jobs, waiting or leased.
    pub(crate) async fn jobs(&self) -> u64 {
        job::Entity::find().count(&self.db).await.unwrap()
    }

    /// The files in the store, such as `uploads/{id}.jpg`, without unfinished ones.
    pub(crate) fn objects(&self) -> BTreeSet<String> {
        let mut found = BTreeSet::new();
        for area in ["uploads", "thumbnails", "anonymised"] {
            self.collect(area, &mut found);
        }
        found
    }

    /// The files in a folder. A copy has a folder for its image, which may be gone a moment later.
    fn collect(&self, folder: &str, found: &mut BTreeSet<String>) {
        let Ok(entries) = std::fs::read_dir(self.objects.join(folder)) else {
            return;
        };
        for entry in entries {
            let entry = entry.unwrap();
            let name = format!("{folder}/{}", entry.file_name().to_str().unwrap());
            if entry.path().is_dir() {
                self.collect(&name, found);
            } else {
                found.insert(name);
            }
        }
    }

    /// Asserts that every image was processed once: one row for these bytes, exactly one object per
    /// rendition, a history whose last attempt alone succeeded, and no job left.
    pub(crate) async fn assert_whole(&self) {
        let images = self.images().await;
        let hashes: BTreeSet<_> = images.iter().map(|image| &image.sha256).collect();
        assert_eq!(hashes.len(), images.len());
        let mut expected = BTreeSet::new();
        for image in &images {
            let id = image.id;
            expected.insert(image.object_key.clone());
            expected.insert(format!("thumbnails/{id}.jpg"));
            let copy = image.copy_id;
            expected.insert(ObjectKey::anonymised(id, copy).to_string());
            expected.insert(ObjectKey::anonymised_thumbnail(id, copy).to_string());
            assert!(image.stored_at.is_some() && image.deleted_at.is_none());
            assert!(image.thumbhash.is_some() && image.copy_version.is_some());
            assert!(image.caption_text.is_some());
        }
        let objects = self.objects();
        assert!(objects.is_superset(&expected), "{objects:?}");
        // A kill between storing a copy and noting it leaves that copy behind: see "Known gaps" in
        // docs/architecture.md.
        for left in objects.difference(&expected) {
            let of_an_image = images
                .iter()
                .any(|image| left.starts_with(&format!("anonymised/{}/", image.id)));
            assert!(of_an_image, "{left}");
        }
        let steps = self.steps().await;
        assert_eq!(steps.len(), images.len() * StepKind::ALL.len());
        for step in &steps {
            assert_history_is_consistent(step);
        }
        assert_eq!(self.jobs().await, 0);
    }

    /// Attempts whose worker died before it had finished.
    pub(crate) async fn lost_attempts(&self) -> usize {
        let steps = self.steps().await;
        let attempts = steps
            .iter()
            .flat_map(|step| &step.history.as_ref().unwrap().0);
        attempts
            .filter(|attempt| attempt.state == StepState::Queued)
            .count()
    }
}

/// Only the last attempt succeeded, and attempts are numbered in the order in which they ran.
#[track_caller]
fn assert_history_is_consistent(step: &step::Model) {
    assert_eq!(step.state, StepState::Done, "{step:#?}");
    assert_eq!(step.error, None);
    assert!(step.finished_at.is_some());
    let history = &step.history.as_ref().unwrap().0;
    let numbers: Vec<_> = history.iter().map(|attempt| attempt.attempt).collect();
    assert_eq!(
        numbers,
        (1..=step.attempts).collect::<Vec<_>>(),
        "{step:#?}"
    );
    let (last, earlier) = history.split_last().unwrap();
    assert_eq!(last.state, StepState::Done, "{step:#?}");
    assert_eq!(last.finished_at, step.finished_at);
    for attempt in earlier {
        assert_eq!(attempt.state, StepState::Queued, "{step:#?}");
        assert!(attempt.started_at <= last.started_at);
    }
}
