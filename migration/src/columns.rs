//! Tables and column types that mean the same on all three databases.

use sea_orm::DbBackend;
use sea_orm_migration::prelude::*;

/// Adds columns to a table, one at a time, as SQLite has to.
pub(crate) async fn add(
    manager: &SchemaManager<'_>,
    table: impl IntoTableRef + Clone,
    columns: impl IntoIterator<Item = ColumnDef>,
) -> Result<(), DbErr> {
    for column in columns {
        let mut alter = Table::alter();
        alter.table(table.clone()).add_column(column);
        manager.alter_table(alter).await?;
    }
    Ok(())
}

/// Drops columns of a table, one at a time, as SQLite has to.
pub(crate) async fn drop(
    manager: &SchemaManager<'_>,
    table: impl IntoTableRef + Clone,
    columns: impl IntoIterator<Item = impl IntoIden>,
) -> Result<(), DbErr> {
    for column in columns {
        let mut alter = Table::alter();
        alter.table(table.clone()).drop_column(column);
        manager.alter_table(alter).await?;
    }
    Ok(())
}

/// Makes tables and columns for one database.
#[derive(Clone, Copy)]
pub(crate) struct Columns {
    backend: DbBackend,
}

impl Columns {
    pub(crate) fn on(manager: &SchemaManager<'_>) -> Self {
        Self {
            backend: manager.get_database_backend(),
        }
    }

    /// A new table. On MySQL its text is UTF-8 independent of the defaults of server and database: a
    /// MariaDB with its defaults would reject emoji in a file name.
    pub(crate) fn table(self, name: impl IntoTableRef) -> TableCreateStatement {
        let mut table = Table::create();
        table.table(name);
        if self.backend == DbBackend::MySql {
            table.character_set("utf8mb4");
        }
        table
    }

    /// A point in time in UTC with microseconds. MySQL's `timestamp` has whole seconds and
    /// ends in 2038, hence `datetime(6)`.
    pub(crate) fn instant(self, name: impl IntoIden) -> ColumnDef {
        let mut column = ColumnDef::new(name);
        match self.backend {
            DbBackend::MySql => column.custom("datetime(6)"),
            _ => column.timestamp_with_time_zone(),
        };
        column
    }

    /// A date and time without a zone, as cameras write it.
    pub(crate) fn local_time(self, name: impl IntoIden) -> ColumnDef {
        let mut column = ColumnDef::new(name);
        match self.backend {
            DbBackend::MySql => column.custom("datetime(6)"),
            _ => column.date_time(),
        };
        column
    }

    /// Text that is compared byte by byte: MySQL would otherwise take `a` for `A`.
    pub(crate) fn identifier(self, name: impl IntoIden, length: u32) -> ColumnDef {
        debug_assert!(length <= 190, "MySQL cannot index more");
        let mut column = ColumnDef::new(name);
        match self.backend {
            DbBackend::MySql => column.custom(format!(
                "varchar({length}) character set utf8mb4 collate utf8mb4_bin"
            )),
            _ => column.string_len(length),
        };
        column
    }

    /// A JSON document.
    pub(crate) fn json(self, name: impl IntoIden) -> ColumnDef {
        let mut column = ColumnDef::new(name);
        match self.backend {
            DbBackend::Postgres => column.json_binary(),
            _ => column.json(),
        };
        column
    }
}
