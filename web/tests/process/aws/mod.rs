//! Vitrine on AWS, end to end: the server with objects in S3 and rows in PostgreSQL or MariaDB. S3
//! sends events to the queues, event source mappings invoke the Lambda functions, and the gallery
//! shows the results.

mod cloud;
mod sandbox;

use std::time::Duration;

use functions::testing;
use functions::testing::provider::{Faults, KEY, Provider};
use migration::testing::{Kind, ScratchServer};
use platform::testing::Collector;
use serde_json::Value;

use crate::harness::{
    Home, STEPS, Server, eventually, is_done, is_settled, named, trace_of, within,
};
use cloud::{Cloud, Router};

/// The server and everything around it.
struct Site {
    server: Server,
    cloud: Cloud,
    home: Home,
    database: ScratchServer,
}

impl Site {
    async fn start(router: Router, kind: Kind, more: &[(&str, String)]) -> Option<Self> {
        let database = ScratchServer::start(kind)?;
        let mut cloud = Cloud::start(router).await?;
        let mut variables = cloud.variables(&database.empty_database().await);
        for (name, value) in more {
            variables.push(((*name).to_owned(), value.clone()));
        }
        let mut home = Home::new();
        for (name, value) in &variables {
            home.set(name, value);
        }
        let server = home.serve();
        cloud.invoke_functions(&variables).await;
        Some(Self {
            server,
            cloud,
            home,
            database,
        })
    }

    async fn upload(&self, seeds: std::ops::Range<u64>) -> Vec<String> {
        let mut ids = Vec::new();
        for seed in seeds {
            let photo = testing::photo(seed, 120, 90);
            ids.push(self.server.upload("photo.jpg", photo).await);
        }
        ids
    }

    /// The images, once no step is pending.
    async fn settled(&self, patience: Duration) -> Vec<Value> {
        within(patience, "no step is pending", async || {
            // Each request signs the URLs of all pictures, so ask seldom.
            tokio::time::sleep(Duration::from_millis(250)).await;
            let images = self.server.images().await;
            let settled = !images.is_empty() && images.iter().all(is_settled);
            settled.then_some(images)
        })
        .await
    }
}

const PATIENCE: Duration = Duration::from_secs(120);

async fn a_photo_goes_all_the_way(router: Router, kind: Kind) {
    let Some(site) = Site::start(router, kind, &[]).await else {
        return;
    };
    let ids = site.upload(0..3).await;

    let images = site.settled(PATIENCE).await;

    assert_eq!(images.len(), ids.len());
    for image in &images {
        assert!(is_done(image), "{image:#}");
        for rendition in ["original", "thumbnail", "anonymised"] {
            let url = image["urls"][rendition].as_str().unwrap();
            assert!(url.starts_with(&site.cloud.proxy.endpoint()), "{url}");
            let picture = reqwest::get(url).await.unwrap();
            assert_eq!(picture.status(), 200, "{url}");
            let bytes = picture.bytes().await.unwrap();
            assert!(bytes.starts_with(b"\xFF\xD8"), "{rendition}");
        }
    }
    for step in STEPS {
        assert_eq!(site.cloud.dead_letters(step).await, 0);
    }

    // A retried step goes through the queue as well.
    let retry = format!("/api/images/{}/steps/thumbnail/retry", ids[0]);
    let before = site.server.image(&ids[0]).await["urls"]["thumbnail"].clone();
    let answer = site.server.post(&retry).send().await.unwrap();
    assert_eq!(answer.status(), 202);
    eventually("the thumbnail is made anew", async || {
        let image = site.server.image(&ids[0]).await;
        (is_done(&image) && image["urls"]["thumbnail"] != before).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_photo_is_processed_through_eventbridge_on_postgresql() {
    a_photo_goes_all_the_way(Router::EventBridge, Kind::Postgres).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_photo_is_processed_through_sns_on_mariadb() {
    a_photo_goes_all_the_way(Router::Sns, Kind::MariaDb).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_trace_spans_the_upload_and_all_three_functions() {
    let collector = Collector::start().await;
    let variables = collector.variables();
    let variables = variables.map(|(name, value)| (name, value.to_owned()));
    let Some(site) = Site::start(Router::Sns, Kind::Postgres, &variables).await else {
        return;
    };
    let ids = site.upload(0..1).await;
    site.settled(PATIENCE).await;

    let spans = trace_of(&collector, &ids[0]).await;

    let request = named(&spans, "POST /api/images");
    assert_eq!(request.parent_id, "");
    assert_eq!(request.resource["service.name"], "vitrine");
    for step in STEPS {
        let message = named(&spans, &format!("process {step}"));
        let service = format!("vitrine-{step}");
        assert_eq!(message.resource["service.name"], service);
        assert_eq!(named(&spans, step).parent_id, message.span_id);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn poison_messages_end_in_the_dead_letter_queue_alone() {
    let Some(site) = Site::start(Router::EventBridge, Kind::Postgres, &[]).await else {
        return;
    };
    site.cloud.send("thumbnail", "this is no event").await;
    site.upload(0..9).await;

    let images = site.settled(PATIENCE).await;

    assert_eq!(images.iter().filter(|image| is_done(image)).count(), 9);
    within(PATIENCE, "the poison is put aside", async || {
        (site.cloud.dead_letters("thumbnail").await == 1).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn s3_outages_lose_nothing() {
    let Some(site) = Site::start(Router::EventBridge, Kind::Postgres, &[]).await else {
        return;
    };
    site.upload(0..6).await;
    site.cloud.trouble(60);

    let images = site.settled(PATIENCE).await;

    assert_eq!(images.iter().filter(|image| is_done(image)).count(), 6);
}

async fn a_database_that_goes_away_delays_and_loses_nothing(kind: Kind) {
    let Some(site) = Site::start(Router::EventBridge, kind, &[]).await else {
        return;
    };
    site.upload(0..8).await;
    site.database.outage(Duration::from_secs(3)).await;

    let images = site.settled(PATIENCE).await;

    assert_eq!(images.iter().filter(|image| is_done(image)).count(), 8);
    for step in STEPS {
        assert_eq!(site.cloud.dead_letters(step).await, 0, "{step}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn postgresql_restarts_lose_nothing() {
    a_database_that_goes_away_delays_and_loses_nothing(Kind::Postgres).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn mariadb_restarts_lose_nothing() {
    a_database_that_goes_away_delays_and_loses_nothing(Kind::MariaDb).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unreliable_provider_is_retried_through_the_queue() {
    let provider = Provider::start().await;
    provider.has(Faults::bad_day(5));
    let more = [
        ("VITRINE_CAPTIONER", "gemini".to_owned()),
        ("GEMINI_API_KEY", KEY.to_owned()),
        ("GEMINI_BASE_URL", provider.gemini_url()),
    ];
    let Some(site) = Site::start(Router::EventBridge, Kind::Postgres, &more).await else {
        return;
    };
    let ids = site.upload(0..12).await;

    let images = site.settled(Duration::from_secs(240)).await;

    assert_eq!(images.len(), ids.len());
    for image in &images {
        let step = &image["steps"]["annotate"];
        let state = step["state"].as_str().unwrap();
        assert!(matches!(state, "done" | "blocked"), "{step}");
    }
    assert_eq!(site.cloud.dead_letters("annotate").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bulk_reprocess_reaches_every_function() {
    let Some(site) = Site::start(Router::EventBridge, Kind::MariaDb, &[]).await else {
        return;
    };
    site.upload(0..12).await;
    site.settled(PATIENCE).await;
    let before = chrono::Utc::now().to_rfc3339();

    let finished = tokio::task::block_in_place(|| site.home.run(["reprocess", "all"]));

    assert!(
        finished.stdout.contains("36 steps are queued"),
        "{finished:?}"
    );
    assert_eq!(finished.stderr, "");
    within(PATIENCE, "everything is done again", async || {
        tokio::time::sleep(Duration::from_millis(250)).await;
        let images = site.server.images().await;
        let again = |step: &Value| step["finished_at"].as_str() > Some(before.as_str());
        let all = images
            .iter()
            .all(|image| is_done(image) && STEPS.iter().all(|step| again(&image["steps"][step])));
        all.then_some(())
    })
    .await;
    for step in STEPS {
        assert_eq!(site.cloud.dead_letters(step).await, 0);
    }
}

/// Photos, with duplicates of one delivery in ten and one process killed every three seconds.
/// `VITRINE_TEST_UPLOADS` says how many photos.
#[tokio::test(flavor = "multi_thread")]
async fn duplicates_and_killed_functions_lose_nothing_and_repeat_nothing() {
    let Some(site) = Site::start(Router::EventBridge, Kind::Postgres, &[]).await else {
        return;
    };
    let uploads = std::env::var("VITRINE_TEST_UPLOADS");
    let uploads: u64 = uploads.map_or(30, |count| count.parse().unwrap());
    site.cloud.deliver_twice(10);
    let begun = std::time::Instant::now();
    let kills = std::sync::atomic::AtomicUsize::new(0);
    let killing = async {
        let mut turn = 0;
        loop {
            tokio::time::sleep(Duration::from_secs(3)).await;
            turn += 1;
            if site.cloud.kill_one(turn) {
                kills.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            }
        }
    };
    let working = async {
        site.upload(0..uploads).await;
        site.settled(Duration::from_secs(600)).await
    };
    let images = tokio::select! {
        images = working => images,
        () = killing => unreachable!("steps are still pending"),
    };

    let done = images.iter().filter(|image| is_done(image)).count();
    println!(
        "{done} of {uploads} done after {:.1} s, {} processes killed",
        begun.elapsed().as_secs_f32(),
        kills.into_inner()
    );
    assert_eq!(done as u64, uploads);
    for step in STEPS {
        assert_eq!(site.cloud.dead_letters(step).await, 0, "{step}");
    }
}
