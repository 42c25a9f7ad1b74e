//! Full-text search for images: in captions and tags, and in file names for people who may see them.
//!
//! Every word must match; the last one may be a prefix, because it may not be typed to its end. Case
//! and diacritics do not matter (`Zoë` is `zoe`). Each database decides about letters that are not
//! another letter with a diacritic (`ø`, `ß`), and in scripts without spaces only the beginning of a
//! run of letters matches.
//!
//! The newest [`RANKED`] matches come first, the best of them at the top; older ones follow, newest
//! first. So a search takes as long among a million images as among a thousand.

mod matches;
mod rank;
mod words;

use sea_orm::prelude::Uuid;
use sea_orm::{DatabaseConnection, DbErr};

pub use words::Words;

use crate::image::Audience;

/// How many matches are ranked, the newest.
pub const RANKED: u64 = 500;

/// The images that match every word and that the audience sees: `limit` after the first `skip`. Search
/// file names only for people who may see them.
pub async fn best(
    db: &DatabaseConnection,
    words: &Words,
    audience: &Audience,
    in_file_names: bool,
    skip: u64,
    limit: u64,
) -> Result<Vec<Uuid>, DbErr> {
    let matches = matches::Matches {
        words,
        audience,
        in_file_names,
    };
    let end = skip.saturating_add(limit);
    let mut ids = Vec::new();
    let mut ranked = 0;
    if skip < RANKED {
        let newest = matches.texts(db, RANKED).await?;
        ranked = newest.len() as u64;
        let page = rank::best_first(words, newest).into_iter();
        ids.extend(page.skip(index(skip)).take(index(limit)));
    }
    if end > RANKED && (skip >= RANKED || ranked == RANKED) {
        let begin = skip.max(RANKED);
        ids.extend(matches.ids(db, begin, end - begin).await?);
    }
    Ok(ids)
}

fn index(count: u64) -> usize {
    usize::try_from(count).unwrap_or(usize::MAX)
}
