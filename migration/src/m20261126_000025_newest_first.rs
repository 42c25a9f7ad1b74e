//! Indexes for pages deep in a list. Without them, finding a few released pictures among many that are
//! not reads all of these, and a page of the publication record reads all records.

use sea_orm_migration::prelude::*;

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

const IMAGES: &str = "image_of_review_newest_first";
const RECORDS: &str = "publication_record_newest_first";

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let images = Index::create()
            .name(IMAGES)
            .table(Image::Table)
            .col(Image::Review)
            .col(Image::DeletedAt)
            .col(Image::UploadedAt)
            .col(Image::Id)
            .to_owned();
        manager.create_index(images).await?;
        let records = Index::create()
            .name(RECORDS)
            .table(PublicationRecord::Table)
            .col(PublicationRecord::At)
            .col(PublicationRecord::Id)
            .to_owned();
        manager.create_index(records).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let records = Index::drop()
            .name(RECORDS)
            .table(PublicationRecord::Table)
            .to_owned();
        manager.drop_index(records).await?;
        let images = Index::drop().name(IMAGES).table(Image::Table).to_owned();
        manager.drop_index(images).await
    }
}

#[derive(DeriveIden)]
enum Image {
    Table,
    Review,
    DeletedAt,
    UploadedAt,
    Id,
}

#[derive(DeriveIden)]
enum PublicationRecord {
    Table,
    At,
    Id,
}
