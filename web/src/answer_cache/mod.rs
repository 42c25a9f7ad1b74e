//! Pages and JSON about images, made once per change and kind of viewer instead of once per request.
//!
//! What is kept carries the number of the last change that was known before it was made, and is given
//! out only while there is none after it: nobody sees an image after it was withdrawn, on whatever
//! instance that was done.

mod answer;
pub(crate) mod cards;
pub(crate) mod freshness;
mod log_stamp;
mod look_up;

use std::sync::Arc;
use std::time::Duration;

use quick_cache::Weighter;
use quick_cache::sync::Cache;

use self::answer::Answer;
pub use self::freshness::Freshness;
pub(crate) use self::look_up::{Lookup, look_up};

/// Bytes of all answers together.
const CAPACITY: u64 = 64 << 20;

/// Answers that are expected; more fit if they are small.
const EXPECTED: usize = 2_000;

/// Addresses that expire, and what changes without a change of an image, are made anew after this.
const LIFETIME: Duration = Duration::from_secs(60);

/// Cheap to clone.
#[derive(Clone)]
pub struct AnswerCache(Arc<Cache<Key, Arc<Answer>, ByBytes>>);

/// What an answer depends on besides the images.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Key {
    /// The last change.
    seq: i64,
    address: String,
    viewer: String,
    origin: Option<String>,
    languages: String,
    accept: String,
    /// Why captions are paused.
    pause: Option<String>,
}

#[derive(Clone)]
struct ByBytes;

impl Weighter<Key, Arc<Answer>> for ByBytes {
    fn weight(&self, key: &Key, answer: &Arc<Answer>) -> u64 {
        answer.weight() + key.address.len() as u64
    }
}

impl Default for AnswerCache {
    fn default() -> Self {
        Self(Arc::new(Cache::with_weighter(EXPECTED, CAPACITY, ByBytes)))
    }
}
