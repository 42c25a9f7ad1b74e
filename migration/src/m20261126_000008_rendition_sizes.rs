//! The sizes of renditions, so that a page need not ask the store for them.

use sea_orm_migration::prelude::*;

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        // SQLite adds one column at a time.
        for column in sizes() {
            let column = ColumnDef::new(column).big_integer().to_owned();
            manager
                .alter_table(
                    Table::alter()
                        .table(Image::Table)
                        .add_column(column)
                        .to_owned(),
                )
                .await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for column in sizes() {
            manager
                .alter_table(
                    Table::alter()
                        .table(Image::Table)
                        .drop_column(column)
                        .to_owned(),
                )
                .await?;
        }
        Ok(())
    }
}

fn sizes() -> [Image; 3] {
    [
        Image::ThumbnailBytes,
        Image::AnonymisedBytes,
        Image::AnonymisedThumbnailBytes,
    ]
}

#[derive(DeriveIden)]
enum Image {
    Table,
    ThumbnailBytes,
    AnonymisedBytes,
    AnonymisedThumbnailBytes,
}
