//! Captions by a provider, through the whole server.

use std::sync::Arc;

use entity::step::{Name, State};
use functions::picture::{Detail, Limits, decode};
use functions::testing;
use functions::testing::provider::{Answer, KEY, Provider};
use sea_orm::EntityTrait as _;
use uuid::Uuid;

use crate::app::TestApp;
use crate::ports::OneLargeFace;
use crate::uploads::states;

/// A server that has its captions written by this provider.
async fn app_with(provider: &Provider) -> TestApp {
    TestApp::builder()
        .set("VITRINE_CAPTIONER", "gemini")
        .set("GEMINI_API_KEY", KEY)
        .set("GEMINI_BASE_URL", provider.gemini_url())
        .set("VITRINE_CAPTION_LANGUAGE", "en-GB")
        .spawn()
        .await
}

async fn upload(app: &TestApp) -> Uuid {
    app.upload("beach.jpg", testing::photo(1, 320, 240))
        .await
        .expect(201)
        .id()
}

#[tokio::test]
async fn a_caption_by_gemini_is_shown_and_says_where_it_comes_from() {
    let provider = Provider::start().await;
    let app = app_with(&provider).await;
    let id = upload(&app).await;

    app.drain().await;

    let image = app.image(id).await;
    assert_eq!(states(&image), ["done"; 3]);
    let caption = &image["caption"];
    assert_eq!(caption["text"], "Two dogs run along a beach.");
    assert_eq!(caption["by"], "machine");
    assert_eq!(caption["provider"], "gemini");
    assert_eq!(caption["model"], "gemini-3.5-flash");
    assert_eq!(caption["language"], "en-GB");
    assert_eq!(caption["prompt_version"].as_str().unwrap().len(), 12);
    assert_eq!(image["tags"], serde_json::json!(["dogs", "beach"]));
    let page = app.page(&format!("/images/{id}")).await.expect(200).text();
    assert!(page.contains("Two dogs run along a beach."));
    assert!(page.contains("gemini-3.5-flash"), "the note is not there");
    assert_eq!(provider.asked().len(), 1);
}

#[tokio::test]
async fn a_provider_that_is_busy_is_asked_again_when_it_wants_to_be() {
    let provider = Provider::start().await;
    let headers = vec![("retry-after", "40".to_owned())];
    provider.will(Answer::Raw(429, headers, "{}".to_owned()));
    let app = app_with(&provider).await;
    let before = entity::now();
    let id = upload(&app).await;

    app.drain().await;

    let step = app.step(id, Name::Annotate).await;
    assert_eq!(step.state, State::Queued);
    assert!(step.error.unwrap().contains("Gemini is busy"));
    let job = entity::job::for_step(id, Name::Annotate)
        .one(&app.state.db)
        .await
        .unwrap()
        .unwrap();
    assert!(job.visible_at - before >= chrono::TimeDelta::seconds(40));
    app.let_time_pass().await;
    app.drain().await;
    let image = app.image(id).await;
    assert_eq!(states(&image), ["done"; 3]);
    assert_eq!(image["caption"]["text"], "Two dogs run along a beach.");
    assert_eq!(provider.asked().len(), 2);
}

#[tokio::test]
async fn an_answer_of_no_use_is_asked_for_once_more_and_not_twice() {
    let provider = Provider::start().await;
    let app = app_with(&provider).await;
    let garbage = || Answer::Text("A dog, I think.".to_owned());
    provider.will(garbage());
    let lucky = upload(&app).await;
    app.drain().await;
    app.let_time_pass().await;
    app.drain().await;
    assert_eq!(app.step(lucky, Name::Annotate).await.state, State::Done);

    provider.will(garbage());
    provider.will(Answer::Raw(503, Vec::new(), String::new()));
    provider.will(garbage());
    let unlucky = app.upload_photos(2..3).await[0];
    for _ in 0..4 {
        app.drain().await;
        app.let_time_pass().await;
    }

    let step = app.step(unlucky, Name::Annotate).await;
    assert_eq!((step.state, step.attempts), (State::Failed, 3));
    assert!(step.error.unwrap().contains("cannot be used"));

    // Whoever asks for it again gets two tries again.
    provider.will(garbage());
    app.post(&format!("/api/images/{unlucky}/steps/annotate/retry"))
        .await
        .expect(202);
    app.drain().await;
    app.let_time_pass().await;
    app.drain().await;
    assert_eq!(app.step(unlucky, Name::Annotate).await.state, State::Done);
}

#[tokio::test]
async fn a_picture_that_gemini_blocks_is_blocked() {
    let provider = Provider::start().await;
    provider.will(Answer::Finish("SAFETY"));
    let app = app_with(&provider).await;
    let id = upload(&app).await;

    app.drain().await;

    let step = app.step(id, Name::Annotate).await;
    assert_eq!((step.state, step.attempts), (State::Blocked, 1));
}

#[tokio::test]
async fn gemini_never_sees_a_face_whichever_function_comes_first() {
    let provider = Provider::start().await;
    let mut app = app_with(&provider).await;
    app.context.detector = Arc::new(OneLargeFace);
    let id = upload(&app).await;
    app.drain().await;
    // By now the faces are in the row; the first time they may not have been.
    app.post(&format!("/api/images/{id}/steps/annotate/retry"))
        .await
        .expect(202);
    app.drain().await;

    let row = entity::image::Entity::find_by_id(id)
        .one(&app.state.db)
        .await
        .unwrap()
        .unwrap();
    assert!(row.faces.is_some());
    let asked = provider.asked();
    assert_eq!(asked.len(), 2);
    for asked in asked {
        let sent = decode(&asked.picture(), &Limits::megapixels(1), Detail::Full).unwrap();
        // The face and its margin fill the picture, which makes cells of 80 × 60 pixels.
        let reds: Vec<u8> = (20..40)
            .flat_map(|y| (20..60).map(move |x| (x, y)))
            .map(|(x, y)| sent.pixel(x, y)[0])
            .collect();
        let spread = reds.iter().max().unwrap() - reds.iter().min().unwrap();
        assert!(spread <= 2, "{spread}");
    }
}
