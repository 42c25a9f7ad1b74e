//! The trash: who deleted an image, and when it is removed for good. Images whose deletion was begun
//! before have no such time, and are removed at once.

use sea_orm_migration::prelude::*;

use crate::columns::{self, Columns};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

const INDEX: &str = "image_by_deletion";

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let of_images = [
            Columns::on(manager).instant(Image::PurgeAt),
            ColumnDef::new(Image::DeletedBy).string_len(80).to_owned(),
        ];
        columns::add(manager, Image::Table, of_images).await?;
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
        columns::drop(manager, Image::Table, [Image::PurgeAt, Image::DeletedBy]).await
    }
}

#[derive(Clone, Copy, DeriveIden)]
enum Image {
    Table,
    Id,
    DeletedAt,
    UploadedAt,
    DeletedBy,
    PurgeAt,
}
