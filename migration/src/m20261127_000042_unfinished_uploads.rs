//! An index of the uploads whose object has not been stored, which a server looks for every minute. There
//! are few of them, whatever the number of images.

use sea_orm_migration::prelude::*;
use sea_orm_migration::sea_orm::DbBackend;

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

const NAME: &str = "image_unfinished";

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let mut index = Index::create();
        index.name(NAME).table(Image::Table);
        if manager.get_database_backend() == DbBackend::MySql {
            // MySQL has no partial indexes.
            index.col(Image::StoredAt);
        } else {
            index.and_where(Expr::col(Image::StoredAt).is_null());
        }
        index.col(Image::UploadedAt);
        manager.create_index(index).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let index = Index::drop().name(NAME).table(Image::Table).to_owned();
        manager.drop_index(index).await
    }
}

#[derive(DeriveIden)]
enum Image {
    Table,
    StoredAt,
    UploadedAt,
}
