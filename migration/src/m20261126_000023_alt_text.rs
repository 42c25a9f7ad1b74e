//! Alt text that travels with the copy, words that a file brought along, descriptions in several
//! languages, and what people say about an image: its context, that it is decorative, that they
//! checked its description.

use sea_orm_migration::prelude::*;

use crate::columns::{self, Columns};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

const INDEX: &str = "image_words_due";

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let make = Columns::on(manager);
        let of_images = [
            make.instant(Image::WordsDue),
            make.instant(Image::WordsAt),
            make.json(Image::Embedded),
            make.json(Image::CaptionTranslations),
            ColumnDef::new(Image::Context).text().to_owned(),
            ColumnDef::new(Image::Decorative)
                .boolean()
                .not_null()
                .default(false)
                .to_owned(),
            ColumnDef::new(Image::CaptionCheckedBy)
                .string_len(190)
                .to_owned(),
            make.instant(Image::CaptionCheckedAt),
        ];
        columns::add(manager, Image::Table, of_images).await?;
        let translations = make.json(Caption::Translations);
        columns::add(manager, Caption::Table, [translations]).await?;
        manager
            .create_index(
                Index::create()
                    .name(INDEX)
                    .table(Image::Table)
                    .col(Image::WordsDue)
                    .to_owned(),
            )
            .await?;
        // Copies from before carry no words yet.
        let due = Query::update()
            .table(Image::Table)
            .value(Image::WordsDue, Expr::col(Image::UploadedAt))
            .and_where(Expr::col(Image::CaptionText).is_not_null())
            .to_owned();
        manager.exec_stmt(due).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .drop_index(Index::drop().name(INDEX).table(Image::Table).to_owned())
            .await?;
        let of_images = [
            Image::WordsDue,
            Image::WordsAt,
            Image::Embedded,
            Image::CaptionTranslations,
            Image::Context,
            Image::Decorative,
            Image::CaptionCheckedBy,
            Image::CaptionCheckedAt,
        ];
        columns::drop(manager, Image::Table, of_images).await?;
        columns::drop(manager, Caption::Table, [Caption::Translations]).await
    }
}

#[derive(Clone, Copy, DeriveIden)]
enum Image {
    Table,
    UploadedAt,
    CaptionText,
    WordsDue,
    WordsAt,
    Embedded,
    CaptionTranslations,
    Context,
    Decorative,
    CaptionCheckedBy,
    CaptionCheckedAt,
}

#[derive(Clone, Copy, DeriveIden)]
enum Caption {
    Table,
    Translations,
}
