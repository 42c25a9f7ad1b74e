//! The server on PostgreSQL and MariaDB.

use migration::testing::{Kind, ScratchServer};
use reqwest::StatusCode;

use crate::harness::{Home, eventually, is_done};
use crate::photo;

#[tokio::test]
async fn a_photo_is_processed_on_postgresql() {
    a_photo_is_done_on(Kind::Postgres).await;
}

#[tokio::test]
async fn a_photo_is_processed_on_mariadb() {
    a_photo_is_done_on(Kind::MariaDb).await;
}

async fn a_photo_is_done_on(kind: Kind) {
    let Some(database) = ScratchServer::start(kind) else {
        return;
    };
    let url = database.empty_database().await;
    let home = Home::with(&[("DATABASE_URL", &url)]);
    let server = home.serve();
    let mut events = server.get("/api/events").send().await.unwrap();

    let id = server.upload("Füchse 🦊.jpg", photo(1)).await;
    let images = server.settled().await;

    assert!(is_done(&images[0]), "{images:#?}");
    assert_eq!(images[0]["file_name"], "Füchse 🦊.jpg");
    let mut heard = String::new();
    eventually("the event stream sends it", async || {
        let chunk = events.chunk().await.unwrap().unwrap();
        heard.push_str(&String::from_utf8_lossy(&chunk));
        heard.contains(&id).then_some(())
    })
    .await;
    let again = server.try_upload("again.jpg", photo(1)).await.unwrap();
    assert_eq!(again.status(), StatusCode::OK);
    for words in ["fuchse", "Füch", "PHOTO fuchse", "jpg%20%F0%9F%A6%8A"] {
        let found = server.get(&format!("/api/images?q={words}"));
        let found = found.send().await.unwrap().text().await.unwrap();
        assert!(found.contains(&id), "{words}: {found}");
    }
    let doctor = home.run(["doctor"]).succeeded();
    assert_eq!(doctor.lines().last(), Some(&"All is well."));
    let deleted = reqwest::Client::new().delete(format!("{}/api/images/{id}", server.url));
    assert_eq!(
        deleted.send().await.unwrap().status(),
        StatusCode::NO_CONTENT
    );
    assert!(server.images().await.is_empty());
    assert!(!home.data().join("vitrine.sqlite").exists());
    assert!(server.terminate().await.success());
}
