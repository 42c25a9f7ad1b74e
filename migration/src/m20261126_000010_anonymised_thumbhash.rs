//! The placeholder for visitors, which is made from the anonymised copy.

use sea_orm_migration::prelude::*;

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let column = ColumnDef::new(Image::AnonymisedThumbhash)
            .string_len(64)
            .to_owned();
        let table = Table::alter()
            .table(Image::Table)
            .add_column(column)
            .to_owned();
        manager.alter_table(table).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let table = Table::alter()
            .table(Image::Table)
            .drop_column(Image::AnonymisedThumbhash)
            .to_owned();
        manager.alter_table(table).await
    }
}

#[derive(DeriveIden)]
enum Image {
    Table,
    AnonymisedThumbhash,
}
