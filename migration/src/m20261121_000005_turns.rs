//! The lock that puts the numbers of changes in the order of commits. `entity::change` tells why.

use sea_orm_migration::prelude::*;

use crate::columns::Columns;

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let table = Columns::on(manager)
            .table(ChangeTurn::Table)
            .col(ColumnDef::new(ChangeTurn::Id).integer().primary_key())
            .take();
        manager.create_table(table).await?;
        let row = Query::insert()
            .into_table(ChangeTurn::Table)
            .columns([ChangeTurn::Id])
            .values_panic([1.into()])
            .take();
        manager.execute(row).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .drop_table(Table::drop().table(ChangeTurn::Table).take())
            .await
    }
}

#[derive(DeriveIden)]
enum ChangeTurn {
    Table,
    Id,
}
