//! Leases: who does what only one process should do. `entity::lease` tells how.

use sea_orm_migration::prelude::*;

use crate::columns::Columns;

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let columns = Columns::on(manager);
        let table = columns
            .table(Lease::Table)
            .col(columns.identifier(Lease::Name, 16).not_null().primary_key())
            .col(ColumnDef::new(Lease::Holder).uuid())
            .col(columns.instant(Lease::Until))
            .take();
        manager.create_table(table).await?;
        let row = Query::insert()
            .into_table(Lease::Table)
            .columns([Lease::Name])
            .values_panic(["sweep".into()])
            .take();
        manager.execute(row).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .drop_table(Table::drop().table(Lease::Table).take())
            .await
    }
}

#[derive(DeriveIden)]
enum Lease {
    Table,
    Name,
    Holder,
    Until,
}
