//! The trace of a job, so that what is done to a photo can be followed from its upload.

use sea_orm_migration::prelude::*;

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        // A traceparent of version 00 has 55 characters.
        let trace = ColumnDef::new(Job::Trace).string_len(64).take();
        manager
            .alter_table(Table::alter().table(Job::Table).add_column(trace).take())
            .await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .alter_table(
                Table::alter()
                    .table(Job::Table)
                    .drop_column(Job::Trace)
                    .take(),
            )
            .await
    }
}

#[derive(DeriveIden)]
enum Job {
    Table,
    Trace,
}
