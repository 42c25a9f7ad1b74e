//! How Vitrine is doing: `/status` and `GET /api/status`.

use entity::step::{self, StepKind, StepState};
use functions::testing;
use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait as _, EntityTrait as _, QueryFilter as _};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::app::TestApp;

/// Makes a step of an image fail for this reason.
async fn fail(app: &TestApp, id: Uuid, kind: StepKind, state: StepState, error: &str) {
    let updated = step::Entity::update_many()
        .col_expr(step::Column::State, Expr::value(state))
        .col_expr(step::Column::Error, Expr::value(error))
        .filter(step::Column::ImageId.eq(id))
        .filter(step::Column::Name.eq(kind))
        .exec(&app.state.db)
        .await
        .unwrap();
    assert_eq!(updated.rows_affected, 1);
}

async fn three_photos() -> (TestApp, Vec<Uuid>) {
    let app = TestApp::spawn().await;
    let mut ids = Vec::new();
    for seed in 1..=3 {
        let photo = testing::photo(seed, 64, 48);
        ids.push(app.upload(&format!("{seed}.jpg"), photo).await.id());
    }
    (app, ids)
}

fn of_step<'a>(status: &'a Value, step: &str) -> &'a Value {
    let steps = status["steps"].as_array().unwrap();
    steps.iter().find(|row| row["step"] == step).unwrap()
}

#[tokio::test]
async fn the_status_tells_what_waits_and_what_failed_and_why() {
    let (app, ids) = three_photos().await;
    let status = app.get("/api/status").await.expect(200).json();
    assert_eq!(of_step(&status, "thumbnail")["queued"], 3);
    assert!(status["waiting_since"].is_string());

    app.drain().await;
    let (annotate, broken) = (StepKind::Annotate, StepState::Failed);
    fail(&app, ids[0], annotate, broken, "the provider is broken").await;
    fail(&app, ids[1], annotate, broken, "the provider is broken").await;
    let refused = StepState::Blocked;
    fail(&app, ids[2], annotate, refused, "the provider refused").await;

    let status = app.get("/api/status").await.expect(200).json();
    assert_eq!(status["waiting_since"], Value::Null);
    let expected =
        json!({"step": "annotate", "queued": 0, "running": 0, "failed": 2, "blocked": 1});
    assert_eq!(of_step(&status, "annotate"), &expected);
    let reason = json!({
        "step": "annotate", "state": "failed", "error": "the provider is broken", "steps": 2,
    });
    assert_eq!(status["reasons"][0], reason);
    assert_eq!(status["failures"].as_array().unwrap().len(), 3);
    assert!(status["disk"]["free"].as_u64().unwrap() > 0);

    let page = app.get("/status").await.expect(200).text();
    assert!(page.contains("The provider is broken."), "{page}");
    assert!(page.contains("This is final."), "{page}");
    assert!(page.contains(&format!("/images/{}", ids[2])), "{page}");
}

#[tokio::test]
async fn all_that_failed_is_tried_again_and_what_was_refused_is_not() {
    let (app, ids) = three_photos().await;
    app.drain().await;
    for id in &ids[..2] {
        fail(&app, *id, StepKind::Annotate, StepState::Failed, "broken").await;
    }
    fail(
        &app,
        ids[2],
        StepKind::Annotate,
        StepState::Blocked,
        "refused",
    )
    .await;
    fail(
        &app,
        ids[2],
        StepKind::Thumbnail,
        StepState::Failed,
        "broken",
    )
    .await;

    let retry = "/api/steps/annotate/retry-failed";
    let answer = app.post(retry).await.expect(202).json();
    assert_eq!(answer, json!({"queued": 2}));
    app.drain().await;

    let status = app.get("/api/status").await.expect(200).json();
    assert_eq!(of_step(&status, "annotate")["failed"], 0);
    assert_eq!(of_step(&status, "annotate")["blocked"], 1);
    assert_eq!(of_step(&status, "thumbnail")["failed"], 1);
    assert_eq!(
        app.image(ids[0]).await["steps"]["annotate"]["state"],
        "done"
    );

    let answer = app.post(retry).await.expect(202).json();
    assert_eq!(answer, json!({"queued": 0}));
    let unknown = app.post("/api/steps/shrink/retry-failed").await;
    unknown.problem(404);
}
