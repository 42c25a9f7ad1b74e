//! `vitrine import`.

use std::path::Path;
use std::process::Stdio;

use crate::harness::{Finished, Home, eventually, is_done, signal};
use crate::photo;

const FIRST_STEPS: &str = "A running `vitrine serve`, or the next one, works on the new ones.";

fn write(path: &Path, content: &[u8]) {
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, content).unwrap();
}

#[tokio::test]
async fn folders_of_network_stores_and_sidecar_files_are_ignored() {
    let home = Home::new();
    let tree = home.desk().join("nas");
    write(&tree.join("2019/a.jpg"), &photo(1));
    for (number, path) in [
        "2019/@eaDir/a.jpg/SYNOPHOTO_THUMB_XL.jpg",
        "#recycle/deleted.jpg",
        "@Recycle/deleted.jpg",
        "$RECYCLE.BIN/S-1-5/deleted.jpg",
        ".Trash-1000/files/deleted.jpg",
        ".thumbnails/a.jpg",
        "lost+found/recovered.jpg",
        "__MACOSX/2019/_a.jpg",
        "2019/._a.jpg",
    ]
    .into_iter()
    .enumerate()
    {
        write(&tree.join(path), &photo(number as u64 + 2));
    }
    for sidecar in [
        "a.jpg.json",
        "a.XMP",
        "a.AAE",
        "a.THM",
        "Thumbs.db",
        "desktop.ini",
    ] {
        write(&tree.join("2019").join(sidecar), b"no picture");
    }

    let run = home.run(["import", "nas"]);

    assert_eq!(
        run.lines(),
        ["1 imported, 0 there already, 0 skipped.", FIRST_STEPS]
    );
    assert!(run.status.success());
}

#[tokio::test]
async fn a_folder_tree_is_imported_and_skipped_files_are_listed_with_reasons() {
    let home = Home::new();
    let tree = home.desk().join("tree");
    write(&tree.join("one.jpg"), &photo(1));
    write(&tree.join("two.jpg"), &photo(2));
    write(&tree.join("deep/er/three.jpg"), &photo(3));
    write(&tree.join("deep/one again.jpg"), &photo(1));
    write(
        &tree.join("deep/notes.jpg"),
        b"These are my notes, not a picture.",
    );
    write(&tree.join("cut.jpg"), &photo(4)[..2000]);
    write(&tree.join("empty.jpg"), b"");
    write(&tree.join(".hidden/five.jpg"), &photo(5));
    std::os::unix::fs::symlink("..", tree.join("deep/loop")).unwrap();

    let first = home.run(["import", "tree", "missing"]);

    assert_eq!(
        first.lines(),
        [
            "3 imported, 1 there already, 5 skipped.",
            "  1 × No such file or directory (os error 2)",
            "      missing",
            "  1 × a link that leads back to a folder above it",
            "      tree/deep/loop",
            "  1 × the file is empty; copy it again from the camera or card",
            "      tree/empty.jpg",
            "  1 × the picture cannot be decoded: the file is cut short; copy it again from the \
             camera or card, or send another export",
            "      tree/cut.jpg",
            "  1 × this is not a picture Vitrine can read; send JPEG, PNG, GIF, WebP, HEIC or AVIF",
            "      tree/deep/notes.jpg",
            FIRST_STEPS,
        ]
    );
    assert_eq!(first.status.code(), Some(1), "something was skipped");
    let stored = home.stored().await;
    let mut names: Vec<_> = stored
        .images()
        .await
        .into_iter()
        .map(|image| image.file_name)
        .collect();
    names.sort();
    // Either of the two files with the same bytes may come first.
    assert!(
        names[0] == "one again.jpg" || names[0] == "one.jpg",
        "{names:?}"
    );
    assert_eq!(names[1..], ["three.jpg", "two.jpg"]);

    let second = home.run(["import", "tree/one.jpg", "tree/deep/er"]);

    assert_eq!(second.lines(), ["0 imported, 2 there already, 0 skipped."]);
    assert!(second.status.success());
    assert_eq!(stored.images().await.len(), 3);

    let server = home.serve();
    server.settled().await;
    server.terminate().await;
    stored.assert_whole().await;
    assert_eq!(home.half_written(), Vec::<std::path::PathBuf>::new());
}

#[test]
fn an_unreadable_file_is_skipped() {
    use std::os::unix::fs::PermissionsExt as _;
    let home = Home::new();
    let locked = home.desk().join("locked.jpg");
    write(&locked, &photo(1));
    write(&home.desk().join("open.jpg"), &photo(2));
    std::fs::set_permissions(&locked, std::fs::Permissions::from_mode(0o000)).unwrap();
    if std::fs::File::open(&locked).is_ok() {
        println!("skipped: root may read everything");
        return;
    }

    let imported = home.run(["import", "."]);

    assert_eq!(
        imported.lines(),
        [
            "1 imported, 0 there already, 1 skipped.",
            "  1 × cannot be read: Permission denied (os error 13)",
            "      ./locked.jpg",
            FIRST_STEPS,
        ]
    );
}

#[tokio::test]
async fn an_interrupted_import_is_completed_by_running_it_again() {
    const PHOTOS: u64 = 60;
    for end in ["INT", "KILL"] {
        let home = Home::new();
        for seed in 0..PHOTOS {
            write(&home.desk().join(format!("in/{seed}.jpg")), &photo(seed));
        }
        home.run(["migrate"]).succeeded();
        let stored = home.stored().await;
        let import = home
            .vitrine(["import", "in"])
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        eventually("some are taken in", async || {
            (stored.images().await.len() > 3).then_some(())
        })
        .await;

        signal(end, import.id());
        let stopped = Finished::end_of(import);

        let there = stored.images().await.len() as u64;
        assert!(there < PHOTOS, "it ended before it could be stopped");
        if end == "INT" {
            assert_eq!(stopped.status.code(), Some(1));
            assert_eq!(
                stopped.lines(),
                [
                    &format!("{there} imported, 0 there already, 0 skipped."),
                    "Stopped. Run the same command again to go on; what is there already is \
                     skipped.",
                ]
            );
        }
        let again = home.run(["import", "in"]).succeeded();

        let new = PHOTOS - there;
        assert_eq!(
            again.lines(),
            [
                &format!("{new} imported, {there} there already, 0 skipped."),
                FIRST_STEPS
            ]
        );
        let images = stored.images().await;
        assert_eq!(images.len() as u64, PHOTOS);
        assert!(images.iter().all(|image| image.stored_at.is_some()));
        assert_eq!(stored.objects().len() as u64, PHOTOS);
    }
}

#[tokio::test]
async fn a_running_server_processes_imports_at_once() {
    let home = Home::new();
    let server = home.serve();
    for seed in 0..4 {
        write(&home.desk().join(format!("in/{seed}.jpg")), &photo(seed));
    }

    let imported = home.run(["import", "in"]).succeeded();

    assert_eq!(
        imported.lines()[0],
        "4 imported, 0 there already, 0 skipped."
    );
    let images = server.settled().await;
    assert_eq!(images.len(), 4);
    assert!(images.iter().all(is_done));
    let stored = home.stored().await;
    eventually("no job is left", async || {
        (stored.jobs().await == 0).then_some(())
    })
    .await;
    stored.assert_whole().await;
    assert_eq!(home.half_written(), Vec::<std::path::PathBuf>::new());
}
