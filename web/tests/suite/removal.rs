//! "That's me": somebody asks to be covered on a public picture.

use entity::image::Review;
use entity::image_box::{self, ByKind, State};
use functions::testing;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::app::TestApp;
use crate::client::{Answer, Client};

const PASSWORD: &str = "four random plain words";

impl TestApp {
    /// A released picture, on a server on which visitors are visitors.
    async fn public_picture(&self, admin: &Client) -> Uuid {
        let photo = testing::photo(1, 240, 160);
        let id = admin.upload("photo.jpg", photo).await.id();
        self.drain().await;
        self.release(id).await;
        id
    }

    async fn boxes(&self, id: Uuid) -> Vec<image_box::Model> {
        image_box::of(id).all(&self.state.db).await.unwrap()
    }
}

async fn ask(client: &Client, id: Uuid, wanted: Value) -> Answer {
    let path = format!("/api/images/{id}/removal-requests");
    client.post_json(&path, &wanted).await
}

/// The page of a request, as the person who asked sees it.
async fn becomes(client: &Client, answer: &Answer) -> String {
    let url = answer.json()["url"].as_str().unwrap().to_owned();
    client.page(&url).await.expect(200).text()
}

#[tokio::test]
async fn a_place_that_somebody_points_at_is_covered_before_visitors_see_it_again() {
    let app = TestApp::builder().password(PASSWORD).spawn().await;
    let admin = app.sign_in(PASSWORD).await;
    let visitor = app.visitor();
    let id = app.public_picture(&admin).await;
    let before = app.copy(id).await;

    let answer = ask(
        &visitor,
        id,
        json!({ "x": 120, "y": 80, "reason": "I am 12." }),
    )
    .await;

    assert_eq!(answer.status, 201, "{}", answer.text());
    visitor.get(&format!("/api/images/{id}")).await.expect(404);
    app.drain().await;
    visitor.get(&format!("/api/images/{id}")).await.expect(200);
    assert_ne!(app.copy(id).await, before);
    let boxes = app.boxes(id).await;
    let cover = boxes.last().unwrap();
    assert_eq!(
        (cover.by_kind, cover.by_name.as_deref()),
        (ByKind::Person, Some("request"))
    );
    assert!((cover.x..cover.x + cover.width).contains(&120));
    let page = becomes(&visitor, &answer).await;
    assert!(page.contains("The place is covered") && page.contains("I am 12."));
}

#[tokio::test]
async fn the_picture_goes_to_the_desk_and_the_answer_to_the_person() {
    let app = TestApp::builder().password(PASSWORD).spawn().await;
    let admin = app.sign_in(PASSWORD).await;
    let visitor = app.visitor();
    let id = app.public_picture(&admin).await;
    let answer = ask(&visitor, id, json!({ "x": 10, "y": 10 }))
        .await
        .expect(201);
    app.drain().await;

    let desk = admin.get("/api/review?filter=requests").await.json();
    assert_eq!(desk["items"][0]["id"], id.to_string());
    let page = admin.page("/removal-requests").await.expect(200).text();
    let form = page.split("action=\"/removal-requests/").nth(1).unwrap();
    let request = form.split('"').next().unwrap();
    let path = format!("/removal-requests/{request}");
    visitor
        .post_form(&path, &[("answer", "reverse")])
        .await
        .expect(303);
    assert!(
        becomes(&visitor, &answer)
            .await
            .contains("The place is covered")
    );

    admin
        .post_form(&path, &[("answer", "keep")])
        .await
        .expect(303);

    assert!(
        becomes(&visitor, &answer)
            .await
            .contains("It stays covered")
    );
    let desk = admin.get("/api/review?filter=requests").await.json();
    assert_eq!(desk["left"], 0);
    assert_eq!(app.row(id).await.unwrap().review, Review::Released);
}

#[tokio::test]
async fn reversing_restores_what_was_kept_visible_and_sends_the_picture_to_review() {
    let app = TestApp::builder().password(PASSWORD).spawn().await;
    let admin = app.sign_in(PASSWORD).await;
    let visitor = app.visitor();
    let id = app.public_picture(&admin).await;
    let boxes = format!("/api/images/{id}/boxes");
    let version = admin.get(&boxes).await.json()["version"].clone();
    let kept = json!({ "x": 20, "y": 20, "width": 40, "height": 40, "state": "keep", "reason": "consent" });
    let put = json!({ "version": version, "items": [kept] });
    let request = admin.request(reqwest::Method::PUT, &boxes).json(&put);
    crate::client::send(request).await.expect(200);
    app.drain().await;
    app.release(id).await;

    let answer = ask(&visitor, id, json!({ "x": 30, "y": 30 }))
        .await
        .expect(201);
    app.drain().await;
    let covered = app.boxes(id).await;
    assert_eq!((covered.len(), covered[0].state), (1, State::Cover));
    let found = entity::removal_request::open().one(&app.state.db).await;
    let path = format!("/removal-requests/{}", found.unwrap().unwrap().id);
    admin
        .post_form(&path, &[("answer", "reverse")])
        .await
        .expect(303);

    let restored = app.boxes(id).await;
    assert_eq!((restored.len(), restored[0].state), (1, State::Keep));
    assert_eq!(restored[0].reason.as_deref(), Some("consent"));
    assert_eq!(app.row(id).await.unwrap().review, Review::Review);
    assert!(becomes(&visitor, &answer).await.contains("It was reversed"));
}

#[tokio::test]
async fn two_requests_at_once_are_both_covered() {
    let app = TestApp::builder().password(PASSWORD).spawn().await;
    let admin = app.sign_in(PASSWORD).await;
    let visitor = app.visitor();
    let id = app.public_picture(&admin).await;

    let (first, second) = tokio::join!(
        ask(&visitor, id, json!({ "x": 10, "y": 10 })),
        ask(&visitor, id, json!({ "x": 230, "y": 150 })),
    );

    // One of them may come while the picture is hidden for the other.
    let covered = [&first, &second]
        .iter()
        .filter(|answer| answer.status == 201)
        .count();
    assert!(covered >= 1, "{} {}", first.text(), second.text());
    let by_request = |row: &&image_box::Model| row.by_name.as_deref() == Some("request");
    assert_eq!(
        app.boxes(id).await.iter().filter(by_request).count(),
        covered
    );
}

#[tokio::test]
async fn only_places_on_public_pictures_are_taken_and_not_too_many() {
    let app = TestApp::builder().password(PASSWORD).spawn().await;
    let admin = app.sign_in(PASSWORD).await;
    let visitor = app.visitor();
    let id = app.public_picture(&admin).await;
    let unreleased = admin
        .upload("two.jpg", testing::photo(2, 64, 48))
        .await
        .id();
    app.drain().await;

    ask(&visitor, unreleased, json!({ "x": 1, "y": 1 }))
        .await
        .problem(404);
    ask(&visitor, id, json!({ "x": 240, "y": 1 }))
        .await
        .problem(422);
    ask(&visitor, id, json!({ "x": 1, "y": -1 }))
        .await
        .problem(422);
    let long = json!({ "x": 1, "y": 1, "reason": "x".repeat(1001) });
    ask(&visitor, id, long).await.problem(422);
    visitor
        .page("/removal/222222222222222222222")
        .await
        .expect(404);

    for _ in 0..10 {
        ask(&visitor, id, json!({ "x": 1, "y": 1 }))
            .await
            .expect(201);
        app.drain().await;
    }
    let refused = ask(&visitor, id, json!({ "x": 1, "y": 1 })).await;
    assert_eq!(refused.status, 429);
    assert_ne!(refused.header("retry-after"), "");
}

#[tokio::test]
async fn without_scripts_a_field_of_the_grid_is_enough() {
    let app = TestApp::builder().password(PASSWORD).spawn().await;
    let admin = app.sign_in(PASSWORD).await;
    let visitor = app.visitor();
    let id = app.public_picture(&admin).await;
    let path = format!("/images/{id}/thats-me");
    let picture = visitor.page(&format!("/images/{id}")).await.text();
    assert!(picture.contains(&format!("href=\"{path}\"")));
    assert!(
        visitor
            .page(&path)
            .await
            .expect(200)
            .text()
            .contains("Row 10, column 10")
    );
    let none = visitor
        .post_form(&path, &[("reason", "because")])
        .await
        .expect(200)
        .text();
    assert!(none.contains("Say where you are") && none.contains("because"));

    // The answer waits for the copy, which a worker makes.
    let workers = app.workers(1);
    let sent = visitor
        .post_form(&path, &[("cell", "99"), ("reason", "")])
        .await
        .expect(303);
    workers.stop().await;

    assert!(sent.header("location").starts_with("/removal/"));
    let boxes = app.boxes(id).await;
    let cover = boxes.last().unwrap();
    assert!((cover.x..cover.x + cover.width).contains(&228), "{cover:?}");
    assert!(
        (cover.y..cover.y + cover.height).contains(&152),
        "{cover:?}"
    );
}

#[tokio::test]
async fn requests_can_be_switched_off() {
    let app = TestApp::builder()
        .password(PASSWORD)
        .set("VITRINE_REMOVAL_REQUESTS", "off")
        .spawn()
        .await;
    let admin = app.sign_in(PASSWORD).await;
    let visitor = app.visitor();
    let id = app.public_picture(&admin).await;

    ask(&visitor, id, json!({ "x": 1, "y": 1 }))
        .await
        .problem(404);
    visitor
        .page(&format!("/images/{id}/thats-me"))
        .await
        .expect(404);
    let page = visitor
        .page(&format!("/images/{id}"))
        .await
        .expect(200)
        .text();
    assert!(!page.contains("thats-me"));
}
