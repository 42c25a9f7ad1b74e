//! Captions that people write: by `PATCH`, on the page, and in a race with a machine.

use std::sync::Arc;

use functions::drivers::local;
use functions::testing;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::app::TestApp;
use crate::client::send;
use crate::ports::Held;

async fn app_with_a_photo() -> (TestApp, Uuid) {
    let app = TestApp::spawn().await;
    let id = app.upload("one.jpg", testing::photo(1, 64, 48)).await.id();
    (app, id)
}

#[tokio::test]
async fn a_person_writes_the_caption_and_the_tags() {
    let (app, id) = app_with_a_photo().await;
    app.drain().await;

    let body = json!({"caption": {"text": "Ada at her desk"}, "tags": ["Desk", "desk", "work"]});
    let image = app.edit(id, &body).await.expect(200).json();

    assert_eq!(image["caption"]["text"], "Ada at her desk");
    assert_eq!(image["caption"]["by"], "person");
    assert_eq!(image["caption"]["provider"], Value::Null);
    assert_eq!(image["tags"], json!(["desk", "work"]));
    assert_eq!(app.image(id).await, image);
}

#[tokio::test]
async fn fields_that_are_left_out_stay_unchanged() {
    let (app, id) = app_with_a_photo().await;
    app.drain().await;
    let before = app.image(id).await;

    let tagged = app
        .edit(id, &json!({"tags": ["work"]}))
        .await
        .expect(200)
        .json();
    assert_eq!(tagged["caption"]["text"], before["caption"]["text"]);
    assert_eq!(tagged["caption"]["by"], "person");

    let worded = app
        .edit(id, &json!({"caption": "Ada"}))
        .await
        .expect(200)
        .json();
    assert_eq!(worded["caption"]["text"], "Ada");
    assert_eq!(worded["tags"], json!(["work"]));
}

#[tokio::test]
async fn the_api_takes_all_that_the_form_on_the_page_takes() {
    let (app, id) = app_with_a_photo().await;
    app.drain().await;

    let body = json!({"caption": "Ada", "paragraph": "Ada at\nher desk.", "tags": ["desk"]});
    let image = app.edit(id, &body).await.expect(200).json();
    assert_eq!(image["caption"]["text"], "Ada");
    assert_eq!(image["caption"]["paragraph"], "Ada at her desk.");
    assert_eq!(image["tags"], json!(["desk"]));

    let body = json!({"paragraph": "Ada, working."});
    let image = app.edit(id, &body).await.expect(200).json();
    assert_eq!(image["caption"]["text"], "Ada");
    assert_eq!(image["caption"]["paragraph"], "Ada, working.");

    let body = json!({"paragraph": ""});
    let image = app.edit(id, &body).await.expect(200).json();
    assert_eq!(image["caption"]["text"], "Ada");
    assert_eq!(image["caption"]["paragraph"], Value::Null);
}

#[tokio::test]
async fn an_empty_or_too_long_edit_is_refused() {
    let (app, id) = app_with_a_photo().await;
    for (body, status) in [
        (json!({}), 422),
        (json!({"caption": " \n "}), 422),
        (json!({"caption": "x".repeat(2001)}), 422),
        (json!({"tags": ["x".repeat(41)]}), 422),
        (
            json!({"tags": (0..31).map(|n| n.to_string()).collect::<Vec<_>>()}),
            422,
        ),
        // There is no caption yet that tags could go with.
        (json!({"tags": ["work"]}), 422),
        (json!({"paragraph": "At length."}), 422),
        (
            json!({"caption": "Ada", "paragraph": "x".repeat(2001)}),
            422,
        ),
        (json!({"caption": {"text": "Ada", "colour": "red"}}), 400),
        (
            json!({"caption": {"text": "Ada", "paragraph": "One."}, "paragraph": "Two."}),
            400,
        ),
        (json!({"file_name": "other.jpg"}), 400),
        (json!({"caption": 7}), 400),
    ] {
        app.edit(id, &body).await.problem(status);
    }
    app.edit(Uuid::from_u128(7), &json!({"caption": "Ada"}))
        .await
        .problem(404);
}

#[tokio::test]
async fn a_machine_never_overwrites_a_person() {
    let (app, id) = app_with_a_photo().await;
    let held = Held::new("a machine's words");
    let mut context = app.context.clone();
    context.captioner = held.clone();
    let queue = app.state.queue.clone();
    let machine = tokio::spawn(async move { local::drain(&context, &queue).await });
    held.has_begun().await;

    app.edit(id, &json!({"caption": "Ada at her desk"}))
        .await
        .expect(200);
    held.let_go();
    machine.await.unwrap().unwrap();

    let image = app.image(id).await;
    assert_eq!(image["caption"]["text"], "Ada at her desk");
    assert_eq!(image["caption"]["by"], "person");
    assert_eq!(image["steps"]["annotate"]["state"], "done");
}

#[tokio::test]
async fn concurrent_edits_leave_a_persons_caption_and_a_complete_history() {
    let (app, id) = app_with_a_photo().await;
    let app = Arc::new(app);
    let people = (0..20).map(|number| {
        let app = Arc::clone(&app);
        async move {
            let body = json!({"caption": format!("caption {number}")});
            app.edit(id, &body).await.expect(200);
        }
    });
    let (_, worked) = tokio::join!(futures::future::join_all(people), app.drain());
    assert_eq!(worked, 3);

    let image = app.image(id).await;
    assert_eq!(image["caption"]["by"], "person");
    let history = entity::caption::history(id, 100)
        .all(&app.state.db)
        .await
        .unwrap();
    let people = history
        .iter()
        .filter(|row| row.author_name.is_some())
        .count();
    assert_eq!(people, 20);
    assert!(history.len() <= 21, "{}", history.len());
    assert_eq!(image["caption"]["text"], history[0].text);
}

#[tokio::test]
async fn the_page_saves_a_caption_and_shows_the_earlier_one() {
    let (app, id) = app_with_a_photo().await;
    app.drain().await;
    let before = app.image(id).await["caption"]["text"]
        .as_str()
        .unwrap()
        .to_owned();

    let fields = [("caption", "Ada at her desk"), ("tags", "desk, Work,")];
    app.post_form(&format!("/images/{id}/caption"), &fields)
        .await
        .expect(303);

    let page = app.page(&format!("/images/{id}")).await.expect(200).text();
    assert!(page.contains("Ada at her desk"));
    assert!(page.contains("Written by a person"));
    assert!(page.contains("desk, work"));
    assert!(page.contains(&before), "the caption before it is shown");
}

#[tokio::test]
async fn a_refused_description_is_shown_again_in_its_form_with_the_reason() {
    let (app, id) = app_with_a_photo().await;
    let tags = ["desk, ".repeat(9), "x".repeat(50)].concat();
    let fields = [
        ("caption", "Ada at her desk"),
        ("paragraph", "She <writes> a letter."),
        ("tags", &tags),
    ];

    let answer = app
        .post_form(&format!("/images/{id}/caption"), &fields)
        .await
        .expect(422);

    let page = answer.text();
    assert!(page.contains(">Ada at her desk</textarea>"), "{page}");
    assert!(page.contains(">She &lt;writes&gt; a letter.</textarea>"));
    assert!(page.contains(&format!("value=\"{tags}\"")));
    assert!(page.contains("A tag has 40 characters at most"));
    let image = app.image(id).await;
    assert_eq!(image["caption"], serde_json::Value::Null);
}

#[tokio::test]
async fn deleting_an_image_deletes_its_captions() {
    let (app, id) = app_with_a_photo().await;
    app.drain().await;
    app.edit(id, &json!({"caption": "Ada"})).await.expect(200);

    app.delete(&format!("/api/images/{id}")).await.expect(204);

    let left = entity::caption::history(id, 10)
        .all(&app.state.db)
        .await
        .unwrap();
    assert_eq!(left, []);
}

#[tokio::test]
async fn a_hundred_thousand_tags_are_refused_at_once() {
    let app = TestApp::spawn().await;
    let id = app
        .upload("photo.jpg", testing::photo(1, 32, 32))
        .await
        .id();
    let path = format!("/api/images/{id}");
    let tags: Vec<_> = (0..100_000).map(|number| number.to_string()).collect();
    let patch = json!({"caption": "A photo", "tags": tags});
    let asked = std::time::Instant::now();

    let request = app.request(reqwest::Method::PATCH, &path).json(&patch);
    let refused = send(request).await;

    assert!(refused.problem(422).contains("more than 30 tags"));
    assert!(asked.elapsed() < std::time::Duration::from_secs(2));
    let long = json!({"caption": "A photo", "tags": ["t".repeat(100_000)]});
    let request = app.request(reqwest::Method::PATCH, &path).json(&long);
    let refused = send(request).await;
    assert!(refused.problem(422).contains("40 characters at most"));
    assert!(refused.body.len() < 1000, "the tag is not repeated");
}
