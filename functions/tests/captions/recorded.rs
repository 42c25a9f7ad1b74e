//! What real providers answered, word for word where it matters (`recorded/README.md`), and what
//! must come of each.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Duration;

use functions::steps::annotate::{Answered, CaptionError, Captioner, Cause};
use functions::testing::provider::{Answer, Provider};

use crate::{asking, assert_legal, subject};

/// What must come of a recording. Texts are part of the reason that is given.
#[derive(Debug)]
enum Becomes {
    Caption,
    /// With the seconds after which the provider wants to be asked again.
    Busy(Option<u64>, &'static str),
    Rejected(&'static str),
    Transient(&'static str),
    Unusable(&'static str),
    Permanent(&'static str),
    Blocked(&'static str),
}

use Becomes::{Blocked, Busy, Caption, Permanent, Rejected, Transient, Unusable};

/// Tokens in and out, as far as a recording counts them.
type Tokens = (Option<u32>, Option<u32>);

/// A file, the status that it came with, what must come of it.
type Recording = (&'static str, u16, Tokens, Becomes);

const UNCOUNTED: Tokens = (None, None);

const fn tokens(tokens_in: u32, tokens_out: u32) -> Tokens {
    (Some(tokens_in), Some(tokens_out))
}

const KEY_REJECTED: &str = "Gemini rejects the key: check GEMINI_API_KEY";

#[rustfmt::skip]
const GEMINI: &[Recording] = &[
    ("picture", 200, tokens(3367, 9), Caption),
    ("thinking_model", 200, tokens(15, 1 + 72), Caption),
    ("thought_in_a_part_of_its_own", 200, tokens(14, 2 + 24), Caption),
    ("cut_short", 200, tokens(15, 5), Unusable("MAX_TOKENS")),
    ("cut_short_while_thinking", 200, tokens(15, 2), Unusable("MAX_TOKENS")),
    ("recitation", 200, tokens(9, 261), Unusable("RECITATION")),
    ("empty_content", 200, UNCOUNTED, Transient("Gemini gave an empty answer")),
    ("answer_blocked", 200, (Some(14), None), Blocked("SAFETY")),
    ("prompt_prohibited", 200, (Some(9311), None), Blocked("PROHIBITED_CONTENT")),
    ("prompt_unsafe", 200, UNCOUNTED, Blocked("SAFETY")),
    ("key_not_valid", 400, UNCOUNTED, Rejected(KEY_REJECTED)),
    ("key_expired", 400, UNCOUNTED, Rejected(KEY_REJECTED)),
    ("key_not_for_this_service", 403, UNCOUNTED, Rejected(KEY_REJECTED)),
    ("key_leaked", 403, UNCOUNTED, Rejected("(check GEMINI_API_KEY): Your API key was reported as leaked.")),
    ("no_permission", 403, UNCOUNTED, Rejected("The caller does not have permission")),
    ("service_disabled", 403, UNCOUNTED, Rejected("Enable it by visiting https://console.developers")),
    ("location_not_supported", 400, UNCOUNTED, Rejected("does not serve this account: User location")),
    ("model_not_found", 404, UNCOUNTED, Rejected("models/gemini-3.6-flahs is not found")),
    ("quota_of_the_minute", 429, UNCOUNTED, Busy(Some(26), "exceeded your current quota")),
    ("quota_of_the_day", 429, UNCOUNTED, Busy(Some(47), "exceeded your current quota")),
    ("quota_without_a_wait", 429, UNCOUNTED, Busy(None, "exceeded your current quota")),
    ("exhausted", 429, UNCOUNTED, Busy(None, "Resource has been exhausted")),
    ("overloaded", 503, UNCOUNTED, Busy(None, "The model is overloaded.")),
    ("internal", 500, UNCOUNTED, Transient("An internal error has occurred.")),
    ("picture_not_processed", 400, UNCOUNTED, Permanent("Unable to process input image.")),
    ("picture_rejected", 400, UNCOUNTED, Permanent("Request contains an invalid argument.")),
];

#[rustfmt::skip]
const OPENAI: &[Recording] = &[
    ("openai", 200, tokens(92, 15), Caption),
    ("ollama", 200, tokens(136, 15), Caption),
    ("vllm", 200, tokens(2037, 129), Caption),
    ("vllm_says_nothing", 200, tokens(1011, 1), Transient("gave an empty answer")),
    ("mlx_failed", 200, tokens(0, 0), Unusable("it ended with error")),
    ("lmstudio_wrong_address", 200, UNCOUNTED, Transient("empty answer: Unexpected endpoint or method.")),
    ("openai_refusal", 200, tokens(79, 12), Blocked("I'm very sorry, but I can't assist with that.")),
    ("openai_prompt_flagged", 400, UNCOUNTED, Blocked("flagged as potentially violating our usage policy")),
    ("azure_filtered", 400, UNCOUNTED, Blocked("content management policy")),
    ("openai_key_not_valid", 401, UNCOUNTED, Rejected("rejects the key: check OPENAI_API_KEY")),
    ("google_key_not_valid", 400, UNCOUNTED, Rejected("rejects the key: check OPENAI_API_KEY")),
    ("openai_country_not_supported", 403, UNCOUNTED, Rejected("Country, region, or territory not supported")),
    ("openai_no_credit", 429, UNCOUNTED, Rejected("does not serve this account: You exceeded your current quota")),
    ("openai_no_credit_without_code", 429, UNCOUNTED, Rejected("does not serve this account: You exceeded")),
    ("deepseek_no_credit", 402, UNCOUNTED, Rejected("does not serve this account: Insufficient Balance")),
    ("openai_model_not_found", 404, UNCOUNTED, Rejected("The model `gpt-5.2-proo` does not exist")),
    ("ollama_model_not_found", 404, UNCOUNTED, Rejected("not found, try pulling it first")),
    ("vllm_model_not_found", 404, UNCOUNTED, Rejected("The model `Qwen1.5-14B-Chat-GPTQ-Int8` does not exist.")),
    ("vllm_wrong_address", 404, UNCOUNTED, Rejected("no such model or address: Not Found")),
    ("lmstudio_model_not_found", 404, UNCOUNTED, Rejected("Your models: gemma-3-27b-it-qat")),
    ("openai_busy", 429, UNCOUNTED, Busy(None, "Rate limit reached")),
    ("openrouter_busy", 429, UNCOUNTED, Busy(None, "Provider returned error")),
    ("openai_broken", 500, UNCOUNTED, Transient("The server had an error")),
    ("ollama_broken", 500, UNCOUNTED, Transient("llama runner process has terminated")),
    ("google_broken", 500, UNCOUNTED, Transient("An internal error has occurred.")),
    ("openai_parameter_not_supported", 400, UNCOUNTED, Permanent("Unsupported parameter: 'max_tokens'")),
    ("ollama_picture_not_valid", 400, UNCOUNTED, Permanent("invalid image input")),
    ("lmstudio_format_not_supported", 400, UNCOUNTED, Permanent("must be 'json_schema' or 'text'")),
];

impl Becomes {
    /// Whether it came so.
    fn is(&self, answered: &Answered) -> bool {
        use CaptionError as E;
        let (said, part) = match (self, &answered.result) {
            (Caption, Ok(caption)) => return caption.text == "Two dogs run along a beach.",
            (Busy(seconds, part), Err(turned_away)) => match turned_away {
                E::TurnedAway {
                    cause: Cause::Busy,
                    reason,
                    retry_after,
                } if *retry_after == seconds.map(Duration::from_secs) => (reason, part),
                _ => return false,
            },
            (
                Rejected(part),
                Err(E::TurnedAway {
                    cause: Cause::Rejected,
                    reason,
                    retry_after: None,
                }),
            )
            | (
                Transient(part),
                Err(E::Transient {
                    reason,
                    retry_after: None,
                }),
            )
            | (Unusable(part), Err(E::Unusable(reason)))
            | (Permanent(part), Err(E::Permanent(reason)))
            | (Blocked(part), Err(E::Blocked(reason))) => (reason, part),
            _ => return false,
        };
        said.contains(part)
    }
}

fn folder(of: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/captions/recorded")
        .join(of)
}

/// Plays every recording and looks at what comes of it.
async fn play(provider: &Provider, captioner: &dyn Captioner, of: &str, recordings: &[Recording]) {
    let mut requests = 0;
    for (name, status, tokens, becomes) in recordings {
        // A server that does not take the request may not know the format that it asks for.
        let is_refused = matches!(becomes, Permanent(_)) && *status == 400 && of == "openai";
        requests += if is_refused { 3 } else { 1 };
        let body = std::fs::read_to_string(folder(of).join(format!("{name}.json"))).unwrap();
        provider.always(Answer::Raw(*status, Vec::new(), body));
        let answered = captioner.ask(&subject()).await;
        assert!(
            becomes.is(&answered),
            "{name} became {:?} and not {becomes:?}",
            answered.result
        );
        let usage = (answered.usage.tokens_in, answered.usage.tokens_out);
        assert_eq!(usage, *tokens, "{name}");
        // Some providers repeat the key, or parts of it, in what they say about it.
        let shown = format!("{answered:?}");
        assert!(!shown.contains("lion"), "{name} shows the key: {shown}");
        if let Ok(caption) = &answered.result {
            assert_legal(caption);
        }
    }
    assert_eq!(provider.asked().len(), requests);
}

#[tokio::test]
async fn gemini_is_understood_as_it_was_recorded() {
    let provider = Provider::start().await;
    let [gemini, _] = asking(&provider);
    play(&provider, gemini.as_ref(), "gemini", GEMINI).await;
}

#[tokio::test]
async fn compatible_servers_are_understood_as_they_were_recorded() {
    let provider = Provider::start().await;
    let [_, openai] = asking(&provider);
    play(&provider, openai.as_ref(), "openai", OPENAI).await;
}

#[test]
fn every_recording_is_played_and_says_where_it_is_from() {
    let readme = std::fs::read_to_string(folder("README.md")).unwrap();
    for (of, recordings) in [("gemini", GEMINI), ("openai", OPENAI)] {
        let played: BTreeSet<String> = recordings
            .iter()
            .map(|(name, ..)| format!("{name}.json"))
            .collect();
        let there: BTreeSet<String> = std::fs::read_dir(folder(of))
            .unwrap()
            .map(|file| file.unwrap().file_name().into_string().unwrap())
            .collect();
        assert_eq!(played, there);
        for name in there {
            let row = format!("\n| `{of}/{name}` | ");
            assert!(readme.contains(&row), "{of}/{name} has no source");
        }
    }
}
