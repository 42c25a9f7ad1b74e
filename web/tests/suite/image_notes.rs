//! What people say about an image besides its caption, and captions in several languages.

use functions::testing;
use functions::testing::provider::{Answer, Provider};
use functions::words::embedded;
use reqwest::Method;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::app::TestApp;
use crate::client::{Client, Part, multipart, send};
use crate::listing::ids;
use crate::providers::asking;
use crate::s3::PASSWORD;

async fn patch(client: &Client, id: Uuid, body: &Value) -> Value {
    client.edit(id, body).await.expect(200).json()
}

/// The prompt of a request to Gemini.
fn prompt(provider: &Provider, number: usize) -> String {
    let body = provider.asked()[number].body.clone();
    body["contents"][0]["parts"][1]["text"]
        .as_str()
        .unwrap()
        .to_owned()
}

#[tokio::test]
async fn words_of_context_go_with_the_request_and_are_for_those_who_manage() {
    let provider = Provider::start().await;
    let (app, admin) = asking(&provider)
        .releases_at_once()
        .spawn_with_admin()
        .await;
    let photo = testing::photo(1, 64, 48);
    let parts = [
        Part {
            field: "context",
            name: "",
            bytes: b"Summer fair 2026,\nthe mayor's speech",
        },
        Part {
            field: "file",
            name: "photo.jpg",
            bytes: &photo,
        },
    ];
    let request = multipart(admin.request(Method::POST, "/api/images"), &parts);
    let id = send(request).await.expect(201).id();

    app.drain().await;

    let said = "Summer fair 2026, the mayor's speech";
    assert!(prompt(&provider, 0).contains(said));
    assert_eq!(admin.image(id).await["context"], said);
    assert_eq!(app.visitor().image(id).await["context"], Value::Null);
    let page = app.visitor().page(&format!("/images/{id}")).await.text();
    assert!(!page.contains("mayor"));

    let image = patch(&admin, id, &json!({ "context": "Harvest fair" })).await;
    assert_eq!(image["context"], "Harvest fair");
    admin
        .post(&format!("/api/images/{id}/steps/annotate/retry"))
        .await
        .expect(202);
    app.drain().await;
    assert!(prompt(&provider, 1).contains("\"Harvest fair\""));
    let image = patch(&admin, id, &json!({ "context": " " })).await;
    assert_eq!(image["context"], Value::Null);
}

#[tokio::test]
async fn captions_in_several_languages_come_from_one_request_and_are_shown_by_accept_language() {
    let provider = Provider::start().await;
    let said = json!({
        "alt_text": "Zwei Hunde rennen.", "caption": "Zwei braune Hunde.", "tags": ["hunde"],
        "translations": [
            { "language": "en", "alt_text": "Two dogs run.", "caption": "Two brown dogs." },
            { "language": "DE-x-simple", "alt_text": "Das sind Hunde.", "caption": "Sie rennen." },
            { "language": "fr", "alt_text": "Deux chiens.", "caption": "Personne ne l'a demandé." },
        ],
    });
    provider.always(Answer::Text(said.to_string()));
    let app = asking(&provider)
        .set("VITRINE_CAPTION_LANGUAGE", "de")
        .set("VITRINE_CAPTION_LANGUAGES", "de,en,de-x-simple")
        .spawn()
        .await;
    let id = app.upload_photos(0..1).await[0];

    app.drain().await;

    assert_eq!(provider.asked().len(), 1);
    assert!(prompt(&provider, 0).contains("the languages with the tags en, de-x-simple"));
    let caption = app.image(id).await["caption"].clone();
    assert_eq!(caption["language"], "de");
    assert_eq!(
        caption["translations"],
        json!([
            { "language": "en", "text": "Two dogs run.", "paragraph": "Two brown dogs." },
            { "language": "de-x-simple", "text": "Das sind Hunde.", "paragraph": "Sie rennen." },
        ])
    );
    for (header, language, text) in [
        ("de-DE,de;q=0.9", "de", "Zwei Hunde rennen."),
        ("en-US,en;q=0.9", "en", "Two dogs run."),
        ("de-x-simple", "de-x-simple", "Das sind Hunde."),
        ("it", "de", "Zwei Hunde rennen."),
    ] {
        let heading = format!("<h1 id=\"caption\" lang=\"{language}\">{text}</h1>");
        let alt = format!("alt=\"{text}\" lang=\"{language}\"");
        for (path, shown) in [
            (format!("/images/{id}"), heading),
            ("/gallery".to_owned(), alt),
        ] {
            let request = app
                .request(Method::GET, &path)
                .header("accept", "text/html");
            let page = send(request.header("accept-language", header)).await;
            let page = page.expect(200).text();
            assert!(page.contains(&shown), "{header}: {page}");
            assert!(page.contains("<html lang=\"en\">"));
        }
    }
    let copy = app.get(&format!("/api/images/{id}/anonymised")).await.body;
    assert_eq!(
        embedded(&copy).unwrap().alt_text.unwrap(),
        "Zwei Hunde rennen."
    );
    for text in [
        "Two dogs run.",
        "Das sind Hunde.",
        "xml:lang=\"de-x-simple\"",
    ] {
        assert!(
            String::from_utf8_lossy(&copy).contains(text),
            "the copy has all languages"
        );
    }
}

#[tokio::test]
async fn a_decorative_picture_has_an_empty_alt_text_everywhere() {
    let app = TestApp::spawn().await;
    let id = app.upload_photos(0..1).await[0];
    app.drain().await;

    let image = patch(&app, id, &json!({ "decorative": true })).await;

    assert_eq!(image["decorative"], true);
    let caption = image["caption"]["text"].as_str().unwrap();
    for path in [format!("/images/{id}"), "/gallery".to_owned()] {
        let page = app.page(&path).await.text();
        assert!(!page.contains(&format!("alt=\"{caption}\"")), "{page}");
    }
    let copy = app.get(&format!("/api/images/{id}/anonymised")).await.body;
    assert_eq!(embedded(&copy), None);

    patch(&app, id, &json!({ "decorative": false })).await;
    let copy = app.get(&format!("/api/images/{id}/anonymised")).await.body;
    assert_eq!(embedded(&copy).unwrap().alt_text.unwrap(), caption);
}

#[tokio::test]
async fn a_checked_caption_says_who_checked_it_until_it_changes() {
    let (app, admin) = TestApp::builder()
        .releases_at_once()
        .spawn_with_admin()
        .await;
    let id = admin
        .upload("photo.jpg", testing::photo(1, 64, 48))
        .await
        .expect(201)
        .id();
    let too_early = admin.edit(id, &json!({ "checked": true })).await;
    assert!(too_early.problem(422).contains("no caption yet"));
    app.drain().await;

    let image = patch(&admin, id, &json!({ "checked": true })).await;

    assert_eq!(image["caption"]["by"], "machine");
    assert_eq!(image["caption"]["checked_by"], "admin");
    assert!(image["caption"]["checked_at"].is_string());
    let page = admin.page(&format!("/images/{id}")).await.text();
    assert!(
        page.contains("Described without AI, checked by admin on"),
        "{page}"
    );
    let seen = app.visitor().image(id).await;
    assert_eq!(seen["caption"]["checked_by"], Value::Null);
    assert!(seen["caption"]["checked_at"].is_string());

    let image = patch(&admin, id, &json!({ "caption": "Two children wave" })).await;
    assert_eq!(image["caption"]["checked_at"], Value::Null);
}

#[tokio::test]
async fn images_whose_words_need_a_person_are_listed_for_those_who_manage() {
    let provider = Provider::start().await;
    let (app, admin) = asking(&provider)
        .releases_at_once()
        .spawn_with_admin()
        .await;
    let mut uploaded = Vec::new();
    for seed in 0..4 {
        let photo = testing::photo(seed, 32, 32);
        uploaded.push(admin.upload("photo.jpg", photo).await.expect(201).id());
    }
    let [checked, unchecked, written, decorative] = uploaded[..] else {
        panic!("four were uploaded")
    };
    app.drain().await;
    provider.always(Answer::Finish("SAFETY"));
    let refused = admin
        .upload("photo.jpg", testing::photo(9, 32, 32))
        .await
        .expect(201)
        .id();
    app.drain().await;
    patch(&admin, checked, &json!({ "checked": true })).await;
    patch(&admin, written, &json!({ "caption": "Ada" })).await;
    patch(&admin, decorative, &json!({ "decorative": true })).await;

    for (filter, expected) in [
        ("unchecked", vec![unchecked]),
        ("not-described", vec![refused]),
        ("without-alt-text", vec![refused]),
    ] {
        let path = format!("/api/review?filter={filter}");
        let page = admin.get(&path).await.expect(200).json();
        assert_eq!(ids(&page), expected, "{filter}");
        assert_eq!(app.visitor().get(&path).await.status, 401, "{filter}");
    }
}

#[tokio::test]
async fn a_caption_that_was_seen_at_the_release_counts_as_checked_unless_it_has_changed() {
    let app = TestApp::builder().password(PASSWORD).spawn().await;
    let admin = app.sign_in(PASSWORD).await;
    let mut uploaded = Vec::new();
    for seed in 0..3 {
        let photo = testing::photo(seed, 32, 32);
        uploaded.push(admin.upload("photo.jpg", photo).await.expect(201).id());
    }
    app.drain().await;
    let caption = admin.image(uploaded[0]).await["caption"]["text"].clone();

    for (id, seen, is_checked) in [
        (uploaded[0], json!({ "caption": caption }), true),
        (
            uploaded[1],
            json!({ "caption": "What it was before" }),
            false,
        ),
        (uploaded[2], json!({}), false),
    ] {
        let request = admin.request(Method::POST, &format!("/api/images/{id}/release"));
        let released = send(request.json(&seen)).await.expect(200).json();
        assert_eq!(released["release"]["state"], "released");
        assert_eq!(released["caption"]["checked_at"].is_string(), is_checked);
    }
}
