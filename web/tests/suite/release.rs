//! The gate: visitors see what somebody has released, and nothing else.

use entity::image::{self, Review};
use entity::publication_record::{self, Action};
use entity::step::StepKind;
use functions::faces::Certainty;
use functions::pipeline::lifecycle::rerun;
use functions::testing;
use futures::future::join_all;
use reqwest::Method;
use reqwest::header::ACCEPT;
use sea_orm::EntityTrait as _;
use serde_json::{Value, json};
use uuid::Uuid;
use web::router;

use crate::app::{Builder, TestApp};
use crate::boxes::{boxes, put_boxes};
use crate::client::{Answer, BROWSER, Client, send};
use crate::ports::{Finds, face};
use crate::sse::Events;

const PASSWORD: &str = "four random plain words";

/// A server with a password, and a photo whose copy is finished.
struct House {
    app: TestApp,
    admin: Client,
    visitor: Client,
    id: Uuid,
}

impl House {
    async fn with(builder: Builder, detector: Finds) -> Self {
        let mut app = builder.password(PASSWORD).spawn().await;
        app.find_faces_with(detector);
        let admin = app.sign_in(PASSWORD).await;
        let photo = testing::photo(1, 320, 240);
        let id = admin.upload("ada-lovelace.jpg", photo).await.id();
        app.drain().await;
        Self {
            visitor: app.visitor(),
            app,
            admin,
            id,
        }
    }

    async fn spawn() -> Self {
        Self::with(TestApp::builder(), Finds::nothing()).await
    }

    async fn post(&self, what: &str) -> Answer {
        self.admin
            .post(&format!("/api/images/{}/{what}", self.id))
            .await
    }

    async fn is_seen(&self) -> bool {
        let address = format!("/api/images/{}", self.id);
        let answer = self.visitor.get(&address).await;
        assert!(matches!(answer.status, 200 | 404), "{answer:?}");
        let list = self.visitor.get("/api/images").await.json();
        let is_listed = list["items"] != json!([]);
        assert_eq!(answer.status == 200, is_listed, "list and image agree");
        is_listed
    }

    async fn records(&self) -> Vec<publication_record::Model> {
        let mut rows = publication_record::Entity::find()
            .all(&self.app.state.db)
            .await
            .unwrap();
        rows.sort_by_key(|row| row.id);
        rows
    }

    async fn actions(&self) -> Vec<Action> {
        self.records().await.iter().map(|row| row.action).collect()
    }
}

/// Route × role × state: who gets anything of an image at an address that names it.
#[tokio::test]
async fn every_address_of_an_image_is_as_if_there_was_none_until_it_is_released() {
    let house = House::spawn().await;
    let app = &house.app;
    let token = async |name: &str, may: &str| {
        Client::with_token(app.address, &app.token(&house.admin, name, may).await)
    };
    let scanner = token("scanner", "upload").await;
    let id = scanner
        .upload("grace-hopper.jpg", testing::photo(2, 320, 240))
        .await
        .id();
    app.drain().await;
    let roles = [
        ("visitor", app.visitor()),
        (
            "another program that uploads",
            token("other", "upload").await,
        ),
        ("the program that uploaded it", scanner),
        ("a program that reads", token("reader", "read").await),
        ("a program that manages", token("manager", "manage").await),
        ("admin", house.admin.clone()),
    ];
    let unknown = Uuid::now_v7();
    for state in ["review", "held", "released", "withdrawn"] {
        let decision = match state {
            "held" => Some("hold"),
            "released" => Some("release"),
            "withdrawn" => Some("withdraw"),
            _ => None,
        };
        if let Some(decision) = decision {
            let address = format!("/api/images/{id}/{decision}");
            house.admin.post(&address).await.expect(200);
        }
        for (role, client) in &roles {
            let sees =
                state == "released" || !["visitor", "another program that uploads"].contains(role);
            for route in router::list() {
                if route.method != Method::GET || !route.path.contains("{id}") {
                    continue;
                }
                if route.path == "/api/messages/{id}" {
                    continue;
                }
                // Nobody asks to be covered on a picture that is not public.
                let sees = sees && (state == "released" || !route.path.ends_with("/thats-me"));
                for rendition in ["original", "thumbnail", "anonymised"] {
                    let ask = async |id: Uuid| {
                        let path = route
                            .path
                            .replace("{id}", &id.to_string())
                            .replace("{rendition}", rendition);
                        let mut request = client.request(Method::GET, &path);
                        if !path.starts_with("/api/") {
                            request = request.header(ACCEPT, BROWSER);
                        }
                        send(request).await
                    };
                    let (answer, none) = (ask(id).await, ask(unknown).await);
                    let what = format!("{role}, {state}: {} {rendition}", route.path);
                    if sees {
                        assert_ne!(answer.status, 404, "{what}");
                    } else {
                        assert_eq!(answer.status, none.status, "{what}");
                        let [answer, none] = [answer, none].map(|answer| without_ids(&answer));
                        assert_eq!(answer, none, "{what}");
                    }
                }
            }
            for path in [
                "/api/images",
                "/api/images?q=mosaic",
                "/api/images?q=landscape",
                "/gallery",
                "/",
            ] {
                let answer = client.page(path).await.expect(200);
                let is_there = answer.text().contains(&id.to_string());
                assert!(sees || !is_there, "{role}, {state}: {path}");
                if path == "/api/images" {
                    assert_eq!(is_there, sees, "{role}, {state}: {path}");
                }
            }
        }
    }
}

/// What an answer says, without what differs each time.
fn without_ids(answer: &Answer) -> String {
    let text = answer.text();
    let mut json: Value = match serde_json::from_str(&text) {
        Ok(json) => json,
        // Of a page, the heading and what follows.
        Err(_) => {
            return text
                .split("<h1")
                .nth(1)
                .unwrap_or_default()
                .split("<small")
                .next()
                .unwrap_or_default()
                .to_owned();
        }
    };
    json.as_object_mut().unwrap().remove("trace_id");
    json.to_string()
}

#[tokio::test]
async fn a_released_image_is_everywhere_and_a_withdrawn_one_nowhere() {
    let house = House::spawn().await;
    assert!(!house.is_seen().await);
    let mut visitor = Events::listen(&house.visitor).await;
    let mut admin = Events::listen(&house.admin).await;

    let released = house.post("release").await.expect(200).json();

    assert_eq!(released["release"]["state"], "released");
    assert_eq!(released["release"]["by"], "admin");
    assert!(house.is_seen().await);
    let seen = visitor.image_that(|_| true).await;
    assert_eq!(seen["id"], house.id.to_string());
    assert!(seen.get("release").is_none(), "{seen}");
    admin
        .image_that(|image| image["release"]["state"] == "released")
        .await;
    let picture = format!("/api/images/{}/anonymised", house.id);
    house.visitor.get(&picture).await.expect(200);

    house.post("withdraw").await.expect(200);

    assert!(!house.is_seen().await);
    assert_eq!(visitor.deleted().await, house.id);
    admin
        .image_that(|image| image["release"]["state"] == "review")
        .await;
    house.visitor.get(&picture).await.problem(404);
    assert_eq!(house.actions().await, [Action::Released, Action::Withdrawn]);
}

#[tokio::test]
async fn visitors_hear_nothing_of_images_that_were_never_public() {
    let house = House::spawn().await;
    let mut visitor = Events::listen(&house.visitor).await;
    let unseen = house
        .admin
        .upload("b.jpg", testing::photo(2, 64, 48))
        .await
        .id();
    house.app.drain().await;
    house
        .admin
        .delete(&format!("/api/images/{unseen}"))
        .await
        .expect(204);

    house.post("release").await.expect(200);

    let first = visitor.next().await.unwrap();
    assert_eq!(
        (first.name.as_str(), &first.data["id"]),
        ("image", &json!(house.id))
    );
}

#[tokio::test]
async fn decisions_can_be_repeated_and_are_recorded_once() {
    let house = House::spawn().await;
    for (decision, state) in [
        ("hold", "held"),
        ("release", "released"),
        ("withdraw", "review"),
        ("release", "released"),
        ("hold", "held"),
    ] {
        for _ in 0..2 {
            let image = house.post(decision).await.expect(200).json();
            assert_eq!(image["release"]["state"], state);
        }
    }
    assert_eq!(
        house.actions().await,
        [
            Action::Released,
            Action::Withdrawn,
            Action::Released,
            Action::Withdrawn
        ]
    );
}

#[tokio::test]
async fn nothing_is_released_whose_copy_is_not_up_to_date() {
    let house = House::spawn().await;
    let drawn = json!({"x": 20, "y": 10, "width": 60, "height": 60, "state": "cover"});
    put_boxes(
        &house.admin,
        house.id,
        &json!({"version": 0, "items": [drawn]}),
    )
    .await
    .expect(200);

    assert!(
        house
            .post("release")
            .await
            .problem(409)
            .contains("still being made")
    );
    assert!(!house.is_seen().await);

    house.app.drain().await;
    let address = format!("/api/images/{}/release", house.id);
    let seen = |version: i32| {
        let admin = house.admin.clone();
        let address = address.clone();
        async move {
            admin
                .post_json(&address, &json!({"version": version}))
                .await
        }
    };
    assert!(seen(0).await.problem(409).contains("version 1 by now"));
    seen(1).await.expect(200);
    assert!(house.is_seen().await);
}

#[tokio::test]
async fn at_once_releases_what_is_certain_and_leaves_the_rest_to_people() {
    for (detector, is_seen) in [
        (Finds::sure(20, 30, 40), true),
        (
            Finds {
                first: vec![face(20, 30, 40, Certainty::Uncertain)],
                ..Finds::nothing()
            },
            false,
        ),
        (
            Finds {
                again: vec![face(20, 30, 40, Certainty::Sure)],
                ..Finds::nothing()
            },
            false,
        ),
    ] {
        let house = House::with(TestApp::builder().releases_at_once(), detector).await;
        assert_eq!(house.is_seen().await, is_seen);
        let by: Vec<_> = house
            .records()
            .await
            .into_iter()
            .filter(|row| row.action == Action::Released)
            .map(|row| row.by_name)
            .collect();
        let expected = is_seen.then(|| Some("rule:at-once".to_owned()));
        assert_eq!(by, Vec::from_iter(expected));
    }
}

#[tokio::test]
async fn at_once_does_not_bring_back_what_somebody_has_withdrawn() {
    let house = House::with(TestApp::builder().releases_at_once(), Finds::nothing()).await;
    assert!(house.is_seen().await);
    house.post("withdraw").await.expect(200);

    let wanted = [(house.id, StepKind::Anonymise)];
    rerun(&house.app.state.db, &house.app.state.dispatch, &wanted)
        .await
        .unwrap();
    house.app.drain().await;

    assert!(!house.is_seen().await);
    assert_eq!(
        house.app.row(house.id).await.unwrap().review,
        Review::Review
    );
}

#[tokio::test]
async fn covering_more_hides_a_released_image_until_the_copy_covers_it() {
    let house = House::with(TestApp::builder(), Finds::sure(20, 30, 40)).await;
    house.post("release").await.expect(200);
    let mut visitor = Events::listen(&house.visitor).await;
    let known = boxes(&house.admin, house.id).await["items"][0].clone();
    let drawn = json!({"x": 200, "y": 100, "width": 60, "height": 60, "state": "cover"});

    put_boxes(
        &house.admin,
        house.id,
        &json!({"version": 1, "items": [known, drawn]}),
    )
    .await
    .expect(200);

    assert!(!house.is_seen().await, "the copy does not cover it yet");
    assert_eq!(visitor.deleted().await, house.id);
    house.app.drain().await;
    assert!(house.is_seen().await);
    visitor.image_that(|_| true).await;
    assert_eq!(house.actions().await, [Action::Released, Action::Revised]);
    let row = house.app.row(house.id).await.unwrap();
    assert_eq!(
        (row.review, row.released_version),
        (Review::Released, Some(2))
    );
}

#[tokio::test]
async fn covering_less_sends_a_released_image_back_to_review_at_once() {
    for items in [
        json!([]),
        json!([{"x": 28, "y": 30, "width": 40, "height": 40, "state": "cover"}]),
        json!([{"x": 20, "y": 30, "width": 40, "height": 40, "state": "keep", "reason": "Agreed."}]),
    ] {
        let house = House::with(TestApp::builder(), Finds::sure(20, 30, 40)).await;
        house.post("release").await.expect(200);

        put_boxes(
            &house.admin,
            house.id,
            &json!({"version": 1, "items": items}),
        )
        .await
        .expect(200);

        assert!(!house.is_seen().await);
        house.app.drain().await;
        assert!(!house.is_seen().await, "{items}");
        let row = house.app.row(house.id).await.unwrap();
        assert_eq!(row.review, Review::Review);
        assert_eq!(house.actions().await, [Action::Released, Action::Withdrawn]);
    }
}

#[tokio::test]
async fn another_detectors_finds_in_a_released_image_are_covered_before_anybody_sees_them() {
    let mut house = House::with(TestApp::builder(), Finds::sure(20, 30, 40)).await;
    house.post("release").await.expect(200);
    let better = Finds {
        name: "finds 2",
        first: vec![
            face(20, 30, 40, Certainty::Sure),
            face(200, 100, 60, Certainty::Sure),
        ],
        ..Finds::nothing()
    };

    house.app.search_again(house.id, better).await;

    assert!(house.is_seen().await);
    let desk = house.admin.get("/api/review").await.expect(200).json();
    assert_eq!(
        (&desk["left"], &desk["items"][0]["id"]),
        (&json!(1), &json!(house.id))
    );
    assert_eq!(desk["items"][0]["release"]["state"], "released");
    assert_eq!(desk["items"][0]["boxes"][1]["state"], "uncertain");
    let records = house.records().await;
    assert_eq!(records[1].action, Action::Revised);
    assert_eq!(records[1].by_name.as_deref(), Some("finds 2"));
    // Released again by a person, it is done with.
    house.post("release").await.expect(200);
    let desk = house.admin.get("/api/review").await.json();
    assert_eq!(desk["left"], 0);
}

#[tokio::test]
async fn the_record_says_who_released_what_and_survives_the_image() {
    let house = House::with(TestApp::builder(), Finds::sure(20, 30, 40)).await;
    house.post("release").await.expect(200);
    let edit = json!({"caption": "=Ada \"cuts\" the cake"});
    let address = format!("/api/images/{}", house.id);
    let request = house.admin.request(Method::PATCH, &address).json(&edit);
    send(request).await.expect(200);
    house.admin.delete(&address).await.expect(204);

    let page = house.admin.get("/api/records?limit=2").await.expect(200);
    let csv = house.admin.get("/api/records?format=csv").await.expect(200);

    let records = page.json();
    let actions: Vec<_> = records["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|record| record["action"].clone())
        .collect();
    assert_eq!(actions, ["deleted", "revised"]);
    assert!(page.header("link").contains("after="));
    let newest = &records["items"][0];
    assert_eq!(newest["by"], "admin");
    assert_eq!(newest["detector"], "finds 1");
    assert_eq!(newest["boxes"][0]["x"], 20);
    assert_eq!(newest["caption"]["text"], "=Ada \"cuts\" the cake");
    assert_eq!(newest["caption"]["by"], "person");
    assert_eq!(newest["sent"], json!([]), "nothing left the house");
    assert!(csv.header("content-type").starts_with("text/csv"));
    let lines: Vec<_> = csv.text().lines().map(str::to_owned).collect();
    assert_eq!(lines.len(), 4, "{lines:?}");
    assert!(lines[1].contains("\"deleted\"") && lines[3].contains("\"released\""));
    assert!(
        lines[1].contains("\"'=Ada \"\"cuts\"\" the cake\""),
        "{}",
        lines[1]
    );
    let only = format!("/api/records?image={}", Uuid::now_v7());
    assert_eq!(house.admin.get(&only).await.json()["items"], json!([]));
}

#[tokio::test]
async fn the_desk_shows_the_riskiest_first_and_releases_the_certain_ones() {
    let mut house = House::with(TestApp::builder(), Finds::nothing()).await;
    let none = house.id;
    let mut ids = Vec::new();
    for (seed, detector) in [
        (2, Finds::sure(20, 30, 60)),
        (
            3,
            Finds {
                first: vec![face(20, 30, 40, Certainty::Uncertain)],
                ..Finds::nothing()
            },
        ),
        (4, Finds::sure(20, 30, 5)),
        (
            5,
            Finds {
                is_turned: true,
                ..Finds::sure(20, 30, 60)
            },
        ),
    ] {
        house.app.find_faces_with(detector);
        let photo = testing::photo(seed, 320, 240);
        ids.push(house.admin.upload("a.jpg", photo).await.id());
        house.app.drain().await;
    }
    let [sure, uncertain, small, turned] = ids[..] else {
        panic!()
    };

    let mut shown = Vec::new();
    let mut address = "/api/review?limit=1".to_owned();
    loop {
        let page = house.admin.get(&address).await.expect(200).json();
        assert_eq!(page["left"], 5);
        shown.extend(
            page["items"]
                .as_array()
                .unwrap()
                .iter()
                .map(|item| item["id"].clone()),
        );
        match page["next"].as_str() {
            Some(next) => address = format!("/api/review?limit=1&after={next}"),
            None => break,
        }
    }
    let riskiest_first = [uncertain, small, turned, none, sure];
    assert_eq!(shown, riskiest_first.map(|id| json!(id)));

    let released = house.admin.post("/api/review/release-certain").await;
    assert_eq!(released.expect(200).json()["released"], 4);
    let left = house.admin.get("/api/review").await.json();
    assert_eq!(
        (&left["left"], &left["items"][0]["id"]),
        (&json!(1), &json!(uncertain))
    );
    house
        .admin
        .post(&format!("/api/images/{uncertain}/hold"))
        .await
        .expect(200);
    for (filter, left) in [
        ("unreviewed", 0),
        ("held", 1),
        ("released", 4),
        ("failed", 0),
        ("without-alt-text", 0),
        ("legacy", 0),
    ] {
        let page = house
            .admin
            .get(&format!("/api/review?filter={filter}"))
            .await;
        assert_eq!(page.expect(200).json()["left"], left, "{filter}");
    }
    house.admin.get("/api/review?filter=all").await.problem(400);
}

#[tokio::test]
async fn an_image_from_before_there_was_a_release_stays_public_until_somebody_decides() {
    let house = House::spawn().await;
    let legacy = image::ActiveModel {
        id: sea_orm::ActiveValue::Set(house.id),
        review: sea_orm::ActiveValue::Set(Review::Released),
        legacy: sea_orm::ActiveValue::Set(true),
        detector: sea_orm::ActiveValue::Set(None),
        ..Default::default()
    };
    image::Entity::update(legacy)
        .exec(&house.app.state.db)
        .await
        .unwrap();
    assert!(house.is_seen().await);
    let seen = house.admin.image(house.id).await;
    assert_eq!(
        seen["release"],
        json!({"state": "released", "at": null, "by": null, "legacy": true})
    );
    let desk = house.admin.get("/api/review?filter=legacy").await.json();
    assert_eq!(desk["left"], 1);

    house.post("release").await.expect(200);

    assert_eq!(
        house.admin.image(house.id).await["release"]["legacy"],
        false
    );
    assert_eq!(house.actions().await, [Action::Released]);
}

#[tokio::test]
async fn a_visitor_who_uploads_learns_nothing_of_what_is_not_released() {
    let house = House::with(
        TestApp::builder().anyone_may_upload(),
        Finds::sure(20, 30, 40),
    )
    .await;
    let nothing = json!({"original": null, "thumbnail": null, "anonymised": null});

    // The same bytes as an image in review.
    let answer = house
        .visitor
        .upload("mine.jpg", testing::photo(1, 320, 240))
        .await
        .expect(200);

    let image = answer.json();
    assert_eq!(
        (&image["caption"], &image["urls"]),
        (&Value::Null, &nothing)
    );
    assert_eq!((&image["tags"], &image["faces"]), (&json!([]), &json!([])));
    assert_eq!(
        (&image["width"], &image["thumbhash"]),
        (&Value::Null, &Value::Null)
    );
    assert!(!house.is_seen().await);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_of_the_same_bytes_does_not_bring_a_withdrawn_image_back() {
    let house = House::with(
        TestApp::builder().anyone_may_upload().releases_at_once(),
        Finds::nothing(),
    )
    .await;
    assert!(house.is_seen().await);
    let photo = testing::photo(1, 320, 240);
    let uploads = (0..6).map(|_| {
        let visitor = house.app.visitor();
        let photo = photo.clone();
        async move { visitor.upload("again.jpg", photo).await }
    });

    let (withdrawn, uploads) = tokio::join!(house.post("withdraw"), join_all(uploads));

    withdrawn.expect(200);
    for upload in uploads {
        assert_eq!(upload.expect(200).id(), house.id);
    }
    house.app.drain().await;
    assert!(!house.is_seen().await);
    // In between, the captioner wrote the caption.
    let expected = [Action::Released, Action::Revised, Action::Withdrawn];
    assert_eq!(house.actions().await, expected);
}

/// A person asks to be covered while somebody releases the image: whoever is first, it is never public
/// without what the person asked for.
#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_meets_a_release_is_covered_before_anybody_sees_it() {
    let house = House::spawn().await;
    let mut ids = vec![house.id];
    for seed in 10..30 {
        let photo = testing::photo(seed, 96, 64);
        ids.push(house.admin.upload("a.jpg", photo).await.id());
    }
    house.app.drain().await;
    let drawn = json!({"x": 5, "y": 5, "width": 40, "height": 40, "state": "cover"});
    let mut refused = 0;
    for id in &ids {
        let body = json!({"version": 0, "items": [drawn]});
        let address = format!("/api/images/{id}/release");
        let (covered, released) = tokio::join!(
            put_boxes(&house.admin, *id, &body),
            house.admin.post(&address)
        );
        covered.expect(200);
        refused += usize::from(released.status == 409);
        house
            .visitor
            .get(&format!("/api/images/{id}/anonymised"))
            .await
            .problem(404);
    }
    house.app.drain().await;
    for id in &ids {
        let row = house.app.row(*id).await.unwrap();
        assert_eq!(row.copy_version, Some(1));
    }
    let released = house
        .actions()
        .await
        .iter()
        .filter(|a| **a == Action::Released)
        .count();
    assert_eq!(released + refused, ids.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn two_people_who_decide_at_once_leave_one_decision_and_its_record() {
    let house = House::spawn().await;
    for _ in 0..10 {
        let other = house.app.sign_in(PASSWORD).await;
        let address = |what: &str| format!("/api/images/{}/{what}", house.id);
        let (release, hold) = (address("release"), address("hold"));
        let (one, two) = tokio::join!(house.admin.post(&release), other.post(&hold));
        one.expect(200);
        two.expect(200);
        let row = house.app.row(house.id).await.unwrap();
        let last = house.actions().await.last().copied();
        match row.review {
            Review::Released => assert_eq!(last, Some(Action::Released)),
            Review::Held => assert!(matches!(last, None | Some(Action::Withdrawn))),
            Review::Review => panic!("nobody decided that"),
        }
        assert_eq!(house.is_seen().await, row.review == Review::Released);
    }
}
