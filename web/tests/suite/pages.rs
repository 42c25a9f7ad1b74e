//! The pages without JavaScript.

use functions::testing;
use platform::objects::ObjectKey;
use sea_orm::EntityTrait as _;

use crate::app::TestApp;
use crate::client::Part;

fn file<'a>(name: &'a str, bytes: &'a [u8]) -> Part<'a> {
    Part {
        field: "file",
        name,
        bytes,
    }
}

#[tokio::test]
async fn a_form_with_several_photos_redirects_to_the_gallery() {
    let app = TestApp::spawn().await;
    let photos = [1, 2, 3].map(|seed| testing::photo(seed, 32, 32));
    let parts = photos.each_ref().map(|photo| file("photo.jpg", photo));

    let answer = app.post_files("/upload", &parts).await.expect(303);

    assert_eq!(answer.header("location"), "/gallery");
    let gallery = app.page("/gallery").await.expect(200).text();
    assert_eq!(gallery.matches("<li class=\"card\"").count(), 3);
}

#[tokio::test]
async fn of_several_files_the_valid_ones_are_stored_and_the_others_named() {
    let app = TestApp::builder().max_upload_mb(1).spawn().await;
    let good = testing::photo(1, 32, 32);
    let mut huge = testing::photo(2, 32, 32);
    huge.resize(3 * 1024 * 1024, 0);
    let truncated = &testing::photo(3, 320, 240)[..5000];

    let parts = [
        file("notes.txt", b"These are notes and no picture"),
        file("huge.jpg", &huge),
        file("good.jpg", &good),
        file("half.jpg", truncated),
        file("good-again.jpg", &good),
    ];
    let page = app.post_files("/upload", &parts).await.expect(200).text();

    let of = |name: &str| {
        let at = page.find(&format!("<strong>{name}</strong>")).unwrap();
        page[at..].split("</li>").next().unwrap()
    };
    assert!(of("notes.txt").contains("JPEG, PNG, GIF, WebP, HEIC or AVIF"));
    assert!(of("huge.jpg").contains("larger than the 1 MB"));
    assert!(of("good.jpg").contains("Added"));
    assert!(of("half.jpg").contains("cut short"));
    assert!(of("good-again.jpg").contains("Already here"));
    assert_eq!(app.rows().await.len(), 1);
    assert!(app.unfinished_files().is_empty());
}

#[tokio::test]
async fn a_form_without_a_chosen_file_says_so() {
    let app = TestApp::spawn().await;

    let page = app
        .post_files("/upload", &[file("", b"")])
        .await
        .expect(200)
        .text();

    assert!(page.contains("No file arrived"));
}

#[tokio::test]
async fn the_caption_is_the_alt_text() {
    let app = TestApp::spawn().await;
    let id = app
        .upload("photo.jpg", testing::photo(1, 64, 48))
        .await
        .id();
    let before = app.page("/gallery").await.text();
    app.drain().await;

    let caption = app.image(id).await["caption"]["text"]
        .as_str()
        .unwrap()
        .to_owned();

    assert!(before.contains("photo.jpg, not described yet"));
    for path in ["/gallery", &format!("/images/{id}")] {
        let page = app.page(path).await.expect(200).text();
        assert!(page.contains(&format!("alt=\"{caption}\"")), "{path}");
        assert!(!page.contains("not described yet"), "{path}");
    }
}

#[tokio::test]
async fn the_image_page_links_to_the_previous_and_next_image() {
    let app = TestApp::spawn().await;
    let ids = app.upload_photos(0..3).await;

    let page = app
        .page(&format!("/images/{}", ids[1]))
        .await
        .expect(200)
        .text();

    assert!(page.contains(&format!("<a href=\"/images/{}\" rel=\"prev\"", ids[2])));
    assert!(page.contains(&format!("<a href=\"/images/{}\" rel=\"next\"", ids[0])));
}

#[tokio::test]
async fn the_gallery_is_paged_with_plain_links() {
    let app = TestApp::spawn().await;
    for seed in 0..5 {
        app.upload("photo.jpg", testing::photo(seed, 32, 32))
            .await
            .expect(201);
    }
    let mut seen = Vec::new();
    let mut path = "/gallery?limit=2".to_owned();
    loop {
        let page = app.page(&path).await.expect(200).text();
        let cards = page.split("id=\"card-").skip(1);
        seen.extend(cards.map(|card| card.split('"').next().unwrap().to_owned()));
        let Some(link) = page.split("rel=\"next\" href=\"").nth(1) else {
            break;
        };
        path = link.split('"').next().unwrap().replace("&amp;", "&");
        assert!(seen.len() <= 5);
    }
    let mut newest_first: Vec<_> = app
        .rows()
        .await
        .iter()
        .map(|row| row.id.to_string())
        .collect();
    newest_first.sort();
    newest_first.reverse();
    assert_eq!(seen, newest_first);
}

#[tokio::test]
async fn a_failed_step_can_be_tried_again_with_a_button() {
    let mut app = TestApp::spawn().await;
    app.context.captioner = crate::ports::Scripted::new([crate::ports::Move::Broken]);
    let id = app
        .upload("photo.jpg", testing::photo(1, 32, 32))
        .await
        .id();
    app.drain().await;
    let page = app.page(&format!("/images/{id}")).await.text();
    let action = format!("/images/{id}/steps/annotate/retry");
    assert!(page.contains(&format!("action=\"{action}\"")) && page.contains("the key is wrong"));

    let answer = app.post_form(&action, &[]).await.expect(303);
    app.drain().await;

    assert_eq!(answer.header("location"), format!("/images/{id}"));
    assert_eq!(app.image(id).await["steps"]["annotate"]["state"], "done");
}

#[tokio::test]
async fn a_photo_is_deleted_with_a_button() {
    let app = TestApp::spawn().await;
    let id = app
        .upload("photo.jpg", testing::photo(1, 32, 32))
        .await
        .id();
    app.drain().await;
    assert_eq!(app.objects().len(), 4);

    let answer = app
        .post_form(&format!("/images/{id}/delete"), &[])
        .await
        .expect(303);

    assert_eq!(answer.header("location"), "/gallery");
    app.page(&format!("/images/{id}")).await.expect(404);
    assert!(app.objects().is_empty());
    let steps = entity::step::Entity::find()
        .all(&app.state.db)
        .await
        .unwrap();
    assert!(steps.is_empty());
}

#[tokio::test]
async fn browsers_get_problems_as_pages_and_programs_as_json() {
    let app = TestApp::spawn().await;
    let nobody = "/images/0197c0de-0000-7000-8000-000000000000";
    for (path, status, words) in [
        ("/nowhere", 404, "Not found"),
        (nobody, 404, "Not found"),
        ("/images/not-an-id", 400, "This is not possible"),
        ("/gallery?after=nonsense", 400, "This is not possible"),
        ("/messages?limit=0", 400, "This is not possible"),
    ] {
        let page = app.page(path).await;
        assert_eq!(page.status, status, "{path}: {}", page.text());
        assert!(
            page.header("content-type").starts_with("text/html"),
            "{path}"
        );
        assert!(page.text().contains(words), "{path}: {}", page.text());

        app.get(path).await.problem(status);
    }
}

#[tokio::test]
async fn the_api_answers_in_json_even_to_a_browser() {
    let app = TestApp::spawn().await;
    for (path, status) in [
        ("/api/nowhere", 404),
        ("/api/images/not-an-id", 400),
        ("/api/images/0197c0de-0000-7000-8000-000000000000", 404),
        ("/api/images?limit=many", 400),
    ] {
        app.page(path).await.problem(status);
    }
    app.delete("/api/images").await.problem(405);
}

#[tokio::test]
async fn static_files_are_cached_by_version() {
    let app = TestApp::spawn().await;
    let page = app.page("/").await.text();
    let links: Vec<_> = page
        .split('"')
        .filter(|text| text.starts_with("/static/"))
        .collect();
    assert!(links.len() >= 4, "{links:?}");
    for link in links {
        let answer = app.get(link).await.expect(200);
        assert!(
            answer.header("cache-control").contains("immutable"),
            "{link}"
        );
    }
    app.get("/static/..%2f..%2fCargo.toml").await.expect(404);
}

#[tokio::test]
async fn the_page_of_an_image_has_sizes_without_asking_the_store() {
    let app = TestApp::spawn().await;
    let id = app
        .upload("photo.jpg", testing::photo(1, 320, 240))
        .await
        .id();
    app.drain().await;
    let mut sizes = Vec::new();
    let row = app.row(id).await.unwrap();
    for key in [
        ObjectKey::thumbnail(id),
        ObjectKey::anonymised(id, row.copy_id),
    ] {
        sizes.push(app.object(&key).await.len());
    }
    assert_eq!(
        [row.thumbnail_bytes, row.anonymised_bytes].map(|bytes| bytes.unwrap() as usize),
        *sizes
    );
    let with_store = app.page(&format!("/images/{id}")).await.expect(200).text();

    std::fs::rename(app.data().join("objects"), app.data().join("unmounted")).unwrap();

    let without_store = app.page(&format!("/images/{id}")).await.expect(200).text();
    let sizes = |page: &str| page.matches(" KB").count();
    assert!(sizes(&with_store) >= 3, "{with_store}");
    assert_eq!(sizes(&without_store), sizes(&with_store));
}
