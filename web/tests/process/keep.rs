//! `check`, `backup`, `restore` and `export` as commands.

use std::time::SystemTime;

use migration::testing::{Kind, ScratchServer};
use serde_json::Value;

use crate::harness::{Finished, Home};

fn small(seed: u64) -> Vec<u8> {
    functions::testing::photo(seed, 64, 48)
}

#[tokio::test]
async fn check_tells_and_repairs() {
    let home = Home::new();
    let server = home.serve();
    let id = server.upload("a.jpg", small(1)).await;
    server.settled().await;

    let clean = home.run(["check"]).succeeded();
    assert_eq!(clean.lines().last(), Some(&"All is well."));
    std::fs::remove_file(home.objects().join(format!("thumbnails/{id}.jpg"))).unwrap();
    let found = home.run(["check", "--json"]);
    assert_eq!(found.status.code(), Some(1));
    let report: Value = serde_json::from_str(&found.stdout).unwrap();
    assert_eq!(report["clean"], false);
    assert_eq!(report["findings"]["thumbnail_missing"]["count"], 1);
    let repaired = home.run(["check", "--repair"]);
    assert_eq!(repaired.status.code(), Some(1), "{repaired:?}");
    server.settled().await;
    home.run(["check"]).succeeded();
}

#[tokio::test]
async fn check_deletes_old_copies_without_a_row() {
    let home = Home::new();
    home.run(["migrate"]).succeeded();
    let orphan = home
        .objects()
        .join("thumbnails/019ac0de-0000-7000-8000-000000000007.jpg");
    home.run(["check"]).succeeded();
    std::fs::write(&orphan, "picture").unwrap();
    home.run(["check"]).succeeded();
    let file = std::fs::File::options().write(true).open(&orphan).unwrap();
    file.set_modified(SystemTime::UNIX_EPOCH).unwrap();

    let repaired = home.run(["check", "--repair"]);

    assert_eq!(repaired.status.code(), Some(1), "{repaired:?}");
    assert!(!orphan.exists());
    home.run(["check"]).succeeded();
}

#[tokio::test]
async fn a_backup_taken_under_load_is_restored_elsewhere() {
    let home = Home::new();
    let server = home.serve();
    server.upload("a.jpg", small(1)).await;
    let mut command = home.vitrine(["backup", "kept"]);
    let backup = std::thread::spawn(move || Finished::of(&mut command));
    for seed in 2..12 {
        server.upload("more.jpg", small(seed)).await;
    }
    backup.join().unwrap().succeeded();
    let kept = home.desk().join("kept");
    let elsewhere = Home::new();

    elsewhere
        .run(["restore".as_ref(), kept.as_os_str()])
        .succeeded();

    let there = elsewhere.serve();
    assert!(!there.settled().await.is_empty());
    let check = elsewhere.run(["check"]).succeeded();
    assert_eq!(check.lines().last(), Some(&"All is well."));
}

/// From SQLite to PostgreSQL to MariaDB and back.
#[tokio::test]
async fn a_backup_of_one_database_is_restored_into_another() {
    let home = Home::new();
    let server = home.serve();
    let id = server.upload("Füchse 🦊.jpg", small(1)).await;
    server.settled().await;
    server.describe(&id, "Zwei Füchse 🦊").await;
    let image = server.image(&id).await;
    server.terminate().await;
    let mut from = home;
    for (turn, kind) in [Some(Kind::Postgres), Some(Kind::MariaDb), None]
        .into_iter()
        .enumerate()
    {
        let kept = from.desk().join("kept");
        from.run(["backup".as_ref(), kept.as_os_str()]).succeeded();
        let database = match kind {
            None => None,
            Some(kind) => match ScratchServer::start(kind) {
                None => continue,
                started => started,
            },
        };
        let mut into = Home::new();
        if let Some(database) = &database {
            into.set("DATABASE_URL", &database.empty_database().await);
        }

        let restored = into.run(["restore".as_ref(), kept.as_os_str()]).succeeded();

        assert!(restored.stdout.contains("All is well"), "{restored:?}");
        into.run(["check"]).succeeded();
        let server = into.serve();
        let same = server.image(&id).await;
        assert_eq!(same["caption"], image["caption"]);
        assert_eq!(same["sha256"], image["sha256"]);
        server.upload("another.jpg", small(2 + turn as u64)).await;
        server.settled().await;
        into.run(["check"]).succeeded();
        let again = into.run(["restore".as_ref(), kept.as_os_str()]);
        assert!(!again.status.success());
        server.terminate().await;
        // The database ends with this turn.
        if kind.is_none() {
            return;
        }
        let kept = into.desk().join("kept");
        into.run(["backup".as_ref(), kept.as_os_str()]).succeeded();
        from = Home::new();
        from.run(["restore".as_ref(), kept.as_os_str()]).succeeded();
        from.run(["check"]).succeeded();
    }
}

#[tokio::test]
async fn export_writes_files_for_people() {
    let home = Home::new();
    std::fs::write(home.desk().join("Harbour.jpg"), small(1)).unwrap();
    home.run(["import", "Harbour.jpg"]).succeeded();

    let exported = home.run(["export", "out"]).succeeded();

    assert!(
        exported.stdout.starts_with("1 images written"),
        "{exported:?}"
    );
    let days = std::fs::read_dir(home.desk().join("out/originals")).unwrap();
    assert_eq!(days.count(), 1);
    let again = home.run(["export", "out"]).succeeded();
    assert!(
        again.stdout.starts_with("0 images written, 1 were"),
        "{again:?}"
    );
}
