//! What models write around an answer: thoughts, and tokens that the server should have taken out.

/// Longer tags are none, in bytes.
const MAX_TAG: usize = 40;

/// Words in the tags of thoughts.
const THOUGHTS: [&str; 6] = [
    "think",
    "thought",
    "reason",
    "reflect",
    "analysis",
    "scratchpad",
];

/// What begins the answer in OpenAI's open models.
const FINAL: &str = "<|channel|>final<|message|>";

/// What follows a model's thoughts. They may lack their beginning, which then was part of the
/// prompt, or their end; then everything before them counts.
pub(super) fn after_thoughts(text: &str) -> &str {
    let mut from = text.rfind(FINAL).map_or(0, |at| at + FINAL.len());
    let mut to = None;
    for tag in Tags(text, from) {
        let name = tag.name.to_ascii_lowercase();
        if !THOUGHTS.iter().any(|word| name.contains(word)) {
            continue;
        }
        let name = name.trim_start_matches('|');
        if name.starts_with('/') || name.starts_with("end") {
            (from, to) = (tag.end, None);
        } else {
            to = to.or(Some(tag.start));
        }
    }
    // In the same models, a channel lasts until the next.
    let to = to.or_else(|| text[from..].find("<|channel|>analysis").map(|at| from + at));
    text[from..to.unwrap_or(text.len())]
        .trim_matches(|c: char| c.is_whitespace() || c == '\u{feff}')
}

/// Without `<|end_of_box|>`, `</s>`, `<end_of_turn>`, `<answer>` and the like.
pub(super) fn without_tokens(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut from = 0;
    for tag in Tags(text, 0) {
        if tag.start >= from && is_token(tag.name) {
            plain.push_str(&text[from..tag.start]);
            plain.push(' ');
            from = tag.end;
        }
    }
    plain.push_str(&text[from..]);
    plain.replace('\u{feff}', " ")
}

fn is_token(name: &str) -> bool {
    const NAMES: [&str; 12] = [
        "s",
        "eos",
        "bos",
        "pad",
        "unk",
        "answer",
        "output",
        "response",
        "result",
        "json",
        "end_of_turn",
        "start_of_turn",
    ];
    let is_piped = name.len() > 2 && name.starts_with('|') && name.ends_with('|');
    is_piped || NAMES.contains(&name.trim_start_matches('/').to_ascii_lowercase().as_str())
}

/// One level of backslashes taken off.
pub(super) fn unescaped(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match c {
            '\\' => match chars.next() {
                Some('n' | 'r' | 't') => plain.push(' '),
                // Left to the reader of the JSON.
                Some('u') => plain.push_str("\\u"),
                Some(c) => plain.push(c),
                None => {}
            },
            c => plain.push(c),
        }
    }
    plain
}

struct Tag<'a> {
    start: usize,
    end: usize,
    name: &'a str,
}

/// All tags in a text, from a position on: `<name>`, `[name]`, and `◁name▷` as Kimi writes.
struct Tags<'a>(&'a str, usize);

impl<'a> Iterator for Tags<'a> {
    type Item = Tag<'a>;

    fn next(&mut self) -> Option<Tag<'a>> {
        let Self(text, from) = self;
        loop {
            let start = *from + text[*from..].find(['<', '[', '◁'])?;
            let open = text[start..].chars().next()?;
            let close = match open {
                '<' => '>',
                '[' => ']',
                _ => '▷',
            };
            let begin = start + open.len_utf8();
            *from = begin;
            let inner = text[begin..].char_indices().take(MAX_TAG);
            let end = inner
                .take_while(|(_, c)| *c != open)
                .find(|(_, c)| *c == close);
            if let Some((length, close)) = end {
                let end = begin + length;
                *from = end + close.len_utf8();
                return Some(Tag {
                    start,
                    end: *from,
                    name: &text[begin..end],
                });
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thoughts_are_left_out() {
        for text in [
            "A dog.",
            "<think>\nA cat?\n</think>\n\nA dog.",
            "<think></think>A dog.",
            "A cat? </think> A dog.",
            "<THINKING>A cat?</THINKING> A dog.",
            "[THINK]A cat?[/THINK]A dog.",
            "◁think▷A cat?◁/think▷A dog.",
            "<seed:think>A cat?</seed:think>A dog.",
            "<|begin_of_thought|>A cat?<|end_of_thought|>A dog.",
            "<think>A cat?</think> <think>A cow?</think> A dog.",
            "A dog. <think>A cat?",
            "\u{feff}A dog.",
            "<|channel|>analysis<|message|>A cat?<|end|><|start|>assistant<|channel|>final<|message|>A dog.",
        ] {
            assert_eq!(after_thoughts(text), "A dog.", "{text}");
        }
    }

    #[test]
    fn tokens_are_left_out() {
        for text in [
            "<|begin_of_box|>A dog.<|end_of_box|>",
            "A dog.</s>",
            "<answer>A dog.</answer>",
            "A dog.<end_of_turn>",
        ] {
            assert_eq!(without_tokens(text).trim(), "A dog.", "{text}");
        }
        assert_eq!(without_tokens("1 < 2 > 0 <b>"), "1 < 2 > 0 <b>");
    }
}
