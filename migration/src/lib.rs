//! The migrations of the schema, the same for SQLite, PostgreSQL and MySQL.
//!
//! A released migration is never edited; the next one corrects it.

use sea_orm_migration::prelude::{MigrationTrait, async_trait};
pub use sea_orm_migration::prelude::{MigratorTrait, SchemaManager};

mod columns;
mod m20261121_000001_photos;
mod m20261121_000002_search;
mod m20261121_000003_captions;
mod m20261121_000004_budget;
mod m20261121_000005_turns;
mod m20261121_000006_traces;
mod m20261126_000007_outbox;
mod m20261126_000008_rendition_sizes;
mod m20261126_000009_api_tokens;
mod m20261126_000010_anonymised_thumbhash;
mod m20261126_000011_boxes;
mod m20261126_000020_removal_requests;
mod m20261126_000022_caption_requests;
mod m20261126_000023_alt_text;
mod m20261126_000025_newest_first;
mod m20261126_000030_trash;
mod m20261126_000031_search_prefixes;
mod m20261126_000040_leases;
mod m20261127_000041_longer_search_prefixes;
mod m20261127_000042_unfinished_uploads;
mod migration_lock;
#[cfg(feature = "testing")]
pub mod testing;

pub use migration_lock::{MigrateError, PATIENCE, up, up_by};

/// Every migration, oldest first.
pub struct Migrator;

#[async_trait::async_trait]
impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![
            Box::new(m20261121_000001_photos::Migration),
            Box::new(m20261121_000002_search::Migration),
            Box::new(m20261121_000003_captions::Migration),
            Box::new(m20261121_000004_budget::Migration),
            Box::new(m20261121_000005_turns::Migration),
            Box::new(m20261121_000006_traces::Migration),
            Box::new(m20261126_000007_outbox::Migration),
            Box::new(m20261126_000008_rendition_sizes::Migration),
            Box::new(m20261126_000009_api_tokens::Migration),
            Box::new(m20261126_000010_anonymised_thumbhash::Migration),
            Box::new(m20261126_000011_boxes::Migration),
            Box::new(m20261126_000020_removal_requests::Migration),
            Box::new(m20261126_000022_caption_requests::Migration),
            Box::new(m20261126_000023_alt_text::Migration),
            Box::new(m20261126_000025_newest_first::Migration),
            Box::new(m20261126_000030_trash::Migration),
            Box::new(m20261126_000031_search_prefixes::Migration),
            Box::new(m20261126_000040_leases::Migration),
            Box::new(m20261127_000041_longer_search_prefixes::Migration),
            Box::new(m20261127_000042_unfinished_uploads::Migration),
        ]
    }
}
