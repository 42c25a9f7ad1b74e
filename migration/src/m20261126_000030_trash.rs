//! The trash: who deleted an image, and when it is removed for good. Images whose deletion was begun
//! before have no such time, and are removed at once.

use sea_orm_migration::prelude::*;

use crate::columns::Columns;

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

const INDEX: &str = "image_by_deletion";

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let columns = Columns::on(manager);
        // SQLite adds one column at a time.
        for column in [
            columns.instant(Image::PurgeAt),
            ColumnDef::new(Image::DeletedBy).string_len(80).to_owned(),
        ] {
            let table = Table::alter().table(Image::Table).to_owned();
            manager
                .alter_table(table.clone().add_column(column).to_owned())
                .await?;
        }
        // With the age, so that it serves what is not deleted, too: SQLite would take an index by deletion
        // alone for that, and sort all images.
        let index = Index::create()
            .name(INDEX)
            .table(Image::Table)
            .col(Image::DeletedAt)
            .col(Image::UploadedAt)
            .col(Image::Id)
            .to_owned();
        manager.create_index(index).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let index = Index::drop().name(INDEX).table(Image::Table).to_owned();
        manager.drop_index(index).await?;
        for column in [Image::PurgeAt, Image::DeletedBy] {
            let table = Table::alter().table(Image::Table).to_owned();
            manager
                .alter_table(table.clone().drop_column(column).to_owned())
                .await?;
        }
        Ok(())
    }
}

#[derive(DeriveIden)]
enum Image {
    Table,
    Id,
    DeletedAt,
    UploadedAt,
    DeletedBy,
    PurgeAt,
}
