//! On SQLite, the search index gets the beginnings of words, of one to three letters. Without them,
//! `w*` collects the images of every word with a `w`, which takes seconds among a million.

use sea_orm_migration::prelude::*;
use sea_orm_migration::sea_orm::DbBackend;

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        rebuild(manager, ", prefix='1 2 3'").await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        rebuild(manager, "").await
    }
}

/// Makes the index anew with this option. The triggers that keep it up to date name it, and stay.
pub(crate) async fn rebuild(manager: &SchemaManager<'_>, option: &str) -> Result<(), DbErr> {
    if manager.get_database_backend() != DbBackend::Sqlite {
        return Ok(());
    }
    let db = manager.get_connection();
    db.execute_unprepared("DROP TABLE image_search").await?;
    let table = format!(
        "CREATE VIRTUAL TABLE image_search USING fts5(
            words, file_name, content='', contentless_delete=1,
            tokenize='unicode61 remove_diacritics 2'{option}
        )"
    );
    db.execute_unprepared(&table).await?;
    let all = "INSERT INTO image_search (rowid, words, file_name)
        SELECT row.number,
            coalesce(image.caption_text, '') || ' ' || coalesce(image.caption_paragraph, '') || ' '
                || coalesce((SELECT group_concat(value, ' ') FROM json_each(image.tags)), ''),
            image.file_name
        FROM image_search_row AS row JOIN image ON image.id = row.image_id
        WHERE image.stored_at IS NOT NULL AND image.deleted_at IS NULL
        ORDER BY row.number";
    db.execute_unprepared(all).await?;
    Ok(())
}
