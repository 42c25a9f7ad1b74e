//! On SQLite, the search index gets the beginnings of words of up to twelve letters. For a beginning that is
//! not in the index, SQLite merges the images of all words that begin with it before it gives the first
//! match: 40 ms where a million images have such a word. Longer beginnings are rare.

use sea_orm_migration::prelude::*;

use crate::m20261126_000031_search_prefixes::rebuild;

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        rebuild(manager, ", prefix='1 2 3 4 5 6 7 8 9 10 11 12'").await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        rebuild(manager, ", prefix='1 2 3'").await
    }
}
