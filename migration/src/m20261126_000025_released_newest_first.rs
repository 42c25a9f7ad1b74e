//! An index for what visitors see: without it, finding a few released pictures among many that are
//! not reads all of these.

use sea_orm_migration::prelude::*;

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

const INDEX: &str = "image_of_review_newest_first";

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .create_index(
                Index::create()
                    .name(INDEX)
                    .table(Image::Table)
                    .col(Image::Review)
                    .col(Image::UploadedAt)
                    .col(Image::Id)
                    .to_owned(),
            )
            .await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .drop_index(Index::drop().name(INDEX).table(Image::Table).to_owned())
            .await
    }
}

#[derive(DeriveIden)]
enum Image {
    Table,
    Review,
    UploadedAt,
    Id,
}
