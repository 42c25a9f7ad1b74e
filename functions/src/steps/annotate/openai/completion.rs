//! A chat completion, in the shapes that servers and gateways send.

use serde_json::Value;

use crate::steps::annotate::Usage;
use crate::steps::annotate::answer::{Answer, End, Unread, Written, is_answer};
use crate::steps::annotate::reply::{self, Texts, field};

/// More alternatives than this are not looked at.
const MAX_CHOICES: usize = 8;

/// A chat completion, put together from however many values it came in.
#[derive(Default)]
pub(super) struct Completion {
    choices: Vec<Choice>,
    pub(super) usage: Usage,
}

/// One of the alternatives that a server offers.
#[derive(Default)]
struct Choice {
    /// Messages in one piece.
    whole: Texts,
    /// Pieces of a stream.
    pieces: Texts,
    end: End,
}

impl Completion {
    pub(super) fn of(values: &[Value]) -> Self {
        let mut completion = Self::default();
        for value in values {
            completion.add(without_wrapper(value));
        }
        if completion.choices.is_empty()
            && let [value] = values
            && is_answer(value)
        {
            completion.choice(0).whole.said = value.to_string();
        }
        completion
    }

    fn add(&mut self, value: &Value) {
        let choices = match &value["choices"] {
            Value::Array(choices) => choices.as_slice(),
            choice @ Value::Object(_) => std::slice::from_ref(choice),
            _ => &[],
        };
        for (n, part) in choices.iter().enumerate().take(MAX_CHOICES) {
            let n = part["index"].as_u64().map_or(n, |index| index as usize);
            let choice = self.choice(n);
            add_message(&mut choice.whole, &part["message"]);
            add_message(&mut choice.pieces, &part["delta"]);
            choice.whole.add(&part["text"]);
            choice.add_end(part);
        }
        self.add_other_shapes(value);
        // Ollama's own API counts beside the message.
        let counted = field(value, &["usage"]);
        let counted = if counted.is_null() { value } else { counted };
        let counts = [
            (
                &["prompt_tokens", "input_tokens", "prompt_eval_count"],
                &mut self.usage.tokens_in,
            ),
            (
                &["completion_tokens", "output_tokens", "eval_count"],
                &mut self.usage.tokens_out,
            ),
        ];
        for (names, tokens) in counts {
            *tokens = reply::count(field(counted, names)).or(*tokens);
        }
    }

    /// What Ollama's own API, OpenAI's responses, llama.cpp and text-generation-inference send,
    /// which gateways pass on.
    fn add_other_shapes(&mut self, value: &Value) {
        if !value["choices"].is_null() {
            return;
        }
        let mut texts = Texts::default();
        if value["message"].is_object() {
            add_message(&mut texts, &value["message"]);
        }
        for item in value["output"].as_array().into_iter().flatten() {
            if item["type"] == "reasoning" {
                texts.add_thoughts(item);
            } else {
                add_message(&mut texts, item);
            }
        }
        if texts.is_empty() {
            texts.add(field(
                value,
                &["response", "output_text", "generated_text", "content"],
            ));
        }
        if texts == Texts::default() {
            return;
        }
        let choice = self.choice(0);
        choice.pieces.said.push_str(&texts.said);
        choice.pieces.thoughts.push_str(&texts.thoughts);
        choice.pieces.refusal.push_str(&texts.refusal);
        choice.add_end(value);
    }

    fn choice(&mut self, n: usize) -> &mut Choice {
        let n = n.min(MAX_CHOICES);
        if self.choices.len() <= n {
            self.choices.resize_with(n + 1, Choice::default);
        }
        &mut self.choices[n]
    }

    /// The answer in the first choice that has one; nothing if no choice says anything.
    pub(super) fn read(self) -> Option<Result<Answer, Unread>> {
        let mut first = None;
        for choice in self.choices {
            let read = choice.written().read();
            if read.is_ok() {
                return Some(read);
            }
            first = first.or(Some(read));
        }
        first
    }
}

impl Choice {
    fn add_end(&mut self, value: &Value) {
        let names = [
            "finish_reason",
            "finishReason",
            "stop_reason",
            "done_reason",
        ];
        let name = field(value, &names);
        let name = name.as_str().or_else(|| name["type"].as_str());
        let end = End::named(name.unwrap_or_default());
        if end != End::Untold {
            self.end = end;
        }
    }

    fn written(self) -> Written {
        let Self { whole, pieces, end } = self;
        let refusal: String = [whole.refusal, pieces.refusal].concat();
        let end = match refusal.trim() {
            "" => end,
            refusal => End::Blocked(refusal.chars().take(200).collect()),
        };
        // Some streams end with the whole message once more.
        let is_streamed = !pieces.said.trim().is_empty();
        Written {
            text: if is_streamed { pieces.said } else { whole.said },
            thoughts: whole.thoughts + &pieces.thoughts,
            end,
        }
    }
}

/// A gateway's wrapper around a completion taken off.
fn without_wrapper(value: &Value) -> &Value {
    ["data", "result", "response", "body"]
        .iter()
        .map(|name| &value[*name])
        .find(|inner| value["choices"].is_null() && !inner["choices"].is_null())
        .unwrap_or(value)
}

fn add_message(texts: &mut Texts, message: &Value) {
    if message.is_string() {
        texts.add(message);
        return;
    }
    texts.add(&message["content"]);
    // Servers disagree on where a model's thoughts end, so the answer may be among them.
    for name in [
        "reasoning_content",
        "reasoning",
        "thinking",
        "reasoning_details",
        "parsed",
    ] {
        match &message[name] {
            parsed @ Value::Object(_) => texts.thoughts.push_str(&parsed.to_string()),
            thoughts => texts.add_thoughts(thoughts),
        }
    }
    for call in message["tool_calls"].as_array().into_iter().flatten() {
        match &call["function"]["arguments"] {
            Value::Null => {}
            Value::String(arguments) => texts.thoughts.push_str(arguments),
            arguments => texts.thoughts.push_str(&arguments.to_string()),
        }
    }
    if let Some(refusal) = message["refusal"].as_str() {
        texts.refusal.push_str(refusal);
    }
}
