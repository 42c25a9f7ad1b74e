//! Cards of the gallery, rendered once per change of their image and kind of viewer.

use std::sync::Arc;
use std::time::Instant;

use quick_cache::Weighter;
use quick_cache::sync::Cache;
use uuid::Uuid;

use super::LIFETIME;
use super::freshness::Moment;

/// Bytes of all cards together.
const CAPACITY: u64 = 32 << 20;

/// Cards that are expected; more fit if they are small.
const EXPECTED: usize = 10_000;

/// Cheap to clone.
#[derive(Clone)]
pub struct CardCache(Arc<Cache<(Uuid, Arc<str>), Card, ByBytes>>);

#[derive(Clone, Debug)]
struct Card {
    /// It shows at least this change.
    seq: i64,
    made_at: Instant,
    html: Arc<str>,
}

#[derive(Clone)]
struct ByBytes;

impl Weighter<(Uuid, Arc<str>), Card> for ByBytes {
    fn weight(&self, _: &(Uuid, Arc<str>), card: &Card) -> u64 {
        card.html.len() as u64 + 128
    }
}

impl Default for CardCache {
    fn default() -> Self {
        Self(Arc::new(Cache::with_weighter(EXPECTED, CAPACITY, ByBytes)))
    }
}

impl CardCache {
    /// The card of an image as it is now. `kind` is what else it depends on.
    pub(crate) fn get(&self, image: Uuid, kind: &Arc<str>, now: &Moment) -> Option<Arc<str>> {
        let card = self.0.get(&(image, Arc::clone(kind)))?;
        let is_current = card.seq >= now.changed_at(image) && card.made_at.elapsed() < LIFETIME;
        is_current.then_some(card.html)
    }

    /// Keeps a card that was made after `then`.
    pub(crate) fn put(&self, image: Uuid, kind: &Arc<str>, then: &Moment, html: Arc<str>) {
        let card = Card {
            seq: then.seq,
            made_at: Instant::now(),
            html,
        };
        self.0.insert((image, Arc::clone(kind)), card);
    }
}
