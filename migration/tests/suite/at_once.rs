//! Concurrent migrators of one database, on each of the three databases.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use migration::testing::Kind;
use migration::{MigrateError, Migrator, MigratorTrait, PATIENCE, SchemaManager};
use sea_orm::{ConnectOptions, ConnectionTrait as _, Database, DatabaseConnection, DbErr};
use sea_orm_migration::prelude::{MigrationName, MigrationTrait, async_trait};

use crate::databases::{Databases, connect};

/// The database for the process that hangs.
const STUCK_ON: &str = "VITRINE_TEST_STUCK_ON";

const CONNECTIONS: u32 = 10;

const BEGUN: &str = "the migration has begun";

#[tokio::test]
async fn concurrent_migrators_on_sqlite_run_one_at_a_time() {
    concurrent_migrators_run_one_at_a_time(Databases::of_sqlite()).await;
}

#[tokio::test]
async fn concurrent_migrators_on_postgresql_run_one_at_a_time() {
    if let Some(databases) = Databases::of(Kind::Postgres) {
        concurrent_migrators_run_one_at_a_time(databases).await;
    }
}

#[tokio::test]
async fn concurrent_migrators_on_mariadb_run_one_at_a_time() {
    if let Some(databases) = Databases::of(Kind::MariaDb) {
        concurrent_migrators_run_one_at_a_time(databases).await;
    }
}

async fn concurrent_migrators_run_one_at_a_time(mut databases: Databases) {
    eight_concurrent_migrators_migrate_once(&databases.address().await).await;
    dead_migrator_releases_the_lock(&databases.address().await).await;
}

async fn eight_concurrent_migrators_migrate_once(url: &str) {
    let migrators: Vec<_> = (0..8)
        .map(|_| {
            let url = url.to_owned();
            tokio::spawn(async move {
                let db = connect(&url, CONNECTIONS).await;
                migration::up::<Migrator>(&db, PATIENCE).await.unwrap();
                db.close().await.unwrap();
            })
        })
        .collect();
    for migrator in migrators {
        migrator.await.unwrap();
    }
    assert_is_up_to_date(&connect(url, CONNECTIONS).await).await;
}

async fn dead_migrator_releases_the_lock(url: &str) {
    let mut stuck = get_stuck(url);

    let patience = Duration::from_millis(50);
    let refused =
        migration::up::<Migrator>(&connect_without_busy_timeout(url).await, patience).await;
    let refused = refused.unwrap_err();
    assert!(
        matches!(refused, MigrateError::OutOfPatience(_)),
        "{refused}"
    );

    let db = connect(url, CONNECTIONS).await;
    let waiting = {
        let db = db.clone();
        tokio::spawn(async move { migration::up::<Migrator>(&db, PATIENCE).await })
    };
    stuck.kill().unwrap();
    stuck.wait().unwrap();
    waiting.await.unwrap().unwrap();
    assert_is_up_to_date(&db).await;
}

/// A connection without a busy timeout.
async fn connect_without_busy_timeout(url: &str) -> DatabaseConnection {
    let mut options = ConnectOptions::new(url);
    options.map_sqlx_sqlite_opts(|sqlite| sqlite.busy_timeout(Duration::ZERO));
    Database::connect(options).await.unwrap()
}

async fn assert_is_up_to_date(db: &DatabaseConnection) {
    let applied = Migrator::get_applied_migrations(db).await.unwrap();
    assert_eq!(applied.len(), Migrator::migrations().len());
    assert!(SchemaManager::new(db).has_table("image").await.unwrap());
}

/// A process in the middle of a migration that never ends.
fn get_stuck(url: &str) -> Child {
    let mut process = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "at_once::gets_stuck", "--ignored", "--nocapture"])
        .env(STUCK_ON, url)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let output = BufReader::new(process.stdout.take().unwrap());
    let begun = output.lines().any(|line| line.unwrap().contains(BEGUN));
    assert!(begun, "{:?}", process.wait());
    process
}

/// Not a test: [`get_stuck`] starts it.
#[tokio::test]
#[ignore = "another test starts it, as a process of its own"]
async fn gets_stuck() {
    if let Ok(url) = std::env::var(STUCK_ON) {
        let db = connect(&url, CONNECTIONS).await;
        migration::up::<Stuck>(&db, PATIENCE).await.unwrap();
    }
}

struct Stuck;

#[async_trait::async_trait]
impl MigratorTrait for Stuck {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![Box::new(Endless)]
    }
}

struct Endless;

impl MigrationName for Endless {
    fn name(&self) -> &str {
        "endless"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Endless {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .get_connection()
            .execute_unprepared("CREATE TABLE half_done (id integer)")
            .await?;
        println!("{BEGUN}");
        std::future::pending().await
    }
}
