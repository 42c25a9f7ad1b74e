//! Tokens with which programs use the API.

use sea_orm_migration::prelude::*;

use crate::columns::Columns;

/// One more table.
#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .create_table(api_token(Columns::on(manager)))
            .await?;
        for (name, column) in [
            ("api_token_by_name", ApiToken::Name),
            ("api_token_by_hash", ApiToken::Hash),
        ] {
            let index = Index::create()
                .name(name)
                .table(ApiToken::Table)
                .col(column)
                .unique()
                .to_owned();
            manager.create_index(index).await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .drop_table(Table::drop().table(ApiToken::Table).to_owned())
            .await
    }
}

fn api_token(columns: Columns) -> TableCreateStatement {
    columns
        .table(ApiToken::Table)
        .col(ColumnDef::new(ApiToken::Id).uuid().not_null().primary_key())
        .col(columns.identifier(ApiToken::Name, 64).not_null())
        .col(ColumnDef::new(ApiToken::Scope).string_len(16).not_null())
        .col(columns.identifier(ApiToken::Hash, 64).not_null())
        .col(columns.instant(ApiToken::CreatedAt).not_null())
        .col(
            ColumnDef::new(ApiToken::CreatedBy)
                .string_len(80)
                .not_null(),
        )
        .col(columns.instant(ApiToken::LastUsedAt))
        .col(columns.instant(ApiToken::ExpiresAt))
        .col(columns.instant(ApiToken::RevokedAt))
        .to_owned()
}

#[derive(DeriveIden)]
enum ApiToken {
    Table,
    Id,
    Name,
    Scope,
    Hash,
    CreatedAt,
    CreatedBy,
    LastUsedAt,
    ExpiresAt,
    RevokedAt,
}
