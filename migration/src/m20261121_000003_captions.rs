//! The history of captions, so that earlier ones can be looked up.

use sea_orm_migration::prelude::*;

use crate::columns::Columns;

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.create_table(caption(Columns::on(manager))).await?;
        manager
            .create_index(
                Index::create()
                    .name("caption_of_image_by_age")
                    .table(Caption::Table)
                    .col(Caption::ImageId)
                    .col(Caption::CreatedAt)
                    .to_owned(),
            )
            .await?;
        manager
            .get_connection()
            .execute_unprepared(
                "INSERT INTO caption (id, image_id, text, tags, written_by, provider, model, \
                 prompt_version, language, created_at) \
                 SELECT id, id, caption_text, tags, caption_by, caption_provider, caption_model, \
                 caption_prompt_version, caption_language, caption_at FROM image \
                 WHERE caption_text IS NOT NULL AND caption_by IS NOT NULL \
                 AND caption_at IS NOT NULL",
            )
            .await?;
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .drop_table(Table::drop().table(Caption::Table).to_owned())
            .await
    }
}

fn caption(columns: Columns) -> TableCreateStatement {
    columns
        .table(Caption::Table)
        .col(ColumnDef::new(Caption::Id).uuid().not_null().primary_key())
        .col(ColumnDef::new(Caption::ImageId).uuid().not_null())
        .col(ColumnDef::new(Caption::Text).text().not_null())
        .col(columns.json(Caption::Tags))
        .col(ColumnDef::new(Caption::WrittenBy).string_len(16).not_null())
        .col(ColumnDef::new(Caption::AuthorName).string_len(80))
        .col(ColumnDef::new(Caption::Provider).string_len(64))
        .col(ColumnDef::new(Caption::Model).string_len(160))
        .col(columns.identifier(Caption::PromptVersion, 64))
        .col(ColumnDef::new(Caption::Language).string_len(35))
        .col(ColumnDef::new(Caption::TokensIn).integer())
        .col(ColumnDef::new(Caption::TokensOut).integer())
        .col(columns.instant(Caption::CreatedAt).not_null())
        .foreign_key(
            ForeignKey::create()
                .name("caption_of_image")
                .from(Caption::Table, Caption::ImageId)
                .to(Image::Table, Image::Id)
                .on_delete(ForeignKeyAction::Cascade),
        )
        .to_owned()
}

#[derive(DeriveIden)]
enum Caption {
    Table,
    Id,
    ImageId,
    Text,
    Tags,
    WrittenBy,
    AuthorName,
    Provider,
    Model,
    PromptVersion,
    Language,
    TokensIn,
    TokensOut,
    CreatedAt,
}

#[derive(DeriveIden)]
enum Image {
    Table,
    Id,
}
