//! Messages to the queues of AWS become rows before they are sent; `entity::outbox` tells why. A
//! step remembers when its message was last sent again.

use sea_orm_migration::prelude::*;

use crate::columns::Columns;

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let columns = Columns::on(manager);
        manager.create_table(outbox(columns)).await?;
        manager
            .create_index(
                Index::create()
                    .name("outbox_by_due_at")
                    .table(Outbox::Table)
                    .col(Outbox::DueAt)
                    .to_owned(),
            )
            .await?;
        manager
            .alter_table(
                Table::alter()
                    .table(Step::Table)
                    .add_column(columns.instant(Step::ResentAt))
                    .to_owned(),
            )
            .await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .alter_table(
                Table::alter()
                    .table(Step::Table)
                    .drop_column(Step::ResentAt)
                    .to_owned(),
            )
            .await?;
        manager
            .drop_table(Table::drop().table(Outbox::Table).to_owned())
            .await
    }
}

fn outbox(columns: Columns) -> TableCreateStatement {
    columns
        .table(Outbox::Table)
        .col(ColumnDef::new(Outbox::Id).uuid().not_null().primary_key())
        .col(ColumnDef::new(Outbox::ImageId).uuid().not_null())
        .col(columns.identifier(Outbox::Step, 16).not_null())
        .col(columns.instant(Outbox::DueAt).not_null())
        .col(ColumnDef::new(Outbox::Trace).string_len(64))
        .foreign_key(
            ForeignKey::create()
                .name("outbox_of_image")
                .from(Outbox::Table, Outbox::ImageId)
                .to(Image::Table, Image::Id)
                .on_delete(ForeignKeyAction::Cascade),
        )
        .to_owned()
}

#[derive(DeriveIden)]
enum Outbox {
    Table,
    Id,
    ImageId,
    Step,
    DueAt,
    Trace,
}

#[derive(DeriveIden)]
enum Step {
    Table,
    ResentAt,
}

#[derive(DeriveIden)]
enum Image {
    Table,
    Id,
}
