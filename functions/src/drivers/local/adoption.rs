//! Originals that somebody put into the folder `uploads/` of the store by hand.

use std::collections::{HashMap, HashSet};
use std::time::{Duration, SystemTime};

use entity::image;
use futures::TryStreamExt as _;
use platform::objects::{Area, ListedObject, ObjectKey, StoreError};
use sea_orm::{ColumnTrait as _, DbErr, EntityTrait as _, QueryFilter as _, QuerySelect as _};
use tracing::warn;

use crate::pipeline::adopt::adopt;
use crate::pipeline::context::Context;

/// Files that are compared with the rows at once.
const BATCH: usize = 500;

/// A file that was written more recently may still be copied.
const SETTLED: Duration = Duration::from_secs(60);

/// Takes in what has no image yet. It remembers what it refused, and tries that again only if the file
/// changes.
#[derive(Debug)]
pub struct Adoption {
    /// In bytes.
    max_bytes: u64,
    refused: HashMap<ObjectKey, (u64, SystemTime)>,
}

#[derive(Debug, thiserror::Error)]
pub enum AdoptionError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Database(#[from] DbErr),
}

impl Adoption {
    /// Larger files are left alone.
    pub fn up_to(max_bytes: u64) -> Self {
        Self {
            max_bytes,
            refused: HashMap::new(),
        }
    }

    /// Looks through the folder once. Returns how many were taken in; whoever sweeps queues their steps.
    ///
    /// # Errors
    /// What was taken in until then stays.
    pub async fn look(&mut self, ctx: &Context) -> Result<usize, AdoptionError> {
        let mut taken = 0;
        let mut listed = ctx.store.list(Area::Uploads).try_chunks(BATCH);
        while let Some(files) = listed.try_next().await.map_err(|error| error.1)? {
            for file in self.new_among(ctx, files).await? {
                taken += usize::from(self.take(ctx, file).await);
            }
        }
        Ok(taken)
    }

    /// Those without an image that have come to rest and were not refused.
    async fn new_among(
        &self,
        ctx: &Context,
        files: Vec<ListedObject>,
    ) -> Result<Vec<ListedObject>, DbErr> {
        let paths = files.iter().map(|file| file.key.path());
        let known: Vec<String> = image::Entity::find()
            .select_only()
            .column(image::Column::ObjectKey)
            .filter(image::Column::ObjectKey.is_in(paths))
            .into_tuple()
            .all(&ctx.db)
            .await?;
        let known: HashSet<_> = known.into_iter().collect();
        let now = SystemTime::now();
        let is_settled = |file: &ListedObject| {
            let age = now.duration_since(file.stored_at);
            age.is_ok_and(|age| age >= SETTLED)
        };
        let is_new = |file: &ListedObject| {
            !known.contains(&file.key.path())
                && self.refused.get(&file.key) != Some(&(file.bytes, file.stored_at))
        };
        let mut files = files;
        files.retain(|file| is_settled(file) && is_new(file));
        Ok(files)
    }

    async fn take(&mut self, ctx: &Context, file: ListedObject) -> bool {
        match adopt(ctx, &file.key, self.max_bytes).await {
            Ok(Some(_)) => true,
            Ok(None) => {
                self.refused.insert(file.key, (file.bytes, file.stored_at));
                false
            }
            Err(error) => {
                warn!(key = %file.key, %error, "a file cannot be taken in yet");
                false
            }
        }
    }
}
