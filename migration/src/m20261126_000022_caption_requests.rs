//! Requests to a provider that are being answered, so that all processes together keep to a limit;
//! and the response format that a provider understood last.

use sea_orm_migration::prelude::*;

use crate::columns::Columns;

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

const INDEX: &str = "provider_call_open";

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let columns = Columns::on(manager);
        // SQLite adds one column at a time.
        for column in [
            columns.identifier(ProviderCall::Account, 64).to_owned(),
            columns.instant(ProviderCall::OpenUntil).to_owned(),
        ] {
            let table = Table::alter().table(ProviderCall::Table).to_owned();
            manager
                .alter_table(table.clone().add_column(column).to_owned())
                .await?;
        }
        let format = columns.identifier(Provider::AnswerFormat, 16).to_owned();
        manager
            .alter_table(
                Table::alter()
                    .table(Provider::Table)
                    .add_column(format)
                    .to_owned(),
            )
            .await?;
        manager
            .create_index(
                Index::create()
                    .name(INDEX)
                    .table(ProviderCall::Table)
                    .col(ProviderCall::OpenUntil)
                    .to_owned(),
            )
            .await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .drop_index(
                Index::drop()
                    .name(INDEX)
                    .table(ProviderCall::Table)
                    .to_owned(),
            )
            .await?;
        for column in [ProviderCall::Account, ProviderCall::OpenUntil] {
            let table = Table::alter().table(ProviderCall::Table).to_owned();
            manager
                .alter_table(table.clone().drop_column(column).to_owned())
                .await?;
        }
        manager
            .alter_table(
                Table::alter()
                    .table(Provider::Table)
                    .drop_column(Provider::AnswerFormat)
                    .to_owned(),
            )
            .await
    }
}

#[derive(DeriveIden)]
enum ProviderCall {
    Table,
    Account,
    OpenUntil,
}

#[derive(DeriveIden)]
enum Provider {
    Table,
    AnswerFormat,
}
