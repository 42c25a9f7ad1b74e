//! Whatever a provider answers, what comes of it is a legal caption or an error.

use functions::annotate::Captioner;
use functions::testing::Noise;
use functions::testing::provider::{Answer, Provider, WRITTEN};
use serde_json::json;

use crate::{asking, assert_legal, subject};

/// A good body of Gemini's, of an OpenAI-compatible server's, each with what the model wrote.
fn bodies(written: &str) -> [String; 2] {
    let gemini = json!({
        "candidates": [{
            "content": { "role": "model", "parts": [{ "text": written }] },
            "finishReason": "STOP",
        }],
        "usageMetadata": { "promptTokenCount": 1290, "candidatesTokenCount": 100 },
    });
    let openai = json!({
        "choices": [{
            "message": { "role": "assistant", "content": written },
            "finish_reason": "stop",
        }],
        "usage": { "prompt_tokens": 1290, "completion_tokens": 100 },
    });
    [gemini.to_string(), openai.to_string()]
}

/// Cuts, repeats, swaps and replaces parts of a text, a few times over.
fn mutated(text: &str, noise: &mut Noise) -> String {
    const PIECES: [&str; 14] = [
        "\"",
        "{",
        "}",
        "[",
        "]",
        ",",
        ":",
        "null",
        "-1e999",
        "\\u0000",
        "\\ud800",
        "\u{202e}",
        "",
        "99999999999999999999",
    ];
    let mut chars: Vec<char> = text.chars().collect();
    for _ in 0..=noise.below(4) {
        let from = noise.below(chars.len() + 1);
        let to = (from + noise.below(20)).min(chars.len());
        match noise.below(4) {
            0 => chars.truncate(from),
            1 => drop(chars.drain(from..to)),
            2 => {
                let part = chars[from..to].to_vec();
                chars.splice(from..from, part);
            }
            _ => {
                let piece = PIECES[noise.below(PIECES.len())];
                chars.splice(from..to, piece.chars());
            }
        }
    }
    chars.into_iter().collect()
}

async fn ask(provider: &Provider, captioner: &dyn Captioner, answer: Answer) -> bool {
    provider.will(answer);
    match captioner.caption(&subject()).await {
        Ok(caption) => {
            assert_legal(&caption);
            true
        }
        Err(_) => false,
    }
}

#[tokio::test]
async fn a_damaged_body_ends_in_a_legal_caption_or_an_error() {
    let provider = Provider::start().await;
    let mut noise = Noise(7);
    let mut captions = 0;
    for (captioner, body) in asking(&provider).iter().zip(bodies(WRITTEN)) {
        for _ in 0..400 {
            let body = mutated(&body, &mut noise);
            let answer = Answer::Raw(200, Vec::new(), body);
            captions += u32::from(ask(&provider, captioner.as_ref(), answer).await);
        }
    }
    assert!(
        (1..800).contains(&captions),
        "{captions} of 800 came through"
    );
}

#[tokio::test]
async fn what_a_model_wrote_badly_ends_in_a_legal_caption_or_an_error() {
    let provider = Provider::start().await;
    let mut noise = Noise(8);
    let mut captions = 0;
    for captioner in asking(&provider) {
        for _ in 0..400 {
            let answer = Answer::Text(mutated(WRITTEN, &mut noise));
            captions += u32::from(ask(&provider, captioner.as_ref(), answer).await);
        }
    }
    assert!(
        (1..800).contains(&captions),
        "{captions} of 800 came through"
    );
}

#[tokio::test]
async fn an_answer_that_is_cut_short_is_never_a_caption() {
    let provider = Provider::start().await;
    for (captioner, body) in asking(&provider).iter().zip(bodies(WRITTEN)) {
        for end in 0..body.len() {
            let answer = Answer::Raw(200, Vec::new(), body[..end].to_owned());
            assert!(!ask(&provider, captioner.as_ref(), answer).await, "{end}");
        }
    }
}
