//! `vitrine doctor` asks for a caption, and the server waits for one that is being written.

use std::time::Duration;

use entity::step::{StepKind, StepState};
use functions::testing::provider::{Answer, KEY, Provider};

use crate::harness::{Home, eventually};
use crate::photo;

fn home_asking(provider: &Provider) -> Home {
    let openai = provider.openai();
    Home::with(&[
        ("VITRINE_CAPTIONER", "openai"),
        ("OPENAI_BASE_URL", &openai.base_url),
        ("OPENAI_MODEL", &openai.model),
        ("OPENAI_API_KEY", KEY),
    ])
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn doctor_says_what_the_provider_made_of_a_picture_and_in_which_format() {
    let provider = Provider::start().await;
    provider.will(Answer::Raw(422, Vec::new(), "no schemas".to_owned()));
    let home = home_asking(&provider);

    let doctor = home.run(["doctor"]).succeeded();

    let line = doctor
        .stdout
        .lines()
        .find(|line| line.starts_with("ok    captions: "))
        .unwrap();
    for said in [
        "gemma3",
        "Two dogs run along a beach.",
        "(2 tags)",
        "response_format json_object, and no schema",
    ] {
        assert!(line.contains(said), "{said}: {line}");
    }
    let sent = provider.asked()[0].picture();
    assert_eq!(
        image::load_from_memory(&sent).unwrap().width(),
        480,
        "the picture that ships with the program"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn doctor_fails_when_the_provider_rejects_the_key() {
    let provider = Provider::start().await;
    let mut home = home_asking(&provider);
    home.set("OPENAI_API_KEY", "another-key");

    let doctor = home.run(["doctor"]);

    assert_eq!(doctor.status.code(), Some(1));
    let failed = doctor
        .stdout
        .lines()
        .find(|line| line.starts_with("FAIL  captions: "))
        .unwrap();
    assert!(failed.contains("check OPENAI_API_KEY"), "{failed}");
    assert!(!doctor.stdout.contains("another-key"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn shutdown_waits_for_a_caption_that_is_being_written() {
    let provider = Provider::start().await;
    provider.takes(Duration::from_secs(3));
    let home = home_asking(&provider);
    let mut server = home.serve();
    server.upload("photo.jpg", photo(1)).await;
    server.upload("photo.jpg", photo(2)).await;
    eventually("a caption is being written", async || {
        (!provider.asked().is_empty()).then_some(())
    })
    .await;

    server.send("TERM");
    server.exited().await;

    assert_eq!(provider.given_up(), 0);
    assert_eq!(provider.asked().len(), 1, "no other request is begun");
    let steps = home.stored().await.steps().await;
    let captions = steps.iter().filter(|step| step.name == StepKind::Annotate);
    let states: Vec<_> = captions.map(|step| (step.state, step.attempts)).collect();
    assert!(states.contains(&(StepState::Done, 1)), "{states:?}");
    assert!(states.contains(&(StepState::Queued, 0)), "{states:?}");
}
