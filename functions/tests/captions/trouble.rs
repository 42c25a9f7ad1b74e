//! Each kind of trouble, and what is to be done about it.

use std::time::Duration;

use chrono::{TimeDelta, Utc};
use functions::steps::annotate::{
    Caption, CaptionError, Captioner as _, Cause, Gemini, OpenAi, Prompt,
};
use functions::testing::provider::{Answer, KEY, Provider, google_error};
use serde_json::{Value, json};

use crate::{PATIENCE, asking, gemini_given, openai_given, subject};

type Outcome = Result<Caption, CaptionError>;

#[track_caller]
fn transient(outcome: Outcome) -> (String, Option<Duration>) {
    match outcome {
        Err(CaptionError::Transient {
            reason,
            retry_after,
        }) => (reason, retry_after),
        other => panic!("{other:?} is not to be tried again"),
    }
}

/// That the provider wants to be left alone, for everybody's sake.
#[track_caller]
fn turned_away(outcome: Outcome, expected: Cause) -> (String, Option<Duration>) {
    match outcome {
        Err(CaptionError::TurnedAway {
            cause,
            reason,
            retry_after,
        }) if cause == expected => (reason, retry_after),
        other => panic!("{other:?} does not mean {expected:?}"),
    }
}

#[track_caller]
fn permanent(outcome: Outcome) -> String {
    match outcome {
        Err(CaptionError::Permanent(reason)) => reason,
        other => panic!("{other:?} does not fail for good"),
    }
}

#[track_caller]
fn unusable(outcome: Outcome) -> String {
    match outcome {
        Err(CaptionError::Unusable(reason)) => reason,
        other => panic!("{other:?} is not unusable"),
    }
}

#[track_caller]
fn blocked(outcome: Outcome) -> String {
    match outcome {
        Err(CaptionError::Blocked(reason)) => reason,
        other => panic!("{other:?} is not blocked"),
    }
}

/// An error in the words of Google.
fn google(code: u16, status: &str, message: &str, details: Value) -> Answer {
    let body = google_error(code, status, message, details);
    Answer::Raw(code, Vec::new(), body)
}

/// A 429 with this header.
fn busy(retry_after: String) -> Answer {
    Answer::Raw(429, vec![("retry-after", retry_after)], "{}".to_owned())
}

#[tokio::test]
async fn who_is_busy_says_in_seconds_when_to_come_back() {
    for outcome in [
        gemini_given(busy("30".to_owned())).await,
        openai_given(busy("30".to_owned())).await,
    ] {
        let (_, wait) = turned_away(outcome, Cause::Busy);
        assert_eq!(wait, Some(Duration::from_secs(30)));
    }
}

#[tokio::test]
async fn who_is_busy_says_as_a_date_when_to_come_back() {
    let date = (Utc::now() + TimeDelta::seconds(90)).format("%a, %d %b %Y %H:%M:%S GMT");
    let outcome = openai_given(busy(date.to_string())).await;
    let (_, wait) = turned_away(outcome, Cause::Busy);
    let wait = wait.unwrap().as_secs();
    assert!((60..=90).contains(&wait), "{wait}");
}

#[tokio::test]
async fn gemini_says_in_the_details_of_its_error_when_to_come_back() {
    let details = json!([
        {
            "@type": "type.googleapis.com/google.rpc.QuotaFailure",
            "violations": [{
                "quotaMetric": "generativelanguage.googleapis.com/generate_content_free_tier_requests",
                "quotaId": "GenerateRequestsPerMinutePerProjectPerModel-FreeTier",
            }],
        },
        { "@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "37.5s" },
    ]);
    let message = "You exceeded your current quota.";
    let answer = google(429, "RESOURCE_EXHAUSTED", message, details);
    let (reason, wait) = turned_away(gemini_given(answer).await, Cause::Busy);
    assert_eq!(wait, Some(Duration::from_millis(37_500)));
    assert!(reason.contains("exceeded your current quota"), "{reason}");
}

#[tokio::test]
async fn a_wait_of_more_than_a_day_is_not_believed() {
    let outcome = gemini_given(busy("999999999".to_owned())).await;
    let (_, wait) = turned_away(outcome, Cause::Busy);
    assert_eq!(wait, Some(Duration::from_secs(24 * 60 * 60)));
    let outcome = gemini_given(busy("soon".to_owned())).await;
    assert_eq!(turned_away(outcome, Cause::Busy).1, None);
}

#[tokio::test]
async fn who_is_overloaded_is_busy() {
    let answer = google(503, "UNAVAILABLE", "The model is overloaded.", json!([]));
    let (reason, _) = turned_away(gemini_given(answer).await, Cause::Busy);
    assert_eq!(reason, "Gemini is busy: The model is overloaded.");
}

#[tokio::test]
async fn a_server_in_trouble_is_asked_again() {
    for status in [500, 502, 504, 408] {
        let trouble = || Answer::Raw(status, Vec::new(), "<html>Bad Gateway".to_owned());
        for outcome in [gemini_given(trouble()).await, openai_given(trouble()).await] {
            let (reason, _) = transient(outcome);
            assert!(reason.contains(&status.to_string()), "{reason}");
        }
    }
}

#[tokio::test]
async fn who_does_not_answer_in_time_is_asked_again() {
    let patience = Duration::from_millis(200);
    let provider = Provider::start().await;
    provider.will(Answer::Silence).will(Answer::Silence);
    let gemini = Gemini::new(&provider.gemini(), Prompt::default(), patience).unwrap();
    let openai = OpenAi::new(&provider.openai(), Prompt::default(), patience).unwrap();
    for outcome in [
        gemini.caption(&subject()).await,
        openai.caption(&subject()).await,
    ] {
        let (reason, _) = transient(outcome);
        assert!(reason.contains("did not answer within 200ms"), "{reason}");
    }
}

#[tokio::test]
async fn who_is_not_there_is_left_alone_for_a_while() {
    // Bound and never listened on: nobody else gets the port, and nobody answers.
    let socket = tokio::net::TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let provider = Provider::start().await;
    let mut settings = provider.gemini();
    settings.base_url = format!("http://{}", socket.local_addr().unwrap());
    let gemini = Gemini::new(&settings, Prompt::default(), PATIENCE).unwrap();
    let outcome = gemini.caption(&subject()).await;
    let (reason, _) = turned_away(outcome, Cause::Unreachable);
    assert!(reason.contains("cannot be reached"), "{reason}");
    assert!(reason.to_lowercase().contains("refused"), "{reason}");
}

#[tokio::test]
async fn an_answer_without_candidates_is_asked_for_again() {
    let empty = |body: &str| Answer::Raw(200, Vec::new(), body.to_owned());
    let gemini = gemini_given(empty(r#"{"usageMetadata": {"promptTokenCount": 1290}}"#)).await;
    let openai = openai_given(empty(r#"{"choices": []}"#)).await;
    for outcome in [gemini, openai] {
        assert!(transient(outcome).0.contains("empty answer"));
    }
}

#[tokio::test]
async fn an_answer_that_did_not_come_to_its_end_cannot_be_used() {
    for reason in [
        "MAX_TOKENS",
        "RECITATION",
        "LANGUAGE",
        "OTHER",
        "NEWLY_INVENTED",
    ] {
        let said = unusable(gemini_given(Answer::Finish(reason)).await);
        assert!(said.contains(reason), "{said}");
    }
    assert!(unusable(openai_given(Answer::Finish("length")).await).contains("length"));
}

#[tokio::test]
async fn a_prompt_that_is_blocked_is_final() {
    for reason in ["SAFETY", "PROHIBITED_CONTENT", "IMAGE_SAFETY", "OTHER"] {
        let body = json!({ "promptFeedback": { "blockReason": reason } }).to_string();
        let outcome = gemini_given(Answer::Raw(200, Vec::new(), body)).await;
        assert_eq!(blocked(outcome), reason);
    }
}

#[tokio::test]
async fn an_answer_that_is_blocked_is_final() {
    for reason in [
        "SAFETY",
        "PROHIBITED_CONTENT",
        "BLOCKLIST",
        "SPII",
        "IMAGE_SAFETY",
    ] {
        assert_eq!(blocked(gemini_given(Answer::Finish(reason)).await), reason);
    }
    blocked(openai_given(Answer::Finish("content_filter")).await);
    let refusal = json!({
        "choices": [{
            "message": { "role": "assistant", "content": null, "refusal": "I cannot help with that." },
            "finish_reason": "stop",
        }],
    });
    let outcome = openai_given(Answer::Raw(200, Vec::new(), refusal.to_string())).await;
    assert_eq!(blocked(outcome), "I cannot help with that.");
    let policy = json!({ "error": { "message": "Not this.", "code": "content_policy_violation" } });
    let outcome = openai_given(Answer::Raw(400, Vec::new(), policy.to_string())).await;
    assert_eq!(blocked(outcome), "Not this.");
}

#[tokio::test]
async fn a_key_that_is_rejected_is_said_so_and_is_not_repeated() {
    let provider = Provider::start().await;
    let (mut gemini, mut openai) = (provider.gemini(), provider.openai());
    gemini.api_key = "wrong-key".into();
    openai.api_key = Some("wrong-key".into());
    let gemini = Gemini::new(&gemini, Prompt::default(), PATIENCE).unwrap();
    let openai = OpenAi::new(&openai, Prompt::default(), PATIENCE).unwrap();
    let (reason, _) = turned_away(gemini.caption(&subject()).await, Cause::Rejected);
    assert_eq!(reason, "Gemini rejects the key: check GEMINI_API_KEY");
    let (reason, _) = turned_away(openai.caption(&subject()).await, Cause::Rejected);
    assert!(
        reason.ends_with("rejects the key: check OPENAI_API_KEY"),
        "{reason}"
    );
    for status in [401, 403] {
        let body = format!(r#"{{"error": {{"message": "{KEY} may not"}}}}"#);
        let outcome = gemini_given(Answer::Raw(status, Vec::new(), body)).await;
        let (reason, _) = turned_away(outcome, Cause::Rejected);
        assert!(reason.contains("check GEMINI_API_KEY"));
    }
}

#[tokio::test]
async fn no_error_repeats_the_key_even_if_the_provider_does() {
    for status in [400, 404, 413, 429, 500] {
        let body = format!(r#"{{"error": {{"message": "no luck with {KEY} today"}}}}"#);
        for outcome in [
            gemini_given(Answer::Raw(status, Vec::new(), body.clone())).await,
            openai_given(Answer::Raw(status, Vec::new(), body.clone())).await,
        ] {
            let error = outcome.unwrap_err();
            assert!(error.to_string().contains("no luck with [key]"), "{error}");
            assert!(!format!("{error:?}").contains(KEY));
        }
    }
}

#[tokio::test]
async fn a_picture_that_is_too_large_for_the_provider_fails_for_good() {
    let message = "Request payload size exceeds the limit: 20971520 bytes.";
    let answer = google(400, "INVALID_ARGUMENT", message, json!([]));
    assert!(permanent(gemini_given(answer).await).contains("exceeds the limit"));
    let answer = Answer::Raw(413, Vec::new(), "Payload Too Large".to_owned());
    assert!(permanent(openai_given(answer).await).contains("too large"));
}

#[tokio::test]
async fn redirects_are_not_followed_with_the_key() {
    let elsewhere = Provider::start().await;
    let location = format!("{}/v1beta/models/m:generateContent", elsewhere.gemini_url());
    let answer = Answer::Raw(307, vec![("location", location)], String::new());
    permanent(gemini_given(answer).await);
    assert!(elsewhere.asked().is_empty());
}

#[tokio::test]
async fn an_answer_without_end_is_not_read_to_the_end() {
    let answer = Answer::Text("a".repeat(2 << 20));
    assert_eq!(unusable(gemini_given(answer).await), "it is far too long");
}

#[tokio::test]
async fn after_trouble_the_next_request_is_answered() {
    let provider = Provider::start().await;
    provider.will(busy("1".to_owned()));
    let [gemini, _] = asking(&provider);
    turned_away(gemini.caption(&subject()).await, Cause::Busy);
    gemini.caption(&subject()).await.unwrap();
    assert_eq!(provider.asked().len(), 2);
}
