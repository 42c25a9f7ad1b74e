//! Words that travel with pictures: what the public copy carries, and what an uploaded file brings.

use entity::embedded::EmbeddedWords;
use entity::image;
use functions::testing;
use functions::words::{Rights, Text, Words, embedded, with_words};
use reqwest::Method;
use sea_orm::EntityTrait as _;
use sea_orm::sea_query::Expr;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::app::TestApp;
use crate::client::Client;
use crate::s3::{PASSWORD, app_on_s3, fetch};

async fn write(client: &Client, id: Uuid, text: &str) {
    let change = json!({ "caption": text });
    client.edit(id, &change).await.expect(200);
}

/// The public copy at the address in the JSON.
async fn copy(client: &Client, image: &Value) -> Vec<u8> {
    let url = image["urls"]["anonymised"].as_str().unwrap();
    let answer = match url.starts_with('/') {
        true => client.get(url).await,
        false => fetch(Method::GET, url).await,
    };
    answer.expect(200).body.to_vec()
}

fn alt_text(copy: &[u8]) -> Option<String> {
    embedded(copy)?.alt_text
}

/// A photo that brings words along.
fn photo_with_words() -> Vec<u8> {
    let words = Words {
        texts: vec![Text {
            language: Some("en".to_owned()),
            alt: "Rex runs along the beach".to_owned(),
            extended: Some("Rex, a brown dog, runs along the beach.".to_owned()),
        }],
        rights: Rights {
            credit: Some("Ada".to_owned()),
            licence: None,
        },
    };
    with_words(&testing::photo(1, 64, 48), &words)
}

#[tokio::test]
async fn the_copy_carries_the_caption_and_whose_it_is_and_a_new_one_at_a_new_address() {
    let app = TestApp::builder()
        .set("VITRINE_CREDIT", "Photo: Hill Street School")
        .set("VITRINE_LICENCE", "https://example.org/licence")
        .spawn()
        .await;
    let id = app.upload_photos(0..1).await[0];
    app.drain().await;

    let by_machine = app.image(id).await;
    let carried = embedded(&copy(&app, &by_machine).await).unwrap();
    let expected = EmbeddedWords {
        alt_text: Some(by_machine["caption"]["text"].as_str().unwrap().to_owned()),
        credit: Some("Photo: Hill Street School".to_owned()),
        ..EmbeddedWords::default()
    };
    assert_eq!(carried, expected);

    write(&app, id, "Two children wave").await;
    let by_person = app.image(id).await;
    let carried = copy(&app, &by_person).await;
    assert_eq!(alt_text(&carried).as_deref(), Some("Two children wave"));
    assert!(
        carried
            .windows(27)
            .any(|part| part == b"https://example.org/licence")
    );
    assert_ne!(
        by_person["urls"]["anonymised"], by_machine["urls"]["anonymised"],
        "browsers keep what they have under the old address"
    );
    let row = app.row(id).await.unwrap();
    assert_eq!(row.anonymised_bytes, Some(carried.len() as i64));
}

#[tokio::test]
async fn on_s3_the_object_itself_carries_the_caption() {
    let Some(app) = app_on_s3().await else { return };
    let admin = app.sign_in(PASSWORD).await;
    let id = admin
        .upload("photo.jpg", testing::photo(1, 64, 48))
        .await
        .expect(201)
        .id();
    app.work().await;
    write(&admin, id, "Two children wave").await;

    let image = admin.image(id).await;

    assert!(
        image["urls"]["anonymised"]
            .as_str()
            .unwrap()
            .starts_with("http")
    );
    let carried = copy(&admin, &image).await;
    assert_eq!(alt_text(&carried).as_deref(), Some("Two children wave"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_many_edits_at_once_the_copy_carries_the_one_that_holds() {
    let app = TestApp::spawn().await;
    let id = app.upload_photos(0..1).await[0];
    app.drain().await;

    let edits = (0..20).map(|number| {
        let app = &app;
        async move { write(app, id, &format!("Caption number {number}")).await }
    });
    futures::future::join_all(edits).await;
    app.state.copy_words.refresh(id).await;

    let image = app.image(id).await;
    let carried = alt_text(&copy(&app, &image).await);
    assert_eq!(carried.as_deref(), image["caption"]["text"].as_str());
    assert_eq!(app.row(id).await.unwrap().words_due, None);
}

#[tokio::test]
async fn words_that_a_dead_writer_left_due_are_written_by_the_sweeper() {
    let app = TestApp::spawn().await;
    let id = app.upload_photos(0..1).await[0];
    app.drain().await;
    image::Entity::update_many()
        .col_expr(image::Column::CaptionText, Expr::value("By the sweeper"))
        .col_expr(image::Column::WordsDue, Expr::value(entity::now()))
        .exec(&app.state.db)
        .await
        .unwrap();

    app.queue_what_is_owed().await;

    let carried = alt_text(&copy(&app, &app.image(id).await).await);
    assert_eq!(carried.as_deref(), Some("By the sweeper"));
}

#[tokio::test]
async fn words_in_a_file_are_offered_to_those_who_manage_and_to_nobody_else() {
    let (app, admin) = TestApp::builder()
        .releases_at_once()
        .spawn_with_admin()
        .await;
    let id = admin
        .upload("photo.jpg", photo_with_words())
        .await
        .expect(201)
        .id();
    app.drain().await;

    let image = admin.image(id).await;
    assert_eq!(image["embedded"]["alt_text"], "Rex runs along the beach");
    assert_eq!(image["embedded"]["credit"], "Ada");
    assert_ne!(image["caption"]["text"], "Rex runs along the beach");
    let page = admin.page(&format!("/images/{id}")).await.text();
    assert!(page.contains("Use these words"));

    let visitor = app.visitor();
    let seen = visitor.image(id).await;
    assert_eq!(seen["embedded"], Value::Null);
    let page = visitor.page(&format!("/images/{id}")).await.text();
    assert!(!page.contains("Rex"), "{page}");
    let carried = copy(&visitor, &seen).await;
    assert!(
        !carried
            .windows(3)
            .any(|part| part == b"Rex" || part == b"Ada")
    );

    let form = [
        ("caption", "Rex runs along the beach"),
        ("paragraph", "Rex, a brown dog, runs along the beach."),
        ("tags", ""),
    ];
    admin
        .post_form(&format!("/images/{id}/caption"), &form)
        .await
        .expect(303);
    assert_eq!(
        visitor.image(id).await["caption"]["text"],
        "Rex runs along the beach"
    );
}

#[tokio::test]
async fn the_page_of_an_image_has_the_html_to_show_it_elsewhere() {
    let app = TestApp::builder()
        .set("VITRINE_PUBLIC_URL", "https://photos.example.org")
        .spawn()
        .await;
    let id = app.upload_photos(0..1).await[0];
    app.drain().await;
    write(&app, id, "Two \"children\" wave").await;

    let page = app.visitor().page(&format!("/images/{id}")).await.text();

    let html = format!(
        "&lt;img src=&quot;https:&#x2F;&#x2F;photos.example.org&#x2F;api&#x2F;images&#x2F;{id}&#x2F;anonymised&quot; width=&quot;32&quot; height=&quot;32&quot; alt=&quot;Two &amp;quot;children&amp;quot; wave&quot;"
    );
    let plain = html.replace("&#x2F;", "/");
    assert!(page.contains(&html) || page.contains(&plain), "{page}");
}
