//! An export can be read without Vitrine.

use std::path::Path;

use functions::testing;
use functions::words::{Rights, embedded};
use platform::objects::ObjectKey;
use serde_json::{Value, json};
use tempfile::TempDir;
use uuid::Uuid;
use web::export::{Export, Exported};

use crate::app::{TestApp, files_below};
use crate::check::quick_app;

impl TestApp {
    async fn export(&self, folder: &Path) -> Exported {
        let export = Export {
            db: &self.state.db,
            store: self.state.store.as_ref(),
            rights: &Rights::default(),
            folder,
        };
        export.run(|_, _| {}).await.unwrap()
    }

    async fn write_caption(&self, id: Uuid, caption: &str) {
        let change = json!({ "caption": caption });
        self.edit(id, &change).await.expect(200);
    }
}

/// The files below a folder, sorted.
fn files(folder: &TempDir) -> Vec<String> {
    let mut files = files_below(folder.path());
    files.sort();
    files
}

fn only(folder: &TempDir, ending: &str) -> Vec<u8> {
    let files = files(folder);
    let path = files.iter().find(|path| path.ends_with(ending)).unwrap();
    std::fs::read(folder.path().join(path)).unwrap()
}

#[tokio::test]
async fn pictures_have_readable_names_and_their_descriptions() {
    let app = quick_app().await;
    let photo = testing::photo(1, 64, 48);
    let id = app.upload("Zoë: am See?.jpg", photo).await.id();
    app.drain().await;
    app.write_caption(id, "Two foxes & a sled").await;
    let folder = tempfile::tempdir().unwrap();

    let exported = app.export(folder.path()).await;

    assert_eq!((exported.written, exported.without_copy), (1, 0));
    let row = app.row(id).await.unwrap();
    let day = row.uploaded_at.format("%Y-%m-%d");
    let id = id.simple().to_string();
    let mark = &id[id.len() - 8..];
    assert_eq!(
        files(&folder),
        [
            format!("anonymised/{day}/Zoë- am See- ({mark}).jpg"),
            format!("originals/{day}/Zoë- am See- ({mark}).jpg"),
            format!("originals/{day}/Zoë- am See- ({mark}).json"),
        ]
    );
    let original = std::fs::read(folder.path().join(&files(&folder)[1])).unwrap();
    let words = embedded(&original).unwrap();
    assert_eq!(words.alt_text.as_deref(), Some("Two foxes & a sled"));
    assert!(image::load_from_memory(&original).is_ok());
    let known: Value = serde_json::from_slice(&only(&folder, ".json")).unwrap();
    assert_eq!(known["caption"]["text"], "Two foxes & a sled");
    assert_eq!(known["file_name"], "Zoë: am See?.jpg");
    assert_eq!(known["sha256"], row.sha256);
}

#[tokio::test]
async fn a_second_export_writes_only_what_changed() {
    let app = quick_app().await;
    let mut ids = Vec::new();
    for seed in [1, 2] {
        let photo = testing::photo(seed, 64, 48);
        ids.push(app.upload("a.jpg", photo).await.id());
    }
    app.drain().await;
    let folder = tempfile::tempdir().unwrap();
    app.export(folder.path()).await;
    let before = files(&folder);

    let again = app.export(folder.path()).await;
    app.write_caption(ids[0], "A fox").await;
    let changed = app.export(folder.path()).await;

    assert_eq!((again.written, again.kept), (0, 2));
    assert_eq!((changed.written, changed.kept), (1, 1));
    assert_eq!(files(&folder), before);
}

#[tokio::test]
async fn an_export_says_what_it_leaves_out() {
    let app = quick_app().await;
    let photo = testing::photo(1, 64, 48);
    let id = app.upload("a.jpg", photo).await.id();
    let key = ObjectKey::parse(&app.row(id).await.unwrap().object_key).unwrap();
    app.state.store.delete(&key).await.unwrap();
    let folder = tempfile::tempdir().unwrap();

    let exported = app.export(folder.path()).await;

    assert_eq!((exported.written, exported.missing), (0, 1));
    assert_eq!(exported.examples, [format!("{key} is missing")]);
    assert!(files(&folder).is_empty());
}

#[tokio::test]
async fn what_an_editor_wrote_into_an_original_is_kept() {
    let app = quick_app().await;
    let words = functions::words::Words {
        texts: Vec::new(),
        rights: Rights {
            credit: Some("Zoë".to_owned()),
            licence: None,
        },
    };
    let original = functions::words::with_words(&testing::photo(1, 64, 48), &words);
    app.upload("a.jpg", original.clone()).await.expect(201);
    app.drain().await;
    let folder = tempfile::tempdir().unwrap();

    app.export(folder.path()).await;

    let path = files(&folder)[1].clone();
    assert_eq!(std::fs::read(folder.path().join(path)).unwrap(), original);
}
