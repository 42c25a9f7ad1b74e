//! Which images have changed, and when: what is cached about images is right as long as the table
//! `change` has nothing newer.

use std::collections::HashMap;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant};

use entity::change;
use sea_orm::{DatabaseConnection, DbErr};
use tokio::sync::Mutex;
use uuid::Uuid;

use super::log_stamp::{LogStamp, log_of};

/// Changes per query.
const BATCH: u64 = 500;

/// Images whose last change is remembered. Beyond that, all count as changed just now.
const REMEMBERED: usize = 100_000;

/// After so long without a look, changes may have been deleted unseen: all images count as changed.
const MEMORY: Duration = Duration::from_secs(60 * 60);

/// How long the log of SQLite is believed that nothing was written.
const BELIEVED: Duration = Duration::from_secs(1);

/// Reads the table once for all requests that wait at the same time, and never answers with what was
/// read before a request asked, unless nothing was written since. Cheap to clone.
#[derive(Clone)]
pub struct Freshness {
    db: DatabaseConnection,
    /// SQLite's write-ahead log.
    log: Option<Arc<Path>>,
    /// How many have asked.
    asked: Arc<AtomicU64>,
    known: Arc<Mutex<Known>>,
}

/// The images as they were when somebody asked.
#[derive(Clone, Debug)]
pub struct Moment {
    /// The number of the last change of any image.
    pub(crate) seq: i64,
    changed: Arc<RwLock<Changed>>,
}

#[derive(Debug, Default)]
struct Changed {
    /// The last change of images that changed after `others`.
    at: HashMap<Uuid, i64>,
    /// No other image has changed after this one.
    others: i64,
}

#[derive(Debug, Default)]
struct Known {
    /// Of those who asked, so many have their answer.
    answered: u64,
    seq: i64,
    changed: Arc<RwLock<Changed>>,
    looked_at: Option<Instant>,
    /// Of the log, before the last look.
    stamp: Option<LogStamp>,
}

impl Moment {
    /// The number of the last change of an image, or a later one.
    pub(crate) fn changed_at(&self, image: Uuid) -> i64 {
        let changed = self.changed.read().unwrap_or_else(PoisonError::into_inner);
        changed.at.get(&image).copied().unwrap_or(changed.others)
    }
}

impl Freshness {
    pub async fn of(db: DatabaseConnection) -> Result<Self, DbErr> {
        let log = log_of(&db).await?;
        Ok(Self {
            db,
            log: log.map(Into::into),
            asked: Arc::default(),
            known: Arc::default(),
        })
    }

    /// What has changed up to now.
    pub(crate) async fn now(&self) -> Result<Moment, DbErr> {
        let turn = self.asked.fetch_add(1, Ordering::SeqCst) + 1;
        let stamp = self.stamp();
        let mut known = self.known.lock().await;
        // Otherwise a query that began after this request asked has answered it already.
        if known.answered < turn && !known.is_still_right(stamp) {
            let answers = self.asked.load(Ordering::SeqCst);
            known.look(&self.db).await?;
            known.answered = answers;
            known.stamp = stamp;
        }
        Ok(Moment {
            seq: known.seq,
            changed: Arc::clone(&known.changed),
        })
    }

    fn stamp(&self) -> Option<LogStamp> {
        LogStamp::of(self.log.as_deref()?)
    }
}

impl Known {
    fn is_still_right(&self, stamp: Option<LogStamp>) -> bool {
        let is_recent = self.looked_at.is_some_and(|at| at.elapsed() < BELIEVED);
        is_recent && stamp.is_some() && stamp == self.stamp
    }

    async fn look(&mut self, db: &DatabaseConnection) -> Result<(), DbErr> {
        let now = Instant::now();
        let is_current = self.looked_at.is_some_and(|at| now - at < MEMORY);
        if !is_current {
            let latest = change::latest().one(db).await?;
            self.forget(latest.map_or(self.seq, |change| change.seq));
        }
        loop {
            let changes = change::since(self.seq, BATCH).all(db).await?;
            let Some(last) = changes.last() else { break };
            self.seq = last.seq;
            if self.remember(&changes) > REMEMBERED {
                self.forget(self.seq);
            }
            if (changes.len() as u64) < BATCH {
                break;
            }
        }
        self.looked_at = Some(now);
        Ok(())
    }

    /// Returns how many images are remembered then.
    fn remember(&self, changes: &[change::Model]) -> usize {
        let mut changed = self.changed.write().unwrap_or_else(PoisonError::into_inner);
        let at = changes.iter().map(|change| (change.image_id, change.seq));
        changed.at.extend(at);
        changed.at.len()
    }

    fn forget(&mut self, seq: i64) {
        self.seq = seq;
        let mut changed = self.changed.write().unwrap_or_else(PoisonError::into_inner);
        *changed = Changed {
            at: HashMap::new(),
            others: seq,
        };
    }
}
