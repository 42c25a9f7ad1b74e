//! Requests to a provider that are being answered, so that all processes together keep to a limit;
//! and the response format that a provider understood last.

use sea_orm_migration::prelude::*;

use crate::columns::{self, Columns};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

const INDEX: &str = "provider_call_open";

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let make = Columns::on(manager);
        let of_calls = [
            make.identifier(ProviderCall::Account, 64),
            make.instant(ProviderCall::OpenUntil),
        ];
        columns::add(manager, ProviderCall::Table, of_calls).await?;
        let format = make.identifier(Provider::AnswerFormat, 16);
        columns::add(manager, Provider::Table, [format]).await?;
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
        let of_calls = [ProviderCall::Account, ProviderCall::OpenUntil];
        columns::drop(manager, ProviderCall::Table, of_calls).await?;
        columns::drop(manager, Provider::Table, [Provider::AnswerFormat]).await
    }
}

#[derive(Clone, Copy, DeriveIden)]
enum ProviderCall {
    Table,
    Account,
    OpenUntil,
}

#[derive(Clone, Copy, DeriveIden)]
enum Provider {
    Table,
    AnswerFormat,
}
