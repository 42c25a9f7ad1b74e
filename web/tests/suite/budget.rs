//! Limits and costs of captions, and an unreliable provider.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use entity::call::{self, Outcome};
use entity::caption;
use entity::step::{StepKind, StepState};
use functions::testing;
use functions::testing::provider::{Answer, Faults, Provider};
use sea_orm::EntityTrait as _;
use serde_json::Value;
use uuid::Uuid;

use crate::app::{TestApp, eventually};
use crate::providers::asking;
use crate::uploads::states;

async fn annotate(app: &TestApp, id: Uuid) -> Value {
    app.image(id).await["steps"]["annotate"].clone()
}

async fn done(app: &TestApp, ids: &[Uuid]) -> usize {
    let mut done = 0;
    for id in ids {
        let step = app.step(*id, StepKind::Annotate).await;
        done += usize::from(step.state == StepState::Done);
    }
    done
}

#[tokio::test]
async fn beyond_the_daily_limit_captions_wait_for_the_next_day() {
    let provider = Provider::start().await;
    let app = asking(&provider)
        .set("VITRINE_CAPTION_DAILY_LIMIT", 3)
        .spawn()
        .await;
    let ids = app.upload_photos(0..5).await;

    app.drain().await;
    app.let_time_pass().await;
    app.drain().await;

    assert_eq!(provider.asked().len(), 3);
    assert_eq!(done(&app, &ids).await, 3);
    let midnight = call::midnight(Utc::now().date_naive()) + TimeDelta::days(1);
    for id in &ids {
        let image = app.image(*id).await;
        assert_eq!(states(&image)[1..], ["done"; 2], "the other steps are done");
        let step = &image["steps"]["annotate"];
        if step["state"] == "queued" {
            let error = step["error"].as_str().unwrap();
            assert!(error.starts_with("paused: budget"), "{error}");
            assert_eq!(
                step["paused"]["until"],
                midnight.to_rfc3339().replace("+00:00", "Z")
            );
            assert_eq!(step["attempts"], 0);
        }
    }
    let notice = "the 3 requests of today are used up";
    assert!(app.page("/gallery").await.text().contains(notice));

    app.let_requests_age(TimeDelta::days(1)).await;
    app.drain().await;
    assert_eq!(done(&app, &ids).await, 5);
    assert!(!app.page("/gallery").await.text().contains(notice));
}

#[tokio::test]
async fn requests_that_a_provider_rejected_do_not_count() {
    let provider = Provider::start().await;
    provider.will(Answer::Raw(429, Vec::new(), "{}".to_owned()));
    let app = asking(&provider)
        .set("VITRINE_CAPTION_DAILY_LIMIT", 1)
        .spawn()
        .await;
    let ids = app.upload_photos(0..1).await;
    app.drain().await;
    app.let_time_pass().await;
    app.drain().await;

    assert_eq!(done(&app, &ids).await, 1);
    assert_eq!(provider.asked().len(), 2);
}

#[tokio::test]
async fn beyond_the_rate_limit_captions_wait() {
    let provider = Provider::start().await;
    let app = asking(&provider)
        .set("VITRINE_CAPTION_PER_MINUTE", 2)
        .spawn()
        .await;
    let ids = app.upload_photos(0..5).await;

    app.drain().await;

    assert_eq!(provider.asked().len(), 2);
    let mut paused = 0;
    for id in &ids {
        let step = annotate(&app, *id).await;
        paused += usize::from(step["paused"]["cause"] == "rate");
    }
    assert_eq!(paused, 3);
    app.let_requests_age(TimeDelta::seconds(61)).await;
    app.drain().await;
    assert_eq!(provider.asked().len(), 4);
    app.let_requests_age(TimeDelta::seconds(61)).await;
    app.drain().await;
    assert_eq!(done(&app, &ids).await, 5);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn workers_of_several_servers_share_one_budget() {
    let provider = Provider::start().await;
    let first = asking(&provider)
        .set("VITRINE_CAPTION_DAILY_LIMIT", 7)
        .spawn()
        .await;
    let second = asking(&provider)
        .set("VITRINE_CAPTION_DAILY_LIMIT", 7)
        .on_the_data_of(&first)
        .spawn()
        .await;
    let ids = first.upload_photos(0..20).await;

    let drains = [&first, &second, &first, &second].map(TestApp::drain);
    futures::future::join_all(drains).await;

    assert_eq!(provider.asked().len(), 7);
    assert_eq!(done(&first, &ids).await, 7);
}

#[tokio::test]
async fn tokens_costs_and_durations_are_summed_by_day() {
    let provider = Provider::start().await;
    provider.will(Answer::Text("A dog, I think.".to_owned()));
    provider.will(Answer::Finish("SAFETY"));
    let app = asking(&provider)
        .set("VITRINE_CAPTION_PRICE", "EUR 1000 10000")
        .spawn()
        .await;
    let ids = app.upload_photos(0..2).await;
    app.drain().await;
    app.let_time_pass().await;
    app.drain().await;

    let captions = caption::Entity::find().all(&app.state.db).await.unwrap();
    assert_eq!(captions.len(), 1);
    let caption = &captions[0];
    assert_eq!(
        (caption.tokens_in, caption.tokens_out),
        (Some(1290), Some(100))
    );
    // 1,290 tokens at 1,000 euros a million, and 100 at 10,000.
    assert_eq!(caption.cost_micros, Some(2_290_000));
    assert!(caption.duration_ms.is_some());
    let report = app.get("/api/captions").await.expect(200).json();
    let today = &report["days"][0];
    let figure = |name: &str| today[name].as_i64().unwrap();
    assert_eq!(figure("requests"), 3);
    assert_eq!(
        (figure("captions"), figure("blocked"), figure("failed")),
        (1, 1, 1)
    );
    assert_eq!((figure("tokens_in"), figure("tokens_out")), (3 * 1290, 240));
    assert_eq!(today["cost"], "EUR 6.27");
    let page = app.page("/captions").await.expect(200).text();
    assert!(page.contains("EUR 6.27"), "{page}");

    // The cost of a deleted image stays in the report.
    for id in ids {
        app.delete(&format!("/api/images/{id}")).await.expect(204);
    }
    let report = app.get("/api/captions").await.expect(200).json();
    assert_eq!(report["days"][0]["cost"], "EUR 6.27");
}

#[tokio::test]
async fn the_caption_report_is_for_admins() {
    let app = TestApp::builder().password("correct horse").spawn().await;
    app.get("/api/captions").await.problem(401);
    app.post("/api/captions/resume").await.problem(401);
    app.page("/captions").await.expect(303);
    let admin = app.sign_in("correct horse").await;
    let page = admin.page("/captions").await.expect(200).text();
    assert!(page.contains("without AI"), "{page}");
}

/// Asserts that at most so many requests were sent in any `window`.
fn most_in(window: Duration, mut at: Vec<DateTime<Utc>>) -> usize {
    at.sort();
    let within =
        |begin: DateTime<Utc>| move |at: &&DateTime<Utc>| **at >= begin && **at < begin + window;
    let counts = at
        .iter()
        .map(|begin| at.iter().filter(within(*begin)).count());
    counts.max().unwrap_or_default()
}

/// 100 photos and an unreliable provider: 30 % of requests turned away, 10 % broken, 5 % garbage, 2 % refused.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn with_an_unreliable_provider_every_photo_is_described_once_or_refused_within_the_rate() {
    const RATE: usize = 40;
    let window = Duration::from_secs(2);
    let provider = Provider::start().await;
    provider.has(Faults::bad_day(11));
    let mut app = asking(&provider)
        .set("VITRINE_CAPTION_PER_MINUTE", RATE)
        .spawn()
        .await;
    app.context.options.backoff = Duration::from_millis(100);
    let provider_budget = app.context.provider_budget.take().unwrap();
    app.context.provider_budget = Some(provider_budget.with_window(window));
    let ids = app.upload_photos(0..100).await;

    let workers = app.workers(4);
    eventually("every step has ended", async || {
        app.state.queue.depth().await.unwrap() == 0
    })
    .await;
    workers.stop().await;

    let mut ends: HashMap<StepState, usize> = HashMap::new();
    for id in &ids {
        let step = app.step(*id, StepKind::Annotate).await;
        assert_ne!(step.state, StepState::Failed, "{:#?}", step.history);
        *ends.entry(step.state).or_default() += 1;
    }
    let (done, blocked) = (
        ends[&StepState::Done],
        ends.get(&StepState::Blocked).copied(),
    );
    assert_eq!(done + blocked.unwrap_or_default(), 100, "{ends:?}");
    let captions = caption::Entity::find().all(&app.state.db).await.unwrap();
    let described: HashSet<_> = captions.iter().map(|caption| caption.image_id).collect();
    assert_eq!((captions.len(), described.len()), (done, done), "each once");

    let asked = provider.asked();
    assert!(asked.len() > 120, "{} requests are no bad day", asked.len());
    let ledger = call::Entity::find().all(&app.state.db).await.unwrap();
    assert_eq!(ledger.len(), asked.len());
    assert!(ledger.iter().all(|call| call.outcome != Outcome::Open));
    let most = most_in(window, ledger.iter().map(|call| call.at).collect());
    assert!(most <= RATE, "{most} requests in a window of {RATE}");
    // By the clock of the provider: a request can be delayed, by less than a window.
    let (first, last) = (asked[0].at, asked[asked.len() - 1].at);
    let windows = u32::try_from(asked.len() / RATE).unwrap();
    assert!(last - first >= window * (windows - 2), "{windows} windows");
}

#[tokio::test]
async fn the_fake_provider_fails_as_often_as_it_says() {
    let provider = Provider::start().await;
    provider.has(Faults::bad_day(3));
    let mut kinds: HashMap<u16, usize> = HashMap::new();
    let client = reqwest::Client::new();
    for number in 0..400 {
        let url = format!("{}/v1beta/models/m:generateContent", provider.gemini_url());
        let answer = client
            .post(url)
            .header("x-goog-api-key", testing::provider::KEY)
            .json(&serde_json::json!({ "number": number }))
            .send()
            .await
            .unwrap();
        *kinds.entry(answer.status().as_u16()).or_default() += 1;
    }
    assert!((90..150).contains(&kinds[&429]), "{kinds:?}");
    assert!((20..60).contains(&kinds[&500]), "{kinds:?}");
}
