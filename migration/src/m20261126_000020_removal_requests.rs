//! Requests by people who found themselves on a public picture.

use sea_orm_migration::prelude::*;

use crate::columns::Columns;

/// One more table.
#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .create_table(removal_request(Columns::on(manager)))
            .await?;
        let number = Index::create()
            .name("removal_request_by_number")
            .table(RemovalRequest::Table)
            .col(RemovalRequest::Number)
            .unique()
            .to_owned();
        manager.create_index(number).await?;
        for (name, column) in [
            ("removal_request_by_image", RemovalRequest::ImageId),
            ("removal_request_by_state", RemovalRequest::State),
        ] {
            let index = Index::create()
                .name(name)
                .table(RemovalRequest::Table)
                .col(column)
                .to_owned();
            manager.create_index(index).await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .drop_table(Table::drop().table(RemovalRequest::Table).to_owned())
            .await
    }
}

/// No foreign key: the person who asked still learns that the picture was deleted.
fn removal_request(columns: Columns) -> TableCreateStatement {
    columns
        .table(RemovalRequest::Table)
        .col(
            ColumnDef::new(RemovalRequest::Id)
                .uuid()
                .not_null()
                .primary_key(),
        )
        .col(columns.identifier(RemovalRequest::Number, 32).not_null())
        .col(ColumnDef::new(RemovalRequest::ImageId).uuid().not_null())
        .col(ColumnDef::new(RemovalRequest::BoxId).uuid())
        .col(ColumnDef::new(RemovalRequest::X).integer().not_null())
        .col(ColumnDef::new(RemovalRequest::Y).integer().not_null())
        .col(ColumnDef::new(RemovalRequest::Reason).text())
        .col(columns.instant(RemovalRequest::CreatedAt).not_null())
        .col(
            ColumnDef::new(RemovalRequest::State)
                .string_len(16)
                .not_null(),
        )
        .col(columns.instant(RemovalRequest::AnsweredAt))
        .col(ColumnDef::new(RemovalRequest::AnsweredBy).string_len(80))
        .to_owned()
}

#[derive(DeriveIden)]
enum RemovalRequest {
    Table,
    Id,
    Number,
    ImageId,
    BoxId,
    X,
    Y,
    Reason,
    CreatedAt,
    State,
    AnsweredAt,
    AnsweredBy,
}
