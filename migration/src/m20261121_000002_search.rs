//! The full-text index for `entity::search`. Each database keeps it up to date itself, so that no
//! code can forget to.
//!
//! A word is a run of letters and digits without diacritics. Tags come after the caption. File
//! names are indexed separately, because visitors must not find them.

use sea_orm::{ConnectionTrait as _, DbBackend};
use sea_orm_migration::prelude::*;

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        create(manager, &["caption_text"]).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        drop(manager).await
    }
}

/// Indexes these columns, tags and file names. Later migrations call it with more columns.
pub(crate) async fn create(manager: &SchemaManager<'_>, columns: &[&str]) -> Result<(), DbErr> {
    let statements = match manager.get_database_backend() {
        DbBackend::Sqlite => sqlite::up(columns),
        DbBackend::Postgres => postgres::up(columns),
        _ => mysql::up(columns),
    };
    run(manager, &statements).await
}

/// Drops the index, so that its columns can be changed.
pub(crate) async fn drop(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let statements = match manager.get_database_backend() {
        DbBackend::Sqlite => sqlite::DOWN,
        DbBackend::Postgres => postgres::DOWN,
        _ => mysql::DOWN,
    };
    run(manager, statements).await
}

async fn run(
    manager: &SchemaManager<'_>,
    statements: &[impl AsRef<str> + Sync],
) -> Result<(), DbErr> {
    for statement in statements {
        manager
            .get_connection()
            .execute_unprepared(statement.as_ref())
            .await?;
    }
    Ok(())
}

/// FTS5 without a copy of the text. Images have no number of their own that survives a `VACUUM`, so
/// `image_search_row` gives them one, in the order of uploads, which decides between equal ranks.
/// The index has visible images only, which saves a look at the image for each match.
mod sqlite {
    pub(super) const DOWN: &[&str] = &[
        "DROP TRIGGER image_search_delete",
        "DROP TRIGGER image_search_update",
        "DROP TRIGGER image_search_insert",
        "DROP TABLE image_search",
        "DROP TABLE image_search_row",
    ];

    pub(super) fn up(columns: &[&str]) -> Vec<String> {
        let new_is_here = index("new.id", columns);
        let watched = columns.join(", ");
        vec![
            "CREATE TABLE image_search_row (
                number INTEGER PRIMARY KEY,
                image_id uuid_text NOT NULL UNIQUE
            )"
            .to_owned(),
            "CREATE VIRTUAL TABLE image_search USING fts5(
                words, file_name, content='', contentless_delete=1,
                tokenize='unicode61 remove_diacritics 2'
            )"
            .to_owned(),
            "INSERT INTO image_search_row (image_id) SELECT id FROM image ORDER BY uploaded_at, id"
                .to_owned(),
            index("image.id", columns),
            format!(
                "CREATE TRIGGER image_search_insert AFTER INSERT ON image BEGIN
                    INSERT INTO image_search_row (image_id) VALUES (new.id);
                    {new_is_here};
                END"
            ),
            format!(
                "CREATE TRIGGER image_search_update
                AFTER UPDATE OF {watched}, tags, file_name, stored_at, deleted_at ON image BEGIN
                    DELETE FROM image_search WHERE rowid =
                        (SELECT number FROM image_search_row WHERE image_id = new.id);
                    {new_is_here};
                END"
            ),
            "CREATE TRIGGER image_search_delete AFTER DELETE ON image BEGIN
                DELETE FROM image_search WHERE rowid =
                    (SELECT number FROM image_search_row WHERE image_id = old.id);
                DELETE FROM image_search_row WHERE image_id = old.id;
            END"
            .to_owned(),
        ]
    }

    /// Adds the image if it is visible.
    fn index(id: &str, columns: &[&str]) -> String {
        let text: Vec<_> = columns
            .iter()
            .map(|column| format!("coalesce(image.{column}, '')"))
            .collect();
        let text = text.join(" || ' ' || ");
        format!(
            "INSERT INTO image_search (rowid, words, file_name)
                SELECT row.number,
                    {text} || ' ' || coalesce(
                        (SELECT group_concat(value, ' ') FROM json_each(image.tags)), ''),
                    image.file_name
                FROM image JOIN image_search_row AS row ON row.image_id = image.id
                WHERE image.id = {id}
                    AND image.stored_at IS NOT NULL AND image.deleted_at IS NULL"
        )
    }
}

/// Two vectors in generated columns, because the rank of one vector would reveal file names to
/// visitors.
mod postgres {
    pub(super) const DOWN: &[&str] = &["ALTER TABLE image
            DROP COLUMN search_words, DROP COLUMN search_words_and_name"];

    pub(super) fn up(columns: &[&str]) -> Vec<String> {
        let text: Vec<_> = columns
            .iter()
            .map(|column| format!("coalesce({column}, '')"))
            .collect();
        let text = text.join(" || ' ' || ");
        let words = vector(&format!("{text} || ' ' || coalesce(tags::text, '')"));
        let name = vector("file_name");
        vec![
            format!(
                "ALTER TABLE image
                    ADD COLUMN search_words tsvector
                        GENERATED ALWAYS AS (setweight({words}, 'A')) STORED,
                    ADD COLUMN search_words_and_name tsvector
                        GENERATED ALWAYS AS (setweight({words}, 'A') || setweight({name}, 'B')) STORED"
            ),
            "CREATE INDEX image_search_words ON image USING gin (search_words)".to_owned(),
            "CREATE INDEX image_search_words_and_name ON image USING gin (search_words_and_name)"
                .to_owned(),
        ]
    }

    /// PostgreSQL's parser would take `beach.jpg` for a host name, and in some locales dashes and
    /// emoji for letters. A vector is a megabyte at most, hence the cut.
    fn vector(text: &str) -> String {
        let no_marks = format!(
            r"regexp_replace(normalize(left({text}, 60000), NFD), '[\u0300-\u036f]+', '', 'g')"
        );
        let separators = concat!(
            r"[\u0001-/:-@\[-`{-\u00a9\u00ab-\u00b1\u00b4\u00b6-\u00b8\u00bb\u00bf\u00d7\u00f7",
            r"\u2000-\u206f\u20a0-\u20cf\u2190-\u23ff\u2500-\u2775\u2794-\u2bff",
            r"\u3000-\u3004\u3008-\u3020\ufe00-\ufe0f\U0001f1e6-\U0001f1ff\U0001f300-\U0001faff]+",
        );
        format!("to_tsvector('simple', regexp_replace({no_marks}, '{separators}', ' ', 'g'))")
    }
}

/// InnoDB does not index words of one or two letters and a list of English stop words, and the
/// server decides which. So each word is indexed with the prefix `vx`: long enough, and on no list.
/// The collation handles case and diacritics. Columns are generated, because triggers need a
/// privilege where there is a binary log.
mod mysql {
    pub(super) const DOWN: &[&str] = &[
        "ALTER TABLE image DROP INDEX image_search_words_and_name",
        "ALTER TABLE image DROP INDEX image_search_words",
        "ALTER TABLE image DROP COLUMN search_words, DROP COLUMN search_name",
    ];

    pub(super) fn up(columns: &[&str]) -> Vec<String> {
        let words = column(&format!("CONCAT_WS(' ', {}, tags)", columns.join(", ")));
        let name = column("file_name");
        vec![
            format!(
                "ALTER TABLE image ADD COLUMN search_words {words}, ADD COLUMN search_name {name}"
            ),
            // InnoDB creates one full-text index at a time.
            "ALTER TABLE image ADD FULLTEXT INDEX image_search_words (search_words)".to_owned(),
            "ALTER TABLE image
                ADD FULLTEXT INDEX image_search_words_and_name (search_words, search_name)"
                .to_owned(),
        ]
    }

    /// Regular expressions that MySQL and MariaDB treat alike.
    fn column(text: &str) -> String {
        let no_marks = format!(r"REGEXP_REPLACE({text}, '[\\x{{300}}-\\x{{36f}}]', '')");
        format!(
            r"MEDIUMTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_520_ci
                GENERATED ALWAYS AS
                    (CONCAT('vx', REGEXP_REPLACE({no_marks}, '[^\\p{{L}}\\p{{N}}]+', ' vx'))) STORED"
        )
    }
}
