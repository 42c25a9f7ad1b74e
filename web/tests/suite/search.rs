//! Searching images: who finds what, in which order, and how the page shows it. What each
//! database matches is tested with the schema.

use entity::image::{self, Tags};
use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait as _, EntityTrait as _, QueryFilter as _};
use serde_json::json;
use uuid::Uuid;

use crate::app::TestApp;
use crate::client::Client;
use crate::listing::ids;

impl TestApp {
    /// Uploads a photo for each caption and returns their ids.
    async fn upload_captioned(&self, seed: u64, captions: &[&str]) -> Vec<Uuid> {
        let ids = self.upload_photos(seed..seed + captions.len() as u64).await;
        for (id, caption) in ids.iter().zip(captions) {
            self.describe(*id, caption, &[]).await;
        }
        ids
    }

    async fn describe(&self, id: Uuid, caption: &str, tags: &[&str]) {
        let tags = Tags(tags.iter().map(ToString::to_string).collect());
        image::Entity::update_many()
            .col_expr(image::Column::CaptionText, Expr::value(caption))
            .col_expr(image::Column::Tags, Expr::value(tags))
            .filter(image::Column::Id.eq(id))
            .exec(&self.state.db)
            .await
            .unwrap();
    }
}

/// An address with some text as its query.
fn address(path: &str, text: &str, rest: &str) -> String {
    let query = url::form_urlencoded::Serializer::new(String::new())
        .append_pair("q", text)
        .finish();
    format!("{path}?{query}{rest}")
}

async fn found(client: &Client, text: &str) -> Vec<Uuid> {
    let page = client.get(&address("/api/images", text, "")).await;
    ids(&page.expect(200).json())
}

#[tokio::test]
async fn a_search_finds_captions_tags_and_file_names_that_have_every_word() {
    let app = TestApp::spawn().await;
    let fox = app
        .upload("Zoë 1.jpg", functions::testing::photo(1, 32, 32))
        .await
        .id();
    let hare = app.upload_captioned(2, &["A hare in the snow"]).await[0];
    app.describe(fox, "A fox in the snow", &["winter"]).await;
    for (text, expected) in [
        ("fox", vec![fox]),
        ("SNOW fo", vec![fox]),
        ("in the snow", vec![hare, fox]),
        ("winter", vec![fox]),
        ("zoe winter", vec![fox]),
        ("fox hare", vec![]),
        ("🦊", vec![]),
        ("***", vec![]),
        ("  ", vec![hare, fox]),
    ] {
        assert_eq!(found(&app, text).await, expected, "{text}");
    }
}

#[tokio::test]
async fn a_new_caption_is_found_at_once() {
    let app = TestApp::spawn().await;
    let id = app.upload_photos(0..1).await[0];
    assert!(found(&app, "without").await.is_empty());

    app.drain().await;

    let caption = app.image(id).await["caption"]["text"].clone();
    assert_eq!(found(&app, caption.as_str().unwrap()).await, [id]);
}

#[tokio::test]
async fn a_visitor_cannot_search_file_names() {
    let app = TestApp::builder().password("correct horse").spawn().await;
    let admin = app.sign_in("correct horse").await;
    let photo = functions::testing::photo(1, 32, 32);
    let id = admin.upload("Ada Lovelace.jpg", photo).await.id();
    app.drain().await;
    app.release(id).await;
    app.describe(id, "Somebody on a beach", &[]).await;

    for text in ["ada", "lovelace", "Ada Lovelace.jpg", "beach ada", "jpg"] {
        assert_eq!(found(&admin, text).await, [id], "{text}");
        assert!(found(&app.visitor(), text).await.is_empty(), "{text}");
    }
    assert_eq!(found(&app.visitor(), "beach").await, [id]);
}

#[tokio::test]
async fn any_search_text_is_answered() {
    let app = TestApp::spawn().await;
    let captions = ["fox and snow", "a fox, near a house"];
    let uploaded = app.upload_captioned(0, &captions).await;
    for text in [
        "fox OR house",
        "fox NOT snow",
        "NEAR(fox house)",
        "\"fox",
        "fox*",
        "-fox",
        "words:fox",
        "fox@",
        "fox' --",
        "fox\0",
        &"fox ".repeat(2_500),
        &"f".repeat(10_000),
        "%",
        "\\",
    ] {
        for path in ["/api/images", "/gallery"] {
            app.get(&address(path, text, "")).await.expect(200);
        }
    }
    assert!(found(&app, "fox OR house").await.is_empty());
    assert_eq!(found(&app, "-snow fox").await, [uploaded[0]]);
}

#[tokio::test]
async fn pages_of_a_search_have_neither_gaps_nor_repeats_while_photos_change() {
    let app = TestApp::spawn().await;
    let captions = ["fox fox fox", "a fox", "a fox", "fox and fox", "a fox"];
    let uploaded = app.upload_captioned(0, &captions).await;
    let [most, first, second, two, third] = uploaded[..] else {
        unreachable!("five were uploaded")
    };
    let mut seen = Vec::new();
    let mut rest = "&limit=2".to_owned();
    let mut pages = 0;
    loop {
        let page = app.get(&address("/api/images", "fox", &rest)).await;
        let page = page.expect(200).json();
        seen.extend(ids(&page));
        // A better match is added, and the last image that was shown is deleted.
        pages += 1;
        app.upload_captioned(100 + pages, &["fox fox fox fox"])
            .await;
        let last = seen.last().unwrap();
        app.delete(&format!("/api/images/{last}")).await.expect(204);
        app.upload_captioned(200 + pages, &["nothing of the kind"])
            .await;
        let Some(cursor) = page["next"].as_str() else {
            break;
        };
        rest = format!("&limit=2&after={cursor}");
    }
    // The rank of the new images depends on the database.
    seen.retain(|id| uploaded.contains(id));
    assert_eq!(seen, [most, two, third, second, first]);
}

#[tokio::test]
async fn a_cursor_of_another_kind_of_list_is_refused() {
    let app = TestApp::spawn().await;
    app.upload_captioned(0, &["a fox", "a fox"]).await;
    let cursor = async |query: &str| {
        let page = app.get(&format!("/api/images?limit=1{query}")).await;
        page.json()["next"].as_str().unwrap().to_owned()
    };
    let by_time = cursor("").await;
    let by_rank = cursor("&q=fox").await;

    for path in [
        format!("/api/images?after={by_rank}"),
        format!("/api/messages?after={by_rank}"),
        format!("/api/images?q=fox&after={by_time}"),
    ] {
        app.get(&path).await.problem(400);
    }
}

#[tokio::test]
async fn the_page_marks_the_words_and_escapes_everything() {
    let app = TestApp::spawn().await;
    let caption = "A <b>fox</b> & a Zoë's \"foxes\"";
    let id = app.upload_captioned(0, &[caption]).await[0];

    let page = app.page(&address("/gallery", "zoe fox", "")).await;
    let page = page.expect(200).text();
    let card = address(&format!("/images/{id}/card"), "zoe fox", "");
    let card = app.page(&card).await.expect(200).text();

    for html in [&page, &card] {
        let begin = html.find("<p class=\"caption\"").unwrap();
        let end = begin + html[begin..].find("</p>").unwrap();
        insta::allow_duplicates! {
            insta::assert_snapshot!(&html[begin..end], @r#"<p class="caption" aria-hidden="true">A &lt;b&gt;<mark>fox</mark>&lt;/b&gt; &amp; a <mark>Zoë</mark>&#39;s &quot;<mark>foxes</mark>&quot;"#);
        }
    }
    let unmarked = app.page("/gallery").await.expect(200).text();
    assert!(!unmarked.contains("<mark>"));
}

#[tokio::test]
async fn the_page_keeps_the_query() {
    let app = TestApp::spawn().await;
    let captions = vec!["a \"fox\" & more"; 51];
    app.upload_captioned(0, &captions).await;
    let text = "\"fox\" & mo";

    let page = app.page(&address("/gallery", text, "")).await;
    let page = page.expect(200).text();

    assert!(page.contains("value=\"&quot;fox&quot; &amp; mo\""));
    let next = page.split("rel=\"next\" href=\"").nth(1).unwrap();
    let next = next.split('"').next().unwrap().replace("&amp;", "&");
    assert!(
        next.starts_with(&address("/gallery", text, "&after=")),
        "{next}"
    );
    let second = app.page(&next).await.expect(200).text();
    assert_eq!(second.matches("data-image-id").count(), 1);
    assert!(!second.contains("rel=\"next\""));

    let nothing = app.page("/gallery?q=%F0%9F%A6%8A").await.expect(200).text();
    assert!(nothing.contains("Nothing matches “🦊”"));
    let empty = app.get("/api/images?q=%F0%9F%A6%8A").await.json();
    assert_eq!(empty, json!({"items": [], "next": null}));
}
