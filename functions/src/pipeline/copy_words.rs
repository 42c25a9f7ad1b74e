//! The words in the public copies: alt text, description and rights, written into the objects
//! themselves, because a store hands them out without asking the server.
//!
//! Whatever changes the words or the copy sets `words_due` in the same transaction. A writer moves it
//! into the near future, writes the object, and clears it only if nothing changed meanwhile;
//! otherwise it is due again. So the last words win, even if a writer crashes or two overlap.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use entity::change::{self, Kind};
use entity::image::{self, Audience, Column, Entity, Model};
use platform::database::{begin_write, retry_conflicts};
use platform::objects::{Body, ObjectKey, ObjectStore, StoreError};
use sea_orm::sea_query::Expr;
use sea_orm::{
    ColumnTrait as _, DatabaseConnection, DbErr, EntityTrait as _, QueryFilter as _,
    QuerySelect as _,
};
use tracing::warn;
use uuid::Uuid;

use crate::pipeline::context::Context;
use crate::pipeline::lifecycle::remove_copy;
use crate::words::{Rights, Text, Words, with_words};

/// How long a writer keeps others away. If it dies, the words wait that long.
const HOLD: Duration = Duration::from_secs(60);

/// How often words that change again and again are written before the sweeper takes over.
const ROUNDS: usize = 3;

/// Writes words into copies. Cheap to clone.
#[derive(Clone)]
pub struct CopyWords {
    db: DatabaseConnection,
    store: Arc<dyn ObjectStore>,
    rights: Rights,
}

/// The words are not written yet. They stay due.
#[derive(Debug, thiserror::Error)]
pub enum CopyWordsError {
    #[error("the database: {0}")]
    Database(#[from] DbErr),
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl CopyWords {
    pub fn new(ctx: &Context) -> Self {
        Self {
            db: ctx.db.clone(),
            store: Arc::clone(&ctx.store),
            rights: ctx.options.rights.clone(),
        }
    }

    /// Writes the words of an image into its copy if they are due. An error is logged: the sweeper
    /// tries again.
    pub async fn refresh(&self, id: Uuid) {
        for _ in 0..ROUNDS {
            match self.write(id).await {
                Ok(Written::NothingDue) => return,
                Ok(Written::Once) => {}
                Err(error) => {
                    warn!(image = %id, %error, "the words in a copy are not up to date yet");
                    return;
                }
            }
        }
    }

    /// Writes all words that are due, of at most `limit` images.
    pub async fn refresh_due(&self, limit: u64) -> Result<(), DbErr> {
        let due: Vec<Uuid> = image::words_due(entity::now(), limit)
            .select_only()
            .column(Column::Id)
            .into_tuple()
            .all(&self.db)
            .await?;
        for id in due {
            self.refresh(id).await;
        }
        Ok(())
    }

    async fn write(&self, id: Uuid) -> Result<Written, CopyWordsError> {
        let now = entity::now();
        let found = image::visible_by_id(&Audience::Staff, id)
            .one(&self.db)
            .await?;
        let Some((image, due)) = found.and_then(|image| {
            let due = image.words_due.filter(|due| *due <= now)?;
            Some((image, due))
        }) else {
            return Ok(Written::NothingDue);
        };
        let hold = now + HOLD;
        if !self.set_due(id, due, Some(hold)).await? {
            // Another writer was faster, or the words have changed just now.
            return Ok(Written::Once);
        }
        let bytes = match self.rewrite(&image).await {
            Ok(bytes) => bytes,
            Err(error) => {
                self.set_due(id, hold, Some(now)).await?;
                return Err(error.into());
            }
        };
        let is_last = self.set_written(id, hold, bytes).await?;
        let now_shown = image::visible_by_id(&Audience::Staff, id)
            .one(&self.db)
            .await?
            .map(|image| image.copy_id);
        if now_shown != Some(image.copy_id) {
            // The image was deleted, or has a newer copy: this object may have been put back after it
            // was removed.
            remove_copy(self.store.as_ref(), id, image.copy_id).await?;
        }
        if !is_last {
            // They changed meanwhile, and another writer may have been overtaken by this one.
            Entity::update_many()
                .filter(Column::Id.eq(id))
                .col_expr(Column::WordsDue, Expr::value(entity::now()))
                .exec(&self.db)
                .await?;
        }
        Ok(Written::Once)
    }

    /// Puts the words into the object, and returns its size; none if there is no copy.
    async fn rewrite(&self, image: &Model) -> Result<Option<i64>, StoreError> {
        if image.copy_version.is_none() {
            return Ok(None);
        }
        let key = ObjectKey::anonymised(image.id, image.copy_id);
        let before = match self.store.get(&key).await {
            Ok(bytes) => bytes,
            Err(StoreError::NotFound(_)) => return Ok(None),
            Err(error) => return Err(error),
        };
        let words = words_of(image, &self.rights);
        let after = with_words(&before, &words);
        let bytes = i64::try_from(after.len()).unwrap_or(i64::MAX);
        if after != before {
            self.store.put(&key, Body::Bytes(after.into())).await?;
        }
        Ok(Some(bytes))
    }

    /// False if `due` is no longer what the row says.
    async fn set_due(
        &self,
        id: Uuid,
        due: DateTime<Utc>,
        to: Option<DateTime<Utc>>,
    ) -> Result<bool, DbErr> {
        let update = Entity::update_many()
            .filter(Column::Id.eq(id))
            .filter(Column::WordsDue.eq(due))
            .col_expr(Column::WordsDue, Expr::value(to));
        // MariaDB may lock the entry of `image_words_due` before the row. Others lock the row first.
        let updated = retry_conflicts(|| update.clone().exec(&self.db)).await?;
        Ok(updated.rows_affected == 1)
    }

    async fn set_written(
        &self,
        id: Uuid,
        hold: DateTime<Utc>,
        bytes: Option<i64>,
    ) -> Result<bool, DbErr> {
        retry_conflicts(|| self.set_written_once(id, hold, bytes)).await
    }

    async fn set_written_once(
        &self,
        id: Uuid,
        hold: DateTime<Utc>,
        bytes: Option<i64>,
    ) -> Result<bool, DbErr> {
        let mut update = Entity::update_many()
            .filter(Column::Id.eq(id))
            .filter(Column::WordsDue.eq(hold))
            .col_expr(Column::WordsDue, Expr::value(None::<DateTime<Utc>>));
        if let Some(bytes) = bytes {
            update = update
                .col_expr(Column::WordsAt, Expr::value(entity::now()))
                .col_expr(Column::AnonymisedBytes, Expr::value(bytes));
        }
        let tx = begin_write(&self.db).await?;
        let is_last = update.exec(&tx).await?.rows_affected == 1;
        if is_last && bytes.is_some() {
            // The copy has a new address.
            change::record(&tx, id, Kind::Image).await?;
        }
        tx.commit().await?;
        Ok(is_last)
    }
}

enum Written {
    NothingDue,
    /// They may be due again.
    Once,
}

/// What the copy of an image carries.
pub fn words_of(image: &Model, rights: &Rights) -> Words {
    let rights = rights.clone();
    if image.decorative {
        return Words {
            texts: Vec::new(),
            rights,
        };
    }
    let main = image.caption_text.clone().map(|alt| Text {
        language: image.caption_language.clone(),
        alt,
        extended: image.caption_paragraph.clone(),
    });
    let others = image.caption_translations.clone().unwrap_or_default().0;
    let others = others.into_iter().map(|other| Text {
        language: Some(other.language),
        alt: other.text,
        extended: other.paragraph,
    });
    Words {
        texts: main.into_iter().chain(others).collect(),
        rights,
    }
}
