//! Boxes: what detectors add, what people change, and what the copy shows of it.

use std::sync::{Mutex, mpsc};

use entity::image::Review;
use entity::image_box;
use entity::step::{StepKind, StepState};
use functions::faces::Certainty;
use functions::picture::Upright;
use functions::pipeline::lifecycle::rerun;
use functions::pipeline::run_step::{Delivery, run_step};
use functions::testing;
use platform::Format;
use reqwest::Method;
use sea_orm::{ColumnTrait as _, EntityTrait as _, QueryFilter as _};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::app::TestApp;
use crate::client::{Answer, Client, send};
use crate::ports::{Finds, Slow, face};

impl TestApp {
    /// A server, and a photo of 320 × 240 pixels that this detector has searched.
    pub(crate) async fn with_searched_photo(detector: Finds) -> (Self, Uuid) {
        let mut app = Self::spawn().await;
        app.find_faces_with(detector);
        let id = app.upload("photo.png", noisy_photo(1)).await.id();
        app.drain().await;
        (app, id)
    }

    /// Has the copy made again, with this detector from now on.
    pub(crate) async fn search_again(&mut self, id: Uuid, detector: Finds) {
        self.find_faces_with(detector);
        let wanted = [(id, StepKind::Anonymise)];
        rerun(&self.state.db, &self.state.dispatch, &wanted)
            .await
            .unwrap();
        self.drain().await;
    }

    /// Whether the copy shows a mosaic around a place of the photo, which is all noise.
    pub(crate) async fn is_covered(&self, id: Uuid, x: u32, y: u32) -> bool {
        let copy = image::load_from_memory(&self.copy(id).await).unwrap();
        let copy = copy.to_rgb8();
        let places = (y - 5..y + 5).flat_map(|y| (x - 5..x + 5).map(move |x| (x, y)));
        let values: Vec<u8> = places.map(|(x, y)| copy.get_pixel(x, y).0[0]).collect();
        values.iter().max().unwrap() - values.iter().min().unwrap() < 70
    }
}

/// A photo of 320 × 240 pixels, each of which may have any colour.
pub(crate) fn noisy_photo(seed: u64) -> Vec<u8> {
    let mut noise = testing::Noise(seed);
    let rgb = (0..320 * 240 * 3).map(|_| u8::try_from(noise.below(256)).unwrap());
    let picture = Upright::new(320, 240, rgb.collect()).unwrap();
    testing::encoded(Format::Png, &picture, None, None)
}

pub(crate) async fn boxes(client: &Client, id: Uuid) -> Value {
    client
        .get(&format!("/api/images/{id}/boxes"))
        .await
        .expect(200)
        .json()
}

pub(crate) async fn put_boxes(client: &Client, id: Uuid, body: &Value) -> Answer {
    let address = format!("/api/images/{id}/boxes");
    send(client.request(Method::PUT, &address).json(body)).await
}

#[tokio::test]
async fn what_the_detector_finds_are_boxes_with_their_origin() {
    let (app, id) = TestApp::with_searched_photo(Finds {
        first: vec![
            face(20, 30, 40, Certainty::Sure),
            face(200, 30, 40, Certainty::Uncertain),
        ],
        again: vec![face(120, 150, 40, Certainty::Sure)],
        ..Finds::nothing()
    })
    .await;

    let found = boxes(&app, id).await;

    assert_eq!(
        (&found["version"], &found["copy_version"]),
        (&json!(1), &json!(1))
    );
    let facts: Vec<_> = found["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|item| {
            assert_eq!(item["by"]["kind"], "detector");
            assert_eq!(item["by"]["version"], "finds 1");
            assert_eq!(
                (&item["shape"], &item["covers"]),
                (&json!("ellipse"), &json!("face"))
            );
            (
                item["x"].as_i64().unwrap(),
                item["state"].clone(),
                item["by"]["pass"].clone(),
            )
        })
        .collect();
    assert_eq!(
        facts,
        [
            (20, json!("cover"), json!("first")),
            (200, json!("uncertain"), json!("first")),
            (120, json!("uncertain"), json!("second")),
        ]
    );
    for (x, y) in [(40, 50), (220, 50), (140, 170)] {
        assert!(app.is_covered(id, x, y).await);
    }
    assert!(!app.is_covered(id, 60, 200).await);
    // All of them are covered faces to programs that know no boxes.
    assert_eq!(app.image(id).await["faces"].as_array().unwrap().len(), 3);
}

#[tokio::test]
async fn a_person_draws_moves_keeps_and_removes_boxes_and_the_copy_follows() {
    let (app, id) = TestApp::with_searched_photo(Finds {
        first: vec![
            face(20, 30, 40, Certainty::Sure),
            face(120, 30, 40, Certainty::Sure),
            face(220, 30, 40, Certainty::Sure),
        ],
        ..Finds::nothing()
    })
    .await;
    let before = boxes(&app, id).await;
    let [stays, kept, _removed] = before["items"].as_array().unwrap().as_slice() else {
        panic!("{before}")
    };

    let after = put_boxes(
        &app,
        id,
        &json!({ "version": 1, "items": [
            stays,
            {"id": kept["id"], "x": 120, "y": 30, "width": 40, "height": 40, "state": "keep",
                "reason": "The mayor agreed."},
            {"x": 20, "y": 150, "width": 60, "height": 30, "covers": "other", "state": "cover"},
        ]}),
    )
    .await
    .expect(200)
    .json();

    assert_eq!(
        (&after["version"], &after["copy_version"]),
        (&json!(2), &json!(1))
    );
    let items = after["items"].as_array().unwrap();
    assert_eq!(items.len(), 3);
    assert_eq!(&items[0], stays, "what did not change keeps its origin");
    assert_eq!(items[1]["reason"], "The mayor agreed.");
    assert_eq!(items[1]["by"]["kind"], "person");
    assert_eq!(items[2]["shape"], "rectangle");
    assert_eq!(app.drain().await, 1);
    let now = boxes(&app, id).await;
    assert_eq!(
        (&now["version"], &now["copy_version"]),
        (&json!(2), &json!(2))
    );
    assert!(app.is_covered(id, 40, 50).await);
    assert!(!app.is_covered(id, 140, 50).await);
    assert!(!app.is_covered(id, 240, 50).await);
    assert!(app.is_covered(id, 50, 165).await);
    // What was removed or replaced is history.
    let rows = image_box::Entity::find()
        .filter(image_box::Column::RemovedIn.eq(2))
        .all(&app.state.db)
        .await
        .unwrap();
    assert_eq!(rows.len(), 2);
    assert!(rows.iter().all(|row| row.removed_at.is_some()));
    assert!(
        rows.iter()
            .all(|row| row.removed_by.as_deref() == Some("admin"))
    );
    assert_eq!(
        rows.iter().filter(|row| row.replaced_by.is_some()).count(),
        1
    );
    let first = image_box::at_version(id, 1).all(&app.state.db).await;
    assert_eq!(first.unwrap().len(), 3);
}

#[tokio::test]
async fn a_change_on_boxes_that_have_changed_is_refused() {
    let (app, id) = TestApp::with_searched_photo(Finds::nothing()).await;
    let one = json!({"x": 1, "y": 1, "width": 20, "height": 20, "state": "cover"});
    put_boxes(&app, id, &json!({"version": 0, "items": [one]}))
        .await
        .expect(200);

    let refused = put_boxes(&app, id, &json!({"version": 0, "items": []})).await;

    assert!(refused.problem(409).contains("version 1 by now, not 0"));
    assert_eq!(boxes(&app, id).await["items"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn boxes_that_make_no_sense_are_refused_and_change_nothing() {
    let (app, id) = TestApp::with_searched_photo(Finds::sure(20, 30, 40)).await;
    let fine = json!({"x": 0, "y": 0, "width": 320, "height": 240, "state": "cover"});
    let with = |name: &str, value: Value| {
        let mut changed = fine.clone();
        changed[name] = value;
        changed
    };
    let many: Vec<_> = (0..1001).map(|_| fine.clone()).collect();
    for items in [
        json!([with("x", json!(-1))]),
        json!([with("x", json!(1))]),
        json!([with("width", json!(0))]),
        json!([with("height", json!(i32::MAX))]),
        json!([with("state", json!("keep"))]),
        json!([{"x": 0, "y": 0, "width": 9, "height": 9, "state": "keep", "reason": " \n"}]),
        json!([{"x": 0, "y": 0, "width": 9, "height": 9, "state": "keep", "reason": "x".repeat(501)}]),
        json!(many),
    ] {
        let body = json!({"version": 1, "items": items});
        put_boxes(&app, id, &body).await.problem(422);
    }
    for item in [with("state", json!("hidden")), with("x", json!(1e12))] {
        let body = json!({"version": 1, "items": [item]});
        put_boxes(&app, id, &body).await.problem(400);
    }
    assert_eq!(boxes(&app, id).await["version"], 1);
    assert_eq!(app.drain().await, 0, "nothing is to be done");
}

#[tokio::test]
async fn boxes_that_are_sent_back_as_they_came_change_nothing() {
    let (app, id) = TestApp::with_searched_photo(Finds::sure(20, 30, 40)).await;
    let mut body = boxes(&app, id).await;
    body.as_object_mut().unwrap().remove("copy_version");

    let after = put_boxes(&app, id, &body).await.expect(200).json();

    assert_eq!(after["version"], 1);
    assert_eq!(app.drain().await, 0);
    let step = app.step(id, StepKind::Anonymise).await;
    assert_eq!(step.state, StepState::Done);
}

#[tokio::test]
async fn another_detector_only_adds_what_is_neither_covered_nor_decided() {
    let (mut app, id) = TestApp::with_searched_photo(Finds {
        first: vec![
            face(20, 30, 40, Certainty::Sure),
            face(120, 30, 40, Certainty::Sure),
        ],
        ..Finds::nothing()
    })
    .await;
    let before = boxes(&app, id).await;
    let kept = json!({"id": before["items"][0]["id"], "x": 20, "y": 30, "width": 40, "height": 40,
        "state": "keep", "reason": "A statue."});
    let drawn = json!({"x": 210, "y": 140, "width": 60, "height": 60, "state": "cover"});
    put_boxes(&app, id, &json!({"version": 1, "items": [kept, drawn]}))
        .await
        .expect(200);
    app.drain().await;

    let better = Finds {
        name: "finds 2",
        first: vec![
            // Kept, removed, drawn by a person, and new.
            face(22, 32, 40, Certainty::Sure),
            face(118, 30, 40, Certainty::Sure),
            face(215, 145, 50, Certainty::Sure),
            face(40, 150, 40, Certainty::Sure),
        ],
        ..Finds::nothing()
    };
    app.search_again(id, better.clone()).await;

    let after = boxes(&app, id).await;
    let items = after["items"].as_array().unwrap();
    assert_eq!(items.len(), 3, "{after}");
    assert_eq!(items[2]["x"], 40);
    assert_eq!(items[2]["state"], "uncertain");
    assert_eq!(items[2]["by"]["pass"], "rerun");
    assert_eq!(items[2]["by"]["version"], "finds 2");
    assert!(app.is_covered(id, 60, 170).await);
    app.search_again(id, better).await;
    assert_eq!(
        boxes(&app, id).await,
        after,
        "the same detector searches once"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_detector_that_ends_after_a_person_drew_a_box_takes_nothing_away() {
    let mut app = TestApp::spawn().await;
    let (begun, has_begun) = mpsc::sync_channel(0);
    let (go, may_go) = mpsc::channel();
    app.find_faces_with(Slow {
        begun,
        go: Mutex::new(may_go),
        finds: Finds::sure(20, 30, 40),
    });
    let id = app.upload("photo.png", noisy_photo(1)).await.id();
    let make_copy = || {
        let context = app.context.clone();
        let delivery = Delivery {
            image_id: id,
            step: StepKind::Anonymise,
            receive_count: 1,
        };
        async move { run_step(&context, delivery).await.unwrap() }
    };
    let late = tokio::spawn(make_copy());
    // Once it is gone, the detector does not wait any more.
    tokio::task::spawn_blocking(move || has_begun.recv().unwrap())
        .await
        .unwrap();

    let drawn = json!({"x": 200, "y": 100, "width": 60, "height": 60, "state": "cover"});
    put_boxes(&app, id, &json!({"version": 0, "items": [drawn]}))
        .await
        .expect(200);
    make_copy().await;
    let newer = app.row(id).await.unwrap();
    assert_eq!(newer.copy_version, Some(newer.boxes_version));
    go.send(()).unwrap();
    late.await.unwrap();

    let row = app.row(id).await.unwrap();
    assert_eq!(
        row.copy_id, newer.copy_id,
        "the late copy took the place of the newer one"
    );
    assert_eq!(row.boxes_version, newer.boxes_version);
    assert_eq!(boxes(&app, id).await["items"].as_array().unwrap().len(), 2);
    assert!(app.is_covered(id, 230, 130).await);
    assert!(app.is_covered(id, 40, 50).await);
    let copies = app.objects();
    let copies = copies.iter().filter(|name| name.starts_with("anonymised/"));
    assert_eq!(copies.count(), 2, "a copy and its thumbnail");
}

#[tokio::test]
async fn the_objects_of_a_copy_go_when_it_is_remade_and_with_its_image() {
    let (app, id) = TestApp::with_searched_photo(Finds::nothing()).await;
    let drawn = json!({"x": 20, "y": 10, "width": 60, "height": 60, "state": "cover"});
    put_boxes(&app, id, &json!({"version": 0, "items": [drawn]}))
        .await
        .expect(200);
    app.drain().await;
    assert_eq!(app.objects().len(), 4, "{:?}", app.objects());

    app.delete(&format!("/api/images/{id}")).await.expect(204);

    assert_eq!(app.objects(), Vec::<String>::new());
}

#[tokio::test]
async fn without_a_detector_there_is_no_copy_and_no_release() {
    let mut app = TestApp::spawn().await;
    app.find_faces_with(crate::ports::CrashesAtWidth(320));
    app.context.options.max_attempts = 1;
    let id = app
        .upload("photo.jpg", testing::photo(1, 320, 240))
        .await
        .id();
    app.drain().await;

    let row = app.row(id).await.unwrap();
    assert_eq!((row.copy_version, row.review), (None, Review::Review));
    let refused = app.post(&format!("/api/images/{id}/release")).await;
    assert!(refused.problem(409).contains("could not be made"));
}
