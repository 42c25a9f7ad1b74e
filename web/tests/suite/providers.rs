//! Captions by a provider, through the whole server.

use chrono::{DateTime, TimeDelta, Utc};
use entity::step::{StepKind, StepState};
use functions::picture::{Detail, Limits, decode};
use functions::steps::annotate::Prompt;
use functions::testing;
use functions::testing::Noise;
use functions::testing::provider::{Answer, KEY, Provider, WRITTEN, bodies, damaged, google_error};
use sea_orm::EntityTrait as _;
use serde_json::json;
use uuid::Uuid;

use crate::app::{Builder, TestApp};
use crate::ports::OneLargeFace;
use crate::uploads::states;

/// Settings of a server that uses this provider.
pub(crate) fn asking(provider: &Provider) -> Builder {
    TestApp::builder()
        .set("VITRINE_CAPTIONER", "gemini")
        .set("GEMINI_API_KEY", KEY)
        .set("GEMINI_BASE_URL", provider.gemini_url())
        .set("VITRINE_CAPTION_LANGUAGE", "en-GB")
}

/// A server that uses this provider.
async fn app_with(provider: &Provider) -> TestApp {
    asking(provider).spawn().await
}

async fn upload(app: &TestApp) -> Uuid {
    app.upload("beach.jpg", testing::photo(1, 320, 240))
        .await
        .expect(201)
        .id()
}

#[tokio::test]
async fn a_caption_by_gemini_is_shown_with_its_provenance() {
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
    let paragraph = "Two brown dogs run along a wide beach at low tide.";
    assert_eq!(caption["paragraph"], paragraph);
    let page = app.page(&format!("/images/{id}")).await.expect(200).text();
    assert!(page.contains("Two dogs run along a beach."));
    assert!(page.contains("gemini-3.5-flash"), "the note is not there");
    assert!(page.contains(paragraph), "the paragraph is not there");
    let found = app.get("/api/images?q=low+tide").await.expect(200).json();
    assert_eq!(found["items"][0]["id"], id.to_string());
    assert_eq!(provider.asked().len(), 1);
}

#[tokio::test]
async fn a_busy_provider_is_retried_after_its_retry_after() {
    let provider = Provider::start().await;
    let headers = vec![("retry-after", "40".to_owned())];
    provider.will(Answer::Raw(429, headers, "{}".to_owned()));
    let app = app_with(&provider).await;
    let before = entity::now();
    let id = upload(&app).await;

    app.drain().await;

    let image = app.image(id).await;
    let step = &image["steps"]["annotate"];
    assert_eq!(
        (&step["state"], &step["attempts"]),
        (&"queued".into(), &0.into())
    );
    assert!(
        step["error"].as_str().unwrap().contains("Gemini is busy"),
        "{step}"
    );
    assert_eq!(step["paused"]["cause"], "busy");
    let until: DateTime<Utc> = step["paused"]["until"].as_str().unwrap().parse().unwrap();
    assert!(until - before >= TimeDelta::seconds(40), "{until}");
    // Until then nothing is sent, for other pictures neither.
    app.upload_photos(2..4).await;
    app.state.queue.resume(StepKind::Annotate).await.unwrap();
    app.drain().await;
    assert_eq!(provider.asked().len(), 1);
    app.let_time_pass().await;
    app.drain().await;
    let image = app.image(id).await;
    assert_eq!(states(&image), ["done"; 3]);
    assert_eq!(image["caption"]["text"], "Two dogs run along a beach.");
    assert_eq!(image["steps"]["annotate"]["attempts"], 1);
    assert_eq!(provider.asked().len(), 4);
}

#[tokio::test]
async fn rate_limited_requests_use_up_no_attempts() {
    let provider = Provider::start().await;
    for _ in 0..12 {
        provider.will(Answer::Raw(429, Vec::new(), "{}".to_owned()));
    }
    let app = app_with(&provider).await;
    let id = upload(&app).await;
    for _ in 0..13 {
        app.drain().await;
        app.let_time_pass().await;
    }

    let step = app.step(id, StepKind::Annotate).await;
    assert_eq!((step.state, step.attempts), (StepState::Done, 1));
    assert_eq!(step.history.unwrap().0.len(), 1);
    assert_eq!(provider.asked().len(), 13);
}

#[tokio::test]
async fn an_unreachable_provider_is_waited_for() {
    let provider = Provider::start().await;
    let app = asking(&provider)
        .set("GEMINI_BASE_URL", "http://127.0.0.1:1")
        .spawn()
        .await;
    let id = upload(&app).await;
    // Each wait is longer than the one before.
    for _ in 0..7 {
        app.let_time_pass().await;
        app.drain().await;
    }

    let image = app.image(id).await;
    let step = &image["steps"]["annotate"];
    assert_eq!(
        (&step["state"], &step["attempts"]),
        (&"queued".into(), &0.into())
    );
    assert_eq!(step["paused"]["cause"], "unreachable");
}

#[tokio::test]
async fn a_rejected_key_is_tried_once_and_waits_for_a_person() {
    let provider = Provider::start().await;
    let wrong = asking(&provider)
        .set("GEMINI_API_KEY", "wrong-key")
        .password("correct horse")
        .spawn()
        .await;
    let admin = wrong.sign_in("correct horse").await;
    let mut ids = Vec::new();
    for seed in 0..5 {
        let photo = testing::photo(seed, 64, 48);
        ids.push(admin.upload("a.jpg", photo).await.expect(201).id());
    }
    for _ in 0..3 {
        wrong.drain().await;
    }

    assert_eq!(provider.asked().len(), 1, "one request is enough");
    for id in &ids {
        let step = admin.image(*id).await["steps"]["annotate"].clone();
        assert_eq!(
            (&step["state"], &step["attempts"]),
            (&"queued".into(), &0.into())
        );
        let error = step["error"].as_str().unwrap();
        assert!(
            error.contains("paused: rejected (Gemini rejects the key"),
            "{error}"
        );
    }
    let notice = "Captions are paused: Gemini rejects the key: check GEMINI_API_KEY.";
    let gallery = admin.page("/gallery").await.text();
    assert_eq!(gallery.matches(notice).count(), 1);
    assert!(!wrong.page("/gallery").await.text().contains("check GEMINI"));
    let report = admin.get("/api/captions").await.expect(200).json();
    assert_eq!(report["paused"]["cause"], "rejected");

    // A retry with the same key has the same result.
    admin.post("/api/captions/resume").await.expect(204);
    wrong.drain().await;
    assert_eq!(provider.asked().len(), 2);

    // A new key is a new account, which is not paused.
    let right = asking(&provider)
        .password("correct horse")
        .on_the_data_of(&wrong)
        .spawn()
        .await;
    right.state.queue.resume(StepKind::Annotate).await.unwrap();
    right.drain().await;
    for id in ids {
        assert_eq!(
            right.step(id, StepKind::Annotate).await.state,
            StepState::Done
        );
    }
    let gallery = right.sign_in("correct horse").await.page("/gallery").await;
    assert!(!gallery.text().contains(notice));
}

#[tokio::test]
async fn a_picture_described_by_a_person_is_not_sent_to_a_provider() {
    let provider = Provider::start().await;
    let app = app_with(&provider).await;
    let id = upload(&app).await;
    let change = json!({ "caption": { "text": "Ada and her dog", "paragraph": "By the sea." } });
    app.edit(id, &change).await.expect(200);

    app.drain().await;

    let image = app.image(id).await;
    assert_eq!(states(&image), ["done"; 3]);
    assert_eq!(image["caption"]["text"], "Ada and her dog");
    assert_eq!(image["caption"]["paragraph"], "By the sea.");
    assert!(provider.asked().is_empty());
}

#[tokio::test]
async fn a_custom_prompt_is_sent_and_recorded_as_a_version() {
    let provider = Provider::start().await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("prompt.txt");
    std::fs::write(&file, "Say in {language} what our club does here.").unwrap();
    let app = asking(&provider)
        .set("VITRINE_CAPTION_PROMPT", file.display())
        .spawn()
        .await;
    let id = upload(&app).await;
    app.drain().await;

    let asked = provider.asked()[0].body.to_string();
    assert!(
        asked.contains("Say in en-GB what our club does here."),
        "{asked}"
    );
    let version = Prompt::from_template("Say in {language} what our club does here.").unwrap();
    let kept = app.image(id).await["caption"]["prompt_version"].clone();
    assert_eq!(kept, version.version());
}

/// A random answer.
fn odd_answer(noise: &mut Noise) -> Answer {
    const STATUSES: [u16; 14] = [
        200, 200, 200, 200, 201, 204, 302, 400, 401, 404, 413, 429, 500, 503,
    ];
    const WAITS: [&str; 6] = ["0", "1", "-1", "soon", "99999999999999999999", "\u{1}x"];
    let status = STATUSES[noise.below(STATUSES.len())];
    let [good, _] = bodies(WRITTEN);
    let body = match noise.below(4) {
        0 => damaged(&good, noise),
        1 => damaged(WRITTEN, noise),
        2 => google_error(
            status,
            "INTERNAL",
            "no luck",
            json!([{ "retryDelay": "1e9s" }]),
        ),
        _ => return Answer::Text(damaged(WRITTEN, noise)),
    };
    let mut headers = Vec::new();
    let wait = WAITS[noise.below(WAITS.len())];
    if noise.below(2) == 0 && !wait.contains('\u{1}') {
        headers.push(("retry-after", wait.to_owned()));
    }
    Answer::Raw(status, headers, body)
}

#[tokio::test]
async fn any_provider_answer_leads_to_a_valid_step_state() {
    let provider = Provider::start().await;
    let mut noise = Noise(23);
    for _ in 0..600 {
        provider.will(odd_answer(&mut noise));
    }
    let mut app = app_with(&provider).await;
    app.context.options.backoff = std::time::Duration::ZERO;
    let ids = app.upload_photos(0..120).await;
    while app.state.queue.depth().await.unwrap() > 0 {
        app.let_time_pass().await;
        app.drain().await;
    }

    let mut ends = std::collections::HashMap::new();
    for id in ids {
        let step = app.step(id, StepKind::Annotate).await;
        let row = app.row(id).await.unwrap();
        assert_eq!(row.caption_text.is_some(), step.state == StepState::Done);
        assert_eq!(
            step.error.is_some(),
            step.state != StepState::Done,
            "{step:?}"
        );
        assert!(
            !step.state.is_pending() && step.finished_at.is_some(),
            "{step:?}"
        );
        assert!((1..=5).contains(&step.attempts), "{step:?}");
        *ends.entry(step.state).or_insert(0) += 1;
    }
    assert!(
        ends[&StepState::Done] > 5 && ends[&StepState::Failed] > 5,
        "{ends:?}"
    );
}

#[tokio::test]
async fn a_broken_connection_is_retried_within_the_attempt() {
    let provider = Provider::start().await;
    for _ in 0..2 {
        provider.will(Answer::Raw(502, Vec::new(), String::new()));
    }
    let app = app_with(&provider).await;
    let id = upload(&app).await;
    app.drain().await;

    let step = app.step(id, StepKind::Annotate).await;
    assert_eq!((step.state, step.attempts), (StepState::Done, 1));
    assert_eq!(provider.asked().len(), 3);
}

#[tokio::test]
async fn an_unusable_answer_is_retried_once() {
    let provider = Provider::start().await;
    let app = app_with(&provider).await;
    let garbage = || Answer::Text("A dog, I think.".to_owned());
    provider.will(garbage());
    let lucky = upload(&app).await;
    app.drain().await;
    app.let_time_pass().await;
    app.drain().await;
    assert_eq!(
        app.step(lucky, StepKind::Annotate).await.state,
        StepState::Done
    );

    provider.will(garbage());
    provider.will(Answer::Raw(500, Vec::new(), String::new()));
    provider.will(garbage());
    let unlucky = app.upload_photos(2..3).await[0];
    for _ in 0..4 {
        app.drain().await;
        app.let_time_pass().await;
    }

    let step = app.step(unlucky, StepKind::Annotate).await;
    assert_eq!((step.state, step.attempts), (StepState::Failed, 2));
    assert!(step.error.unwrap().contains("cannot be used"));

    // A retry has two attempts again.
    provider.will(garbage());
    app.post(&format!("/api/images/{unlucky}/steps/annotate/retry"))
        .await
        .expect(202);
    app.drain().await;
    app.let_time_pass().await;
    app.drain().await;
    assert_eq!(
        app.step(unlucky, StepKind::Annotate).await.state,
        StepState::Done
    );
}

#[tokio::test]
async fn a_picture_that_gemini_blocks_is_blocked() {
    let provider = Provider::start().await;
    provider.will(Answer::Finish("SAFETY"));
    let app = app_with(&provider).await;
    let id = upload(&app).await;

    app.drain().await;

    let step = app.step(id, StepKind::Annotate).await;
    assert_eq!((step.state, step.attempts), (StepState::Blocked, 1));
}

#[tokio::test]
async fn gemini_never_sees_a_face_whichever_function_comes_first() {
    let provider = Provider::start().await;
    let mut app = app_with(&provider).await;
    app.find_faces_with(OneLargeFace);
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
    assert!(row.copy_version.is_some());
    let asked = provider.asked();
    assert_eq!(asked.len(), 2);
    for asked in asked {
        let sent = decode(&asked.picture(), &Limits::megapixels(1), Detail::Full).unwrap();
        // The ellipse fills the picture but for its corners, which makes cells of 80 × 60 pixels.
        let reds: Vec<u8> = (35..55)
            .flat_map(|y| (40..70).map(move |x| (x, y)))
            .map(|(x, y)| sent.pixel(x, y)[0])
            .collect();
        let spread = reds.iter().max().unwrap() - reds.iter().min().unwrap();
        assert!(spread <= 2, "{spread}");
    }
}
