//! The ledger of requests to captioning providers, their pauses, and for each caption its
//! paragraph, cost and duration.

use sea_orm_migration::prelude::*;

use crate::columns::Columns;
use crate::m20261121_000002_search as search;

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let columns = Columns::on(manager);
        manager.create_table(provider_call(columns)).await?;
        manager
            .create_index(
                Index::create()
                    .name("provider_call_by_age")
                    .table(ProviderCall::Table)
                    .col(ProviderCall::At)
                    .to_owned(),
            )
            .await?;
        manager.create_table(provider(columns)).await?;
        // SQLite adds one column at a time.
        for column in [
            ColumnDef::new(Caption::Paragraph).text().to_owned(),
            ColumnDef::new(Caption::CostMicros).big_integer().to_owned(),
            ColumnDef::new(Caption::DurationMs).integer().to_owned(),
        ] {
            manager.alter_table(adding(Caption::Table, column)).await?;
        }
        search::drop(manager).await?;
        let paragraph = ColumnDef::new(Image::CaptionParagraph).text().to_owned();
        manager.alter_table(adding(Image::Table, paragraph)).await?;
        search::create(manager, &["caption_text", "caption_paragraph"]).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        search::drop(manager).await?;
        manager
            .alter_table(dropping(Image::Table, Image::CaptionParagraph))
            .await?;
        search::create(manager, &["caption_text"]).await?;
        for column in [Caption::Paragraph, Caption::CostMicros, Caption::DurationMs] {
            manager
                .alter_table(dropping(Caption::Table, column))
                .await?;
        }
        for table in [Provider::Table.into_iden(), ProviderCall::Table.into_iden()] {
            manager
                .drop_table(Table::drop().table(table).to_owned())
                .await?;
        }
        Ok(())
    }
}

fn adding(table: impl IntoTableRef, column: ColumnDef) -> TableAlterStatement {
    Table::alter().table(table).add_column(column).to_owned()
}

fn dropping(table: impl IntoTableRef, column: impl IntoIden) -> TableAlterStatement {
    Table::alter().table(table).drop_column(column).to_owned()
}

/// No foreign key: the ledger outlives the image.
fn provider_call(columns: Columns) -> TableCreateStatement {
    columns
        .table(ProviderCall::Table)
        .col(
            ColumnDef::new(ProviderCall::Id)
                .uuid()
                .not_null()
                .primary_key(),
        )
        .col(columns.instant(ProviderCall::At).not_null())
        .col(ColumnDef::new(ProviderCall::ImageId).uuid().not_null())
        .col(columns.identifier(ProviderCall::Provider, 64).not_null())
        .col(columns.identifier(ProviderCall::Model, 160))
        .col(columns.identifier(ProviderCall::Outcome, 16).not_null())
        .col(ColumnDef::new(ProviderCall::TokensIn).integer())
        .col(ColumnDef::new(ProviderCall::TokensOut).integer())
        .col(ColumnDef::new(ProviderCall::CostMicros).big_integer())
        .col(ColumnDef::new(ProviderCall::DurationMs).integer())
        .to_owned()
}

fn provider(columns: Columns) -> TableCreateStatement {
    columns
        .table(Provider::Table)
        .col(
            columns
                .identifier(Provider::Account, 64)
                .not_null()
                .primary_key(),
        )
        .col(columns.identifier(Provider::Cause, 16))
        .col(ColumnDef::new(Provider::Detail).text())
        .col(columns.instant(Provider::Since))
        .col(columns.instant(Provider::Until))
        .col(
            ColumnDef::new(Provider::Strikes)
                .integer()
                .not_null()
                .default(0),
        )
        .to_owned()
}

#[derive(DeriveIden)]
enum ProviderCall {
    Table,
    Id,
    At,
    ImageId,
    Provider,
    Model,
    Outcome,
    TokensIn,
    TokensOut,
    CostMicros,
    DurationMs,
}

#[derive(DeriveIden)]
enum Provider {
    Table,
    Account,
    Cause,
    Detail,
    Since,
    Until,
    Strikes,
}

#[derive(DeriveIden)]
enum Caption {
    Table,
    Paragraph,
    CostMicros,
    DurationMs,
}

#[derive(DeriveIden)]
enum Image {
    Table,
    CaptionParagraph,
}
