//! The tables of a backup, and how their rows are read.

use entity::{
    api_token, call, caption, change, image, image_box, message, provider, publication_record,
    removal_request, step,
};
use futures::TryStreamExt as _;
use platform::objects::archive::Archive;
use sea_orm::{
    ColumnTrait as _, DatabaseTransaction, EntityTrait, IdenStatic as _, Iterable as _,
    ModelTrait as _,
};

use super::BackupError;
use super::manifest::Manifest;
use super::rows::{Column, TableWriter};
use super::values::{Kind, json};

/// The tables of a backup, in the order in which they are restored: images come before what refers
/// to them.
pub const TABLES: [&str; 11] = [
    "image",
    "step",
    "box",
    "caption",
    "publication_record",
    "removal_request",
    "provider_call",
    "provider",
    "message",
    "api_token",
    "change",
];

/// Tables that a backup leaves out. Jobs and messages to queues follow from the steps, people sign in
/// again, processes take leases again, and the last two belong to the schema.
pub const LEFT_OUT: [&str; 6] = [
    "job",
    "outbox",
    "session",
    "lease",
    "change_turn",
    "seaql_migrations",
];

/// Writes all tables.
pub(super) async fn dump(
    tx: &DatabaseTransaction,
    archive: &dyn Archive,
    snapshot: &str,
    manifest: &mut Manifest,
) -> Result<(), BackupError> {
    let dump = &mut Dump {
        tx,
        archive,
        snapshot,
        manifest,
    };
    dump.table::<image::Entity>().await?;
    dump.table::<step::Entity>().await?;
    dump.table::<image_box::Entity>().await?;
    dump.table::<caption::Entity>().await?;
    dump.table::<publication_record::Entity>().await?;
    dump.table::<removal_request::Entity>().await?;
    dump.table::<call::Entity>().await?;
    dump.table::<provider::Entity>().await?;
    dump.table::<message::Entity>().await?;
    dump.table::<api_token::Entity>().await?;
    dump.table::<change::Entity>().await
}

struct Dump<'a> {
    tx: &'a DatabaseTransaction,
    archive: &'a dyn Archive,
    snapshot: &'a str,
    manifest: &'a mut Manifest,
}

impl Dump<'_> {
    async fn table<E: EntityTrait>(&mut self) -> Result<(), BackupError> {
        let table = E::default().table_name().to_owned();
        let unknown = |column: E::Column| {
            BackupError::Refused(format!("{table}.{} has an unknown type", column.as_str()))
        };
        let mut columns = Vec::new();
        for column in E::Column::iter() {
            columns.push(Column {
                name: column.as_str().to_owned(),
                kind: Kind::of(column.def().get_column_type()).ok_or_else(|| unknown(column))?,
            });
        }
        let mut writer = TableWriter::new(self.archive, self.snapshot, &table, columns)?;
        let mut rows = E::find().stream(self.tx).await?;
        while let Some(row) = rows.try_next().await? {
            let mut values = Vec::new();
            for column in E::Column::iter() {
                values.push(json(row.get(column)).ok_or_else(|| unknown(column))?);
            }
            writer.push(&values).await?;
        }
        drop(rows);
        let files = writer.finish().await?;
        self.manifest.tables.insert(table, files);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use migration::Migrator;
    use sea_orm::{ConnectionTrait as _, Database, DbBackend, Statement};

    use super::*;

    #[tokio::test]
    async fn every_table_is_backed_up_or_left_out_on_purpose() {
        let db = Database::connect("sqlite::memory:").await.unwrap();
        migration::up::<Migrator>(&db, migration::PATIENCE)
            .await
            .unwrap();
        let names = "SELECT name FROM sqlite_master WHERE type = 'table' \
                     AND name NOT LIKE 'sqlite_%' AND name NOT LIKE 'image_search%'";
        let rows = db
            .query_all_raw(Statement::from_string(DbBackend::Sqlite, names))
            .await
            .unwrap();
        let found: BTreeSet<String> = rows
            .iter()
            .map(|row| row.try_get_by_index(0).unwrap())
            .collect();

        let known = TABLES.iter().chain(&LEFT_OUT);
        assert_eq!(found, known.map(|&name| name.to_owned()).collect());
    }
}
