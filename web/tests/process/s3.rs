//! The program on S3, and a browser that fetches pictures from the bucket.

use platform::testing::{Fault, Moto, Proxy};
use serde_json::Value;

use crate::harness::{Browser, Home, Scripts, eventually};
use crate::photo;

/// A home whose objects are in a bucket behind a proxy.
async fn home_on_s3() -> Option<(Home, Proxy, Moto)> {
    let moto = Moto::start().await?;
    let proxy = Proxy::start(moto.endpoint()).await;
    let mut home = Home::new();
    for (name, value) in moto.variables() {
        home.set(&name, &value);
    }
    home.set("AWS_ENDPOINT_URL", &proxy.endpoint());
    home.set("VITRINE_STORAGE", &format!("s3://{}", moto.bucket().await));
    Some((home, proxy, moto))
}

/// The URLs of the pictures on a page that have been drawn.
const DRAWN: &str = "
    return [...document.querySelectorAll('img.thumb, img.full')]
        .filter((image) => image.complete && image.naturalWidth > 0)
        .map((image) => image.currentSrc);";

/// Waits until so many pictures are drawn, and returns their URLs.
async fn drawn(browser: &Browser, pictures: usize) -> Vec<String> {
    eventually("the pictures are drawn", async || {
        let drawn: Vec<String> = browser.ask(DRAWN).await;
        (drawn.len() == pictures).then_some(drawn)
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_browser_shows_pictures_from_the_bucket_without_errors() {
    let Some((home, proxy, _moto)) = home_on_s3().await else {
        return;
    };
    let server = home.serve();
    let Some(browser) = Browser::open(&server, Scripts::On).await else {
        return;
    };
    browser.goto("/").await;
    let file = home.desk().join("photo.jpg");
    std::fs::write(&file, photo(1)).unwrap();
    browser.choose(&[&file]).await;
    drawn(&browser, 1).await;
    let images = server.settled().await;
    let id = images[0]["id"].as_str().unwrap();

    browser.goto(&format!("/images/{id}")).await;

    // The copy and the original.
    for place in drawn(&browser, 2).await {
        assert!(place.starts_with(&proxy.endpoint()), "{place}");
    }
    browser.assert_no_complaints().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_picture_with_an_expired_url_is_loaded_again() {
    let Some((home, proxy, _moto)) = home_on_s3().await else {
        return;
    };
    let server = home.serve();
    let id = server.upload("photo.jpg", photo(1)).await;
    server.settled().await;
    let Some(browser) = Browser::open(&server, Scripts::On).await else {
        return;
    };
    proxy.requests();
    // S3's answer to a URL that has expired.
    proxy.next([Fault::Answer(403, "AccessDenied")]);

    browser.goto("/gallery").await;

    let places = drawn(&browser, 1).await;
    let again = format!("{}/api/images/{id}/thumbnail", server.url);
    assert!(places[0].starts_with(&again), "{places:?}");
    assert_eq!(proxy.requests().len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn commands_work_on_a_bucket() {
    let Some((home, proxy, _moto)) = home_on_s3().await else {
        return;
    };
    std::fs::write(home.desk().join("photo.jpg"), photo(1)).unwrap();

    let import = home.run(["import", "photo.jpg"]);
    let doctor = home.run(["doctor"]);

    assert!(import.succeeded().stdout.contains("1 imported"));
    let found = doctor.succeeded().stdout;
    let store = format!(
        "at {} (wrote, read and deleted an object)",
        proxy.endpoint()
    );
    assert!(found.contains("ok    store: bucket vitrine-"), "{found}");
    assert!(found.contains(&store), "{found}");
    let server = home.serve();
    let images: Vec<Value> = server.settled().await;
    assert_eq!(images.len(), 1);

    proxy.always(Fault::Answer(403, "AccessDenied"));
    let doctor = home.run(["doctor"]);
    assert!(!doctor.status.success());
    assert!(doctor.stdout.contains("s3:ListBucket"), "{}", doctor.stdout);
}
