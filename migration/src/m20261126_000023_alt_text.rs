//! Alt text that travels with the copy, words that a file brought along, descriptions in several
//! languages, and what people say about an image: its context, that it is decorative, that they
//! checked its description.

use sea_orm_migration::prelude::*;

use crate::columns::Columns;

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

const INDEX: &str = "image_words_due";

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let columns = Columns::on(manager);
        // SQLite adds one column at a time.
        for column in [
            columns.instant(Image::WordsDue),
            columns.instant(Image::WordsAt),
            columns.json(Image::Embedded),
            columns.json(Image::CaptionTranslations),
            ColumnDef::new(Image::Context).text().to_owned(),
            ColumnDef::new(Image::Decorative)
                .boolean()
                .not_null()
                .default(false)
                .to_owned(),
            ColumnDef::new(Image::CaptionCheckedBy)
                .string_len(190)
                .to_owned(),
            columns.instant(Image::CaptionCheckedAt),
        ] {
            let table = Table::alter().table(Image::Table).to_owned();
            manager
                .alter_table(table.clone().add_column(column).to_owned())
                .await?;
        }
        manager
            .alter_table(
                Table::alter()
                    .table(Caption::Table)
                    .add_column(columns.json(Caption::Translations))
                    .to_owned(),
            )
            .await?;
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
        for column in [
            Image::WordsDue,
            Image::WordsAt,
            Image::Embedded,
            Image::CaptionTranslations,
            Image::Context,
            Image::Decorative,
            Image::CaptionCheckedBy,
            Image::CaptionCheckedAt,
        ] {
            let table = Table::alter().table(Image::Table).to_owned();
            manager
                .alter_table(table.clone().drop_column(column).to_owned())
                .await?;
        }
        manager
            .alter_table(
                Table::alter()
                    .table(Caption::Table)
                    .drop_column(Caption::Translations)
                    .to_owned(),
            )
            .await
    }
}

#[derive(DeriveIden)]
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

#[derive(DeriveIden)]
enum Caption {
    Table,
    Translations,
}
