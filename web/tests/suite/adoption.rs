//! Photos that somebody puts into the folder of the store by hand.

use std::fs::File;
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use functions::drivers::local::Adoption;
use functions::testing;

use crate::app::TestApp;

const LONG_AGO: Duration = Duration::from_secs(3600);

/// Puts a file into the folder `uploads/`, as if it had been there for so long.
fn put(app: &TestApp, name: &str, bytes: &[u8], age: Duration) -> PathBuf {
    let folder = app.data().join("objects/uploads");
    std::fs::create_dir_all(&folder).unwrap();
    let path = folder.join(name);
    std::fs::write(&path, bytes).unwrap();
    let file = File::options().write(true).open(&path).unwrap();
    file.set_modified(SystemTime::now() - age).unwrap();
    path
}

#[tokio::test]
async fn a_photo_that_was_put_into_the_folder_becomes_an_image() {
    let app = TestApp::spawn().await;
    let photo = testing::photo(1, 64, 48);
    put(&app, "Größe & \"summer fair\".jpg", &photo, LONG_AGO);
    let mut adoption = Adoption::up_to(1 << 20);

    assert_eq!(adoption.look(&app.context).await.unwrap(), 1);
    assert_eq!(adoption.look(&app.context).await.unwrap(), 0);
    app.queue_what_is_owed().await;
    app.drain().await;

    let list = app.get("/api/images").await.expect(200).json();
    assert_eq!(list["items"].as_array().unwrap().len(), 1);
    let image = &list["items"][0];
    assert_eq!(image["file_name"], "Größe & \"summer fair\".jpg");
    assert_eq!(image["steps"]["anonymise"]["state"], "done");
    let original = image["urls"]["original"].as_str().unwrap();
    assert_eq!(app.get(original).await.expect(200).body, photo);
}

#[tokio::test]
async fn a_file_that_may_still_be_copied_waits_until_it_is_whole() {
    let app = TestApp::spawn().await;
    let photo = testing::photo(1, 64, 48);
    put(&app, "new.jpg", &photo[..100], Duration::ZERO);
    let mut adoption = Adoption::up_to(1 << 20);
    assert_eq!(adoption.look(&app.context).await.unwrap(), 0);

    put(&app, "new.jpg", &photo, LONG_AGO);
    assert_eq!(adoption.look(&app.context).await.unwrap(), 1);
}

#[tokio::test]
async fn what_an_upload_would_refuse_is_left_alone_until_it_changes() {
    let app = TestApp::spawn().await;
    let photo = testing::photo(1, 64, 48);
    let uploaded = app.upload("here.jpg", &photo).await.id();
    put(&app, "notes.txt", b"not a photo", LONG_AGO);
    put(&app, "the same.jpg", &photo, LONG_AGO);
    let large = testing::photo(2, 640, 480);
    put(&app, "large.jpg", &large, LONG_AGO);
    let mut adoption = Adoption::up_to(large.len() as u64 - 1);

    for _ in 0..2 {
        assert_eq!(adoption.look(&app.context).await.unwrap(), 0);
    }
    let rows = app.rows().await;
    assert_eq!(rows.len(), 1);
    assert_eq!(rows[0].id, uploaded);

    put(&app, "notes.txt", &testing::photo(3, 64, 48), LONG_AGO / 2);
    assert_eq!(adoption.look(&app.context).await.unwrap(), 1);
}
