//! The shapes that servers put answers into, and the names that they give to their ends.

use std::io::Write as _;

use functions::steps::annotate::{Answered, CaptionError};
use functions::testing::provider::{Answer, Provider, WRITTEN, bodies};
use serde_json::{Value, json};

use crate::{asking, assert_legal, openai_given, subject};

const ALT_TEXT: &str = "Two dogs run along a beach.";

async fn ask(which: usize, body: &str) -> Answered {
    let provider = Provider::start().await;
    provider.always(Answer::Raw(200, Vec::new(), body.to_owned()));
    asking(&provider)[which].ask(&subject()).await
}

async fn gemini(body: &Value) -> Answered {
    ask(0, &body.to_string()).await
}

async fn openai(body: &Value) -> Answered {
    ask(1, &body.to_string()).await
}

#[track_caller]
fn assert_caption(answered: &Answered, body: &impl std::fmt::Display) {
    match &answered.result {
        Ok(caption) => {
            assert_legal(caption);
            assert_eq!(caption.text, ALT_TEXT, "{body}");
        }
        Err(error) => panic!("{body}: {error}"),
    }
}

#[track_caller]
fn transient(answered: Answered) -> String {
    match answered.result {
        Err(CaptionError::Transient { reason, .. }) => reason,
        other => panic!("{other:?} is not to be tried again"),
    }
}

#[track_caller]
fn unusable(answered: Answered) -> String {
    match answered.result {
        Err(CaptionError::Unusable(reason)) => reason,
        other => panic!("{other:?} is not unusable"),
    }
}

fn message(message: Value) -> Value {
    json!({ "choices": [{ "index": 0, "message": message, "finish_reason": "stop" }] })
}

fn ended(reason: Value, text: &str) -> Value {
    json!({ "choices": [{ "message": { "content": text }, "finish_reason": reason }] })
}

#[tokio::test]
async fn an_answer_that_reads_as_whole_is_a_caption_however_its_end_is_called() {
    for reason in [
        json!(null),
        json!(""),
        json!("eos"),
        json!("eos_token"),
        json!("end_turn"),
        json!("STOP"),
        json!("stop_sequence"),
        json!("length"),
        json!("max_tokens"),
        json!("tool_calls"),
        json!("newly_invented"),
        json!(1),
        json!({ "type": "stop" }),
    ] {
        let body = ended(reason, WRITTEN);
        assert_caption(&openai(&body).await, &body);
    }
    let body = json!({ "choices": [{ "message": { "content": WRITTEN } }] });
    assert_caption(&openai(&body).await, &body);
    for reason in [
        "STOP",
        "stop",
        "FINISH_REASON_UNSPECIFIED",
        "MAX_TOKENS",
        "OTHER",
        "NEWLY_INVENTED",
        "",
    ] {
        let candidate =
            json!({ "content": { "parts": [{ "text": WRITTEN }] }, "finishReason": reason });
        let body = json!({ "candidates": [candidate] });
        assert_caption(&gemini(&body).await, &body);
    }
}

#[tokio::test]
async fn an_answer_that_is_cut_at_a_limit_is_not() {
    for reason in ["length", "max_tokens", "MAX_TOKENS"] {
        for cut in [50, WRITTEN.len() - 1] {
            let body = ended(json!(reason), &WRITTEN[..cut]);
            assert!(unusable(openai(&body).await).contains(reason));
        }
        let body = ended(json!(reason), "");
        assert!(unusable(openai(&body).await).contains(reason));
    }
    let body = ended(json!(null), &WRITTEN[..50]);
    assert_eq!(unusable(openai(&body).await), "it ends in the middle");
    let body = ended(json!("content_filter"), WRITTEN);
    assert!(matches!(
        openai(&body).await.result,
        Err(CaptionError::Blocked(_))
    ));
}

#[tokio::test]
async fn the_text_is_found_in_every_shape_of_a_message() {
    let answer: Value = serde_json::from_str(WRITTEN).unwrap();
    for content in [
        json!({ "content": WRITTEN }),
        json!({ "content": [{ "type": "text", "text": WRITTEN }] }),
        json!({ "content": [{ "type": "text", "text": &WRITTEN[..9] }, { "type": "text", "text": &WRITTEN[9..] }] }),
        json!({ "content": [{ "type": "thinking", "thinking": [] }, { "type": "text", "text": WRITTEN }] }),
        json!({ "content": [{ "type": "thinking", "thinking": [{ "type": "text", "text": "{\"alt_text\": \"A cat.\"}" }] }, { "type": "text", "text": WRITTEN }] }),
        json!({ "content": [{ "type": "output_text", "text": { "value": WRITTEN } }] }),
        json!({ "content": { "type": "text", "text": WRITTEN } }),
        json!({ "content": [WRITTEN] }),
        json!({ "content": answer }),
        json!({ "content": null, "reasoning_content": WRITTEN }),
        json!({ "content": "", "reasoning": WRITTEN }),
        json!({ "content": " ", "thinking": WRITTEN }),
        json!({ "content": "", "reasoning_content": format!("Two dogs. So: {WRITTEN} That will do.") }),
        json!({ "content": null, "reasoning_details": [{ "type": "reasoning.text", "text": WRITTEN }] }),
        json!({ "content": WRITTEN, "reasoning_content": "{\"alt_text\": \"A cat.\"}" }),
        json!({ "content": null, "parsed": answer }),
        json!({ "content": null, "tool_calls": [{ "function": { "name": "description", "arguments": WRITTEN } }] }),
        json!({ "content": WRITTEN, "refusal": null, "annotations": [], "audio": null, "role": null }),
        json!(WRITTEN),
    ] {
        let body = message(content);
        assert_caption(&openai(&body).await, &body);
    }
}

#[tokio::test]
async fn the_message_is_found_in_every_shape_of_a_reply() {
    let choice = json!({ "message": { "content": WRITTEN } });
    for body in [
        json!({ "choices": choice }),
        json!({ "choices": [{ "message": { "content": "" } }, choice] }),
        json!({ "choices": [{ "text": WRITTEN }] }),
        json!({ "choices": [{ "delta": { "content": WRITTEN } }] }),
        json!([{ "choices": [choice] }]),
        json!({ "data": { "choices": [choice] } }),
        json!({ "choices": [choice], "error": null, "id": 7, "created": "today", "object": [] }),
        json!({ "message": { "role": "assistant", "content": WRITTEN }, "done": true, "done_reason": "stop" }),
        json!({ "response": WRITTEN, "done": true }),
        json!({ "content": [{ "type": "text", "text": WRITTEN }], "role": "assistant", "stop_reason": "end_turn" }),
        json!({ "output": [{ "type": "reasoning", "summary": [] }, { "type": "message", "content": [{ "type": "output_text", "text": WRITTEN }] }] }),
        json!({ "generated_text": WRITTEN }),
        serde_json::from_str(WRITTEN).unwrap(),
    ] {
        assert_caption(&openai(&body).await, &body);
    }
}

#[tokio::test]
async fn an_unrequested_event_stream_is_read() {
    let pieces = [&WRITTEN[..9], &WRITTEN[9..60], &WRITTEN[60..]];
    let event = |delta: Value, end: Value| json!({ "choices": [{ "index": 0, "delta": delta, "finish_reason": end }], "usage": null });
    let mut values = vec![event(
        json!({ "role": "assistant", "content": "" }),
        json!(null),
    )];
    values.push(event(
        json!({ "reasoning_content": "{\"alt_text\": \"A cat.\"}" }),
        json!(null),
    ));
    values.extend(pieces.map(|piece| event(json!({ "content": piece }), json!(null))));
    values.push(event(json!({}), json!("stop")));
    values.push(json!({ "choices": [], "usage": { "prompt_tokens": 12, "completion_tokens": 8 } }));
    let lines = |before: &str, after: &str| -> String {
        values
            .iter()
            .map(|value| format!("{before}{value}{after}"))
            .collect()
    };
    for body in [
        lines("data: ", "\n\n") + "data: [DONE]\n\n",
        lines("data:", "\r\n\r\n") + "data:[DONE]\r\n\r\n",
        lines("data: ", "\n\n"),
        lines("data: ", "\n"),
        String::from(": OPENROUTER PROCESSING\n\n")
            + &lines("event: message\nid: 1\ndata: ", "\n\n"),
        lines("", "\n"),
    ] {
        let answered = ask(1, &body).await;
        assert_caption(&answered, &body);
        let usage = (answered.usage.tokens_in, answered.usage.tokens_out);
        assert_eq!(usage, (Some(12), Some(8)));
    }
    // Cut off before the model was done.
    let cut = lines("data: ", "\n\n").replace(
        &event(json!({ "content": pieces[2] }), json!(null)).to_string(),
        "{}",
    );
    let cut = cut.replace("\"stop\"", "null");
    assert_eq!(unusable(ask(1, &cut).await), "it ends in the middle");
    let error = "data: {\"error\": {\"message\": \"upstream failed\"}}\n\n";
    assert!(transient(ask(1, error).await).ends_with("upstream failed"));

    let [body, _] = bodies(WRITTEN);
    assert_caption(&ask(0, &format!("data: {body}\r\n\r\n")).await, &body);
}

#[tokio::test]
async fn lines_of_json_as_ollama_streams_them_are_read() {
    let line = |content: &str, done: bool| {
        let message = json!({ "role": "assistant", "content": content });
        let mut line = json!({ "model": "gemma3", "message": message, "done": done });
        if done {
            line["done_reason"] = "stop".into();
            line["prompt_eval_count"] = 12.into();
            line["eval_count"] = 8.into();
        }
        format!("{line}\n")
    };
    let body = line(&WRITTEN[..30], false) + &line(&WRITTEN[30..], false) + &line("", true);
    let answered = ask(1, &body).await;
    assert_caption(&answered, &body);
    assert_eq!(
        (answered.usage.tokens_in, answered.usage.tokens_out),
        (Some(12), Some(8))
    );
}

#[tokio::test]
async fn tokens_are_counted_where_they_are_numbers() {
    for (usage, expected) in [
        (
            json!({ "prompt_tokens": 12.0, "completion_tokens": 8.0 }),
            (Some(12), Some(8)),
        ),
        (
            json!({ "prompt_tokens": -1, "completion_tokens": 8 }),
            (None, Some(8)),
        ),
        (
            json!({ "prompt_tokens": "12", "completion_tokens": "many" }),
            (Some(12), None),
        ),
        (
            json!({ "prompt_tokens": 1e300, "completion_tokens": null }),
            (None, None),
        ),
        (
            json!({ "input_tokens": 12, "output_tokens": 8 }),
            (Some(12), Some(8)),
        ),
        (json!({}), (None, None)),
        (json!([12, 8]), (None, None)),
        (json!("12"), (None, None)),
    ] {
        let mut body = message(json!({ "content": WRITTEN }));
        body["usage"] = usage;
        let answered = openai(&body).await;
        assert_caption(&answered, &body);
        let usage = (answered.usage.tokens_in, answered.usage.tokens_out);
        assert_eq!(usage, expected, "{body}");
    }
}

#[tokio::test]
async fn a_body_may_be_marked_or_labelled_oddly() {
    for (which, body) in bodies(WRITTEN).into_iter().enumerate() {
        assert_caption(&ask(which, &format!("\u{feff}{body}")).await, &body);
        assert_caption(&ask(which, &format!("\r\n\r\n{body}\n\n")).await, &body);
        let provider = Provider::start().await;
        let html = vec![("content-type", "text/html".to_owned())];
        provider.always(Answer::Raw(200, html, body.clone()));
        assert_caption(&asking(&provider)[which].ask(&subject()).await, &body);
    }
    // The text's line breaks, put into the reply as they are.
    let body = r#"{"choices": [{"message": {"content": "{\"alt_text\": \"Two dogs run along a beach.\",
        \"tags\": []}"}}]}"#;
    assert_caption(&ask(1, body).await, &body);
}

#[tokio::test]
async fn a_body_that_is_compressed_unasked_is_read() {
    let gzip = |body: &[u8]| {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(body).unwrap();
        encoder.finish().unwrap()
    };
    let headers = || vec![("content-encoding", "gzip".to_owned())];
    let [_, body] = bodies(WRITTEN);
    let provider = Provider::start().await;
    let [_, openai] = asking(&provider);
    provider.always(Answer::Bytes(headers(), gzip(body.as_bytes())));
    assert_caption(&openai.ask(&subject()).await, &body);
    // Some kilobytes that become gigabytes are not unpacked to the end.
    provider.always(Answer::Bytes(headers(), gzip(&vec![b' '; 64 << 20])));
    assert_eq!(unusable(openai.ask(&subject()).await), "it is far too long");
    let whole = gzip(body.as_bytes());
    provider.always(Answer::Bytes(headers(), whole[..whole.len() / 2].to_vec()));
    unusable(openai.ask(&subject()).await);
}

#[tokio::test]
async fn a_reply_without_a_message_tells_the_error_it_has() {
    for body in [
        json!({ "choices": null, "error": { "message": "upstream failed" } }),
        json!({ "choices": [], "error": "upstream failed" }),
        json!({ "error": { "message": "upstream failed", "code": null } }),
        json!({ "error": { "metadata": { "raw": "upstream failed" } } }),
        json!({ "choices": [{ "message": null, "error": { "message": "upstream failed" } }] }),
        json!({ "choices": [{ "message": { "content": "" }, "finish_reason": "error" }], "error": { "message": "upstream failed", "code": 502 } }),
        json!({ "success": false, "errors": [{ "code": 7000, "message": "upstream failed" }] }),
        json!({ "detail": "upstream failed" }),
        json!({ "message": "upstream failed" }),
    ] {
        let reason = transient(openai(&body).await);
        assert!(reason.ends_with("upstream failed"), "{body}: {reason}");
    }
    let body = json!({ "error": { "code": 500, "message": "upstream failed" } });
    assert!(transient(gemini(&body).await).ends_with("upstream failed"));
    // The status that a gateway got itself.
    let busy = json!({ "error": { "message": "upstream is busy", "code": 429 } });
    let result = openai(&busy).await.result;
    assert!(
        matches!(result, Err(CaptionError::TurnedAway { .. })),
        "{result:?}"
    );
}

#[tokio::test]
async fn a_reply_that_says_nothing_is_an_empty_answer() {
    for body in [
        json!({ "choices": [] }),
        json!({ "choices": null }),
        json!({}),
        message(json!({ "content": "" })),
        message(json!({ "content": null })),
        message(json!({ "content": [] })),
        message(json!({ "content": [{ "type": "text", "text": "" }] })),
        message(json!({ "content": "", "reasoning_content": "Okay, the user wants alt text." })),
        message(json!({ "content": 7 })),
        message(json!(null)),
        ended(json!(null), ""),
        ended(json!("eos"), ""),
    ] {
        let reason = transient(openai(&body).await);
        assert!(reason.ends_with("gave an empty answer"), "{body}: {reason}");
    }
    for body in [
        json!({}),
        json!({ "candidates": [] }),
        json!({ "candidates": null }),
        json!({ "candidates": [{ "finishReason": "STOP" }] }),
        json!({ "candidates": [{ "content": {}, "finishReason": "STOP" }] }),
        json!({ "candidates": [{ "content": { "parts": [{ "text": "" }] } }] }),
        json!({ "candidates": [{ "content": { "parts": [{ "text": "Hm.", "thought": true }] }, "finishReason": "STOP" }] }),
    ] {
        assert_eq!(
            transient(gemini(&body).await),
            "Gemini gave an empty answer",
            "{body}"
        );
    }
    for (which, body) in [
        (0, "<html>Sign in</html>"),
        (1, "<html>Sign in</html>"),
        (1, "A dog."),
    ] {
        unusable(ask(which, body).await);
    }
    assert!(transient(ask(1, "").await).ends_with("gave an empty answer"));
}

#[tokio::test]
async fn what_gemini_writes_is_put_together_from_its_parts() {
    let (begin, end) = WRITTEN.split_at(20);
    let thought = json!({ "text": "{\"alt_text\": \"A cat.\"}", "thought": true });
    let candidate = |parts: Value| json!({ "content": { "parts": parts }, "finishReason": "STOP" });
    for body in [
        json!({ "candidates": [candidate(json!([{ "text": begin }, { "text": end }]))] }),
        json!({ "candidates": [candidate(json!([thought, { "text": WRITTEN, "thoughtSignature": "x" }]))] }),
        json!({ "candidates": [candidate(json!([{ "text": WRITTEN }, { "executableCode": {} }]))] }),
        json!([{ "candidates": [candidate(json!([{ "text": begin }]))] }, { "candidates": [candidate(json!([{ "text": end }]))] }]),
        json!({ "candidates": [{ "content": { "parts": [{ "text": WRITTEN }] }, "finish_reason": 1 }], "usage_metadata": {} }),
        json!({ "candidates": [{ "content": { "parts": [{ "text": WRITTEN }] } }], "promptFeedback": { "safetyRatings": [] } }),
    ] {
        assert_caption(&gemini(&body).await, &body);
    }
}

#[tokio::test]
async fn what_gemini_blocks_stays_blocked() {
    let parts = json!({ "parts": [{ "text": WRITTEN }] });
    for body in [
        json!({ "candidates": [{ "content": parts, "finishReason": "SAFETY" }] }),
        json!({ "candidates": [{ "content": parts, "finishReason": 3 }] }),
        json!({ "candidates": [{ "content": parts, "finish_reason": "prohibited_content" }] }),
        json!({ "candidates": [{ "content": parts, "finishReason": "STOP" }], "promptFeedback": { "blockReason": "OTHER" } }),
        json!([{ "candidates": [{ "content": parts, "finishReason": "SPII" }] }, { "candidates": [{ "finishReason": "STOP" }] }]),
    ] {
        let result = gemini(&body).await.result;
        assert!(
            matches!(result, Err(CaptionError::Blocked(_))),
            "{body}: {result:?}"
        );
    }
}

#[tokio::test]
async fn a_megabyte_of_brackets_is_read_in_no_time() {
    for piece in [
        "{",
        "<think>",
        "{\"a\":",
        "[{\"alt_text\":\"",
        "data: {\"\n",
        "\\\"",
    ] {
        let text = piece.repeat(900_000 / piece.len());
        let began = std::time::Instant::now();
        let result = openai_given(Answer::Raw(200, Vec::new(), text.clone())).await;
        assert!(result.is_err());
        let _ = openai_given(Answer::Text(text[..400_000].to_owned())).await;
        assert!(
            began.elapsed().as_secs() < 20,
            "{piece}: {:?}",
            began.elapsed()
        );
    }
}
