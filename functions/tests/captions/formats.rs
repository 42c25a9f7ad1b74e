//! Servers that do not know `response_format`, or only some of it.

use std::time::Duration;

use functions::steps::annotate::{CaptionError, Captioner as _, OpenAi, Prompt};
use functions::testing::provider::{Answer, Provider, WRITTEN};
use serde_json::Value;

use crate::{PATIENCE, subject};

fn refusal(status: u16, body: &str) -> Answer {
    Answer::Raw(status, Vec::new(), body.to_owned())
}

fn captioner(provider: &Provider) -> OpenAi {
    OpenAi::new(&provider.openai(), Prompt::default(), PATIENCE).unwrap()
}

/// The formats that were asked for, oldest first.
fn asked(provider: &Provider) -> Vec<String> {
    let format = |body: &Value| {
        let kind = body["response_format"]["type"].as_str();
        kind.unwrap_or("none").to_owned()
    };
    provider
        .asked()
        .iter()
        .map(|asked| format(&asked.body))
        .collect()
}

#[tokio::test]
async fn a_server_without_schemas_is_asked_for_an_object() {
    for status in [400, 422, 500] {
        let provider = Provider::start().await;
        let openai = captioner(&provider);
        provider.will(refusal(
            status,
            r#"{"error": {"message": "no schemas here"}}"#,
        ));
        openai.caption(&subject()).await.unwrap();
        assert_eq!(asked(&provider), ["json_schema", "json_object"]);

        openai.caption(&subject()).await.unwrap();
        assert_eq!(
            asked(&provider)[2..],
            ["json_object"],
            "what worked is remembered"
        );
    }
}

#[tokio::test]
async fn a_server_without_formats_is_asked_without_one() {
    for (status, body) in [
        (
            400,
            r#"{"error": {"message": "response_format is not supported"}}"#,
        ),
        (400, "Bad Request"),
        (
            422,
            r#"{"detail": [{"loc": ["body", "response_format"], "msg": "extra fields not permitted"}]}"#,
        ),
        (
            422,
            r#"{"detail": [{"type": "extra_forbidden", "loc": ["body", "response_format"], "msg": "Extra inputs are not permitted", "input": {}}]}"#,
        ),
        (
            500,
            r#"{"error": {"message": "response_format is not supported"}}"#,
        ),
        (500, "Internal Server Error"),
        (501, ""),
        (502, r#"{"error": "json_schema: unknown grammar"}"#),
        (
            404,
            r#"{"error": {"message": "No endpoints found that support structured outputs"}}"#,
        ),
        (
            200,
            r#"{"error": {"message": "response_format is not supported", "code": 400}}"#,
        ),
        (
            200,
            r#"{"choices": null, "error": "response_format is not supported"}"#,
        ),
    ] {
        let provider = Provider::start().await;
        let openai = captioner(&provider);
        let fenced = Answer::Text(format!("```json\n{WRITTEN}\n```"));
        provider
            .will(refusal(status, body))
            .will(refusal(status, body))
            .always(fenced);
        for _ in 0..2 {
            let caption = openai.caption(&subject()).await;
            let caption = caption.unwrap_or_else(|error| panic!("{status} {body}: {error}"));
            assert_eq!(caption.text, "Two dogs run along a beach.");
        }
        assert_eq!(
            asked(&provider),
            ["json_schema", "json_object", "none", "none"]
        );
    }
}

#[tokio::test]
async fn a_request_that_is_refused_in_every_format_fails_with_what_was_said() {
    let provider = Provider::start().await;
    let openai = captioner(&provider);
    provider.always(refusal(
        400,
        r#"{"error": {"message": "invalid image input"}}"#,
    ));
    let Err(CaptionError::Permanent(reason)) = openai.caption(&subject()).await else {
        panic!("it is not refused for good");
    };
    assert!(reason.contains("invalid image input"), "{reason}");
    assert_eq!(asked(&provider), ["json_schema", "json_object", "none"]);
}

#[tokio::test]
async fn a_server_in_trouble_is_not_asked_three_times_as_often() {
    let provider = Provider::start().await;
    let openai = captioner(&provider);
    provider.always(refusal(500, r#"{"error": {"message": "out of memory"}}"#));
    for _ in 0..4 {
        let result = openai.caption(&subject()).await;
        assert!(
            matches!(result, Err(CaptionError::Transient { .. })),
            "{result:?}"
        );
    }
    assert_eq!(asked(&provider).len(), 3 + 1 + 1 + 1);

    // Once a format has worked, 500 is trouble of another kind.
    provider.always(Answer::Text(WRITTEN.to_owned()));
    openai.caption(&subject()).await.unwrap();
    provider.always(refusal(500, ""));
    openai.caption(&subject()).await.unwrap_err();
    assert_eq!(asked(&provider).len(), 6 + 1 + 1);
}

#[tokio::test]
async fn other_refusals_are_not_about_the_format() {
    for (status, body) in [
        (
            401,
            r#"{"error": {"message": "no", "code": "invalid_api_key"}}"#,
        ),
        (
            400,
            r#"{"error": {"message": "no", "code": "invalid_api_key"}}"#,
        ),
        (
            400,
            r#"{"error": {"message": "no", "code": "content_policy_violation"}}"#,
        ),
        (402, "{}"),
        (403, "{}"),
        (404, r#"{"error": {"message": "model not found"}}"#),
        (413, "{}"),
        (
            429,
            r#"{"error": {"message": "too many requests with json_schema"}}"#,
        ),
        (503, "{}"),
    ] {
        let provider = Provider::start().await;
        provider.always(refusal(status, body));
        captioner(&provider).caption(&subject()).await.unwrap_err();
        assert_eq!(asked(&provider), ["json_schema"], "{status} {body}");
    }
}

#[tokio::test]
async fn asking_again_takes_no_longer_than_one_answer_may() {
    let provider = Provider::start().await;
    let patience = Duration::from_millis(300);
    let openai = OpenAi::new(&provider.openai(), Prompt::default(), patience).unwrap();
    provider.will(refusal(400, "no")).always(Answer::Silence);
    let began = std::time::Instant::now();
    let result = openai.caption(&subject()).await;
    assert!(
        matches!(result, Err(CaptionError::Transient { .. })),
        "{result:?}"
    );
    assert!(began.elapsed() < 10 * patience);
}
