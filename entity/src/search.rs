//! Full-text search for images: in captions and tags, and in file names for people who may see them.
//!
//! Every word must match; the last one may be a prefix, because it may not be typed to its end. Case
//! and diacritics do not matter (`Zoë` is `zoe`). Each database decides about letters that are not
//! another letter with a diacritic (`ø`, `ß`), and in scripts without spaces only the beginning of a
//! run of letters matches.

use std::ops::Range;

use sea_orm::prelude::Uuid;
use sea_orm::{DatabaseConnection, DbBackend, DbErr, FromQueryResult, Statement};
use unicode_normalization::UnicodeNormalization as _;
use unicode_normalization::char::is_combining_mark;

use crate::image::Audience;

/// Further words are ignored.
const MAX_WORDS: usize = 16;
/// In characters. InnoDB does not index words of more than 84, with our prefix.
const MAX_LENGTH: usize = 80;

/// The words of a query. None of them can be an operator of a query language.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Words(Vec<String>);

impl Words {
    /// Splits a query. None if nothing can match it: it has no word, or one that is too long to be
    /// indexed.
    pub fn parse(text: &str) -> Option<Self> {
        let mut words: Vec<String> = Vec::new();
        for run in runs(text).take(MAX_WORDS) {
            let word = without_marks(&text[run]);
            if word.chars().count() > MAX_LENGTH {
                return None;
            }
            words.push(word);
        }
        (!words.is_empty()).then_some(Self(words))
    }

    /// The matches in a text as ranges of bytes, whole words from left to right.
    pub fn found_in(&self, text: &str) -> Vec<Range<usize>> {
        let wanted: Vec<_> = self.0.iter().map(|word| word.to_lowercase()).collect();
        runs(text)
            .filter(|run| {
                let word = without_marks(&text[run.clone()]).to_lowercase();
                wanted.contains(&word) || wanted.last().is_some_and(|last| word.starts_with(last))
            })
            .collect()
    }

    /// All words as one expression: `before` and `after` enclose each, `between` joins them, and
    /// `prefix` marks the last one as a prefix.
    fn join(&self, before: &str, after: &str, prefix: &str, between: &str) -> String {
        let words: Vec<_> = self
            .0
            .iter()
            .map(|word| format!("{before}{word}{after}"))
            .collect();
        words.join(between) + prefix
    }
}

/// The runs of letters and digits in a text, as ranges of bytes. Diacritics stay with their letter.
fn runs(text: &str) -> impl Iterator<Item = Range<usize>> {
    let mut characters = text.char_indices().peekable();
    std::iter::from_fn(move || {
        let (start, _) = characters.find(|(_, c)| is_word(*c))?;
        let mut end = text.len();
        while let Some((position, c)) = characters.peek() {
            if !is_word(*c) && !is_accent(*c) {
                end = *position;
                break;
            }
            characters.next();
        }
        Some(start..end)
    })
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() && !is_combining_mark(c)
}

/// A diacritic that is ignored.
fn is_accent(c: char) -> bool {
    ('\u{300}'..='\u{36f}').contains(&c)
}

fn without_marks(word: &str) -> String {
    word.nfd().filter(|c| !is_accent(*c)).collect()
}

/// The images that match every word and that the audience sees, best first and newest first among
/// equals: `limit` after the first `skip`. Search file names only for people who may see them.
pub async fn best(
    db: &DatabaseConnection,
    words: &Words,
    audience: &Audience,
    in_file_names: bool,
    skip: u64,
    limit: u64,
) -> Result<Vec<Uuid>, DbErr> {
    let backend = db.get_database_backend();
    let statement = statement(backend, words, audience, in_file_names, skip, limit);
    let hits = Hit::find_by_statement(statement).all(db).await?;
    Ok(hits.into_iter().map(|hit| hit.id).collect())
}

#[derive(FromQueryResult)]
struct Hit {
    id: Uuid,
}

/// Ids by rank. Where the database has weights, a match in a file name counts half of one in a
/// caption.
fn statement(
    backend: DbBackend,
    words: &Words,
    audience: &Audience,
    in_file_names: bool,
    skip: u64,
    limit: u64,
) -> Statement {
    let (seen, uploader) = seen_by(
        audience,
        if backend == DbBackend::Postgres {
            "$4"
        } else {
            "?"
        },
    );
    let (sql, expression) = match backend {
        DbBackend::Sqlite => {
            let expression = words.join("\"", "\"", "*", " AND ");
            let columns = if in_file_names {
                "words file_name"
            } else {
                "words"
            };
            // The index has all images. For staff, it need not be asked who sees which.
            let sql = match audience {
                Audience::Staff => "SELECT row.image_id AS id
                    FROM (
                        SELECT rowid AS number, bm25(image_search, 2.0, 1.0) AS score
                        FROM image_search WHERE image_search MATCH ?
                        ORDER BY score, number DESC LIMIT ? OFFSET ?
                    ) AS hit JOIN image_search_row AS row ON row.number = hit.number
                    ORDER BY hit.score, hit.number DESC"
                    .to_owned(),
                _ => format!(
                    "SELECT row.image_id AS id, bm25(image_search, 2.0, 1.0) AS score
                    FROM image_search
                    JOIN image_search_row AS row ON row.number = image_search.rowid
                    JOIN image ON image.id = row.image_id
                    WHERE image_search MATCH ? AND {seen}
                    ORDER BY score, row.number DESC LIMIT ? OFFSET ?"
                ),
            };
            (sql, format!("{{{columns}}} : ({expression})"))
        }
        DbBackend::Postgres => {
            let column = if in_file_names {
                "search_words_and_name"
            } else {
                "search_words"
            };
            let sql = format!(
                "SELECT image.id FROM image, to_tsquery('simple', $1) AS query
                WHERE {column} @@ query AND stored_at IS NOT NULL AND deleted_at IS NULL
                    AND {seen}
                ORDER BY ts_rank('{{0, 0, 0.5, 1}}', {column}, query, 1) DESC,
                    uploaded_at DESC, id DESC LIMIT $2 OFFSET $3"
            );
            (sql, words.join("'", "'", ":*", " & "))
        }
        _ => {
            let columns = if in_file_names {
                "search_words, search_name"
            } else {
                "search_words"
            };
            let sql = format!(
                "SELECT id FROM (
                    SELECT id, uploaded_at, uploaded_by, stored_at, deleted_at, review, copy_version,
                        boxes_version, MATCH ({columns}) AGAINST (? IN BOOLEAN MODE) AS score
                    FROM image WHERE MATCH ({columns}) AGAINST (? IN BOOLEAN MODE)
                ) AS hit WHERE stored_at IS NOT NULL AND deleted_at IS NULL AND {seen}
                ORDER BY score DESC, uploaded_at DESC, id DESC LIMIT ? OFFSET ?"
            );
            let expression = words.join("+vx", "", "*", " ");
            let values: [sea_orm::Value; 2] = [expression.clone().into(), expression.into()];
            let rest: [sea_orm::Value; 2] = [limit.into(), skip.into()];
            let values = values.into_iter().chain(uploader).chain(rest);
            return Statement::from_sql_and_values(backend, sql, values);
        }
    };
    let (limit, skip) = (
        i64::try_from(limit).unwrap_or(i64::MAX),
        i64::try_from(skip).unwrap_or(i64::MAX),
    );
    let rest: [sea_orm::Value; 2] = [limit.into(), skip.into()];
    let expression = std::iter::once(expression.into());
    let values: Vec<sea_orm::Value> = match backend {
        DbBackend::Postgres => expression.chain(rest).chain(uploader).collect(),
        _ => expression.chain(uploader).chain(rest).collect(),
    };
    Statement::from_sql_and_values(backend, sql, values)
}

/// [`Audience::sees`] in SQL, and the value of its parameter.
fn seen_by(audience: &Audience, parameter: &str) -> (String, Option<sea_orm::Value>) {
    let public = "review = 'released' AND copy_version = boxes_version";
    match audience {
        Audience::Staff => ("1 = 1".to_owned(), None),
        Audience::Public => (public.to_owned(), None),
        Audience::Uploader(name) => (
            format!("({public} OR uploaded_by = {parameter})"),
            Some(name.as_str().into()),
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> Vec<String> {
        Words::parse(text).map(|words| words.0).unwrap_or_default()
    }

    #[test]
    fn queries_are_split_into_words_without_diacritics() {
        for (text, words) in [
            ("A red fox", vec!["A", "red", "fox"]),
            (
                "Zoë's  été-2024.jpg",
                vec!["Zoe", "s", "ete", "2024", "jpg"],
            ),
            ("Zoe\u{308}", vec!["Zoe"]),
            ("snow_fox|NEAR(a,b)", vec!["snow", "fox", "NEAR", "a", "b"]),
            ("\"+-<>~*@():&!' 🦊 —", vec![]),
            ("", vec![]),
        ] {
            assert_eq!(parsed(text), words, "{text}");
        }
    }

    #[test]
    fn long_queries_are_cut() {
        assert_eq!(parsed(&"a ".repeat(5000)).len(), MAX_WORDS);
        assert_eq!(Words::parse(&"a".repeat(10_000)), None);
        assert_eq!(parsed(&"a".repeat(MAX_LENGTH)).len(), 1);
    }

    #[test]
    fn words_match_whole_and_the_last_one_by_prefix() {
        let text = "Zoé's fox, the Foxes and a Zoe\u{308}tic zoo.";
        for (words, found) in [
            ("zoe", vec!["Zoé", "Zoe\u{308}tic"]),
            ("ZOË fox", vec!["Zoé", "fox", "Foxes"]),
            ("the", vec!["the"]),
            ("nothing", vec![]),
        ] {
            let ranges = Words::parse(words).map(|words| words.found_in(text));
            let marked: Vec<_> = ranges
                .into_iter()
                .flatten()
                .map(|range| &text[range])
                .collect();
            assert_eq!(marked, found, "{words}");
        }
    }
}
