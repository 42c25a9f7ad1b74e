//! The images that match, newest first, by the full-text index of each database.

use sea_orm::prelude::Uuid;
use sea_orm::{DatabaseConnection, DbBackend, DbErr, FromQueryResult, Statement, Value};

use super::rank::Texts;
use super::words::Words;
use crate::image::Audience;

/// A search.
pub(super) struct Matches<'a> {
    pub(super) words: &'a Words,
    pub(super) audience: &'a Audience,
    pub(super) in_file_names: bool,
}

#[derive(FromQueryResult)]
struct Id {
    id: Uuid,
}

impl Matches<'_> {
    /// The newest ones with what was searched.
    pub(super) async fn texts(
        &self,
        db: &DatabaseConnection,
        limit: u64,
    ) -> Result<Vec<Texts>, DbErr> {
        let columns = "image.id, caption_text, caption_paragraph, tags, image.file_name";
        let statement = self.statement(db.get_database_backend(), columns, 0, limit);
        Texts::find_by_statement(statement).all(db).await
    }

    /// The newest `limit` after the first `skip`.
    pub(super) async fn ids(
        &self,
        db: &DatabaseConnection,
        skip: u64,
        limit: u64,
    ) -> Result<Vec<Uuid>, DbErr> {
        let statement = self.statement(db.get_database_backend(), "image.id", skip, limit);
        let found = Id::find_by_statement(statement).all(db).await?;
        Ok(found.into_iter().map(|row| row.id).collect())
    }

    fn statement(&self, backend: DbBackend, columns: &str, skip: u64, limit: u64) -> Statement {
        let (sql, expression) = match backend {
            DbBackend::Sqlite => self.on_sqlite(columns),
            DbBackend::Postgres => self.on_postgres(columns),
            _ => self.on_mysql(columns),
        };
        let [limit, skip] =
            [limit, skip].map(|count| Value::from(i64::try_from(count).unwrap_or(i64::MAX)));
        let uploader = self.uploader().map(Value::from);
        let values = [Some(expression.into()), uploader, Some(limit), Some(skip)];
        Statement::from_sql_and_values(backend, sql, values.into_iter().flatten())
    }

    /// The index has visible images only, and gives the newest first without sorting.
    fn on_sqlite(&self, columns: &str) -> (String, String) {
        let searched = if self.in_file_names {
            "words file_name"
        } else {
            "words"
        };
        let expression = self.words.join("\"", "\"", "*", " AND ");
        let seen = self.seen_by("?");
        let sql = format!(
            "SELECT {columns} FROM image_search
            CROSS JOIN image_search_row AS row ON row.number = image_search.rowid
            CROSS JOIN image ON image.id = row.image_id
            WHERE image_search MATCH ? AND {seen}
            ORDER BY image_search.rowid DESC LIMIT ? OFFSET ?"
        );
        (sql, format!("{{{searched}}} : ({expression})"))
    }

    fn on_postgres(&self, columns: &str) -> (String, String) {
        let column = if self.in_file_names {
            "search_words_and_name"
        } else {
            "search_words"
        };
        let seen = self.seen_by("$2");
        let (limit, skip) = if self.uploader().is_some() {
            ("$3", "$4")
        } else {
            ("$2", "$3")
        };
        let sql = format!(
            "SELECT {columns} FROM image
            WHERE {column} @@ to_tsquery('simple', $1)
                AND stored_at IS NOT NULL AND deleted_at IS NULL AND {seen}
            ORDER BY uploaded_at DESC, id DESC LIMIT {limit} OFFSET {skip}"
        );
        (sql, self.words.join("'", "'", ":*", " & "))
    }

    /// InnoDB collects all matches whatever the limit is, so here the time grows with them.
    fn on_mysql(&self, columns: &str) -> (String, String) {
        let searched = if self.in_file_names {
            "search_words, search_name"
        } else {
            "search_words"
        };
        let seen = self.seen_by("?");
        let sql = format!(
            "SELECT {columns} FROM image
            WHERE MATCH ({searched}) AGAINST (? IN BOOLEAN MODE)
                AND stored_at IS NOT NULL AND deleted_at IS NULL AND {seen}
            ORDER BY uploaded_at DESC, id DESC LIMIT ? OFFSET ?"
        );
        (sql, self.words.join("+vx", "", "*", " "))
    }

    /// [`Audience::sees`] in SQL. `parameter` stands for the uploader, if there is one.
    fn seen_by(&self, parameter: &str) -> String {
        let public = "review = 'released' AND copy_version = boxes_version";
        match self.audience {
            Audience::Staff => "1 = 1".to_owned(),
            Audience::Public => public.to_owned(),
            Audience::Uploader(_) => format!("({public} OR uploaded_by = {parameter})"),
        }
    }

    fn uploader(&self) -> Option<&str> {
        match self.audience {
            Audience::Staff | Audience::Public => None,
            Audience::Uploader(name) => Some(name),
        }
    }
}
