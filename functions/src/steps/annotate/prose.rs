//! Answers in plain prose. One or two sentences that describe a picture can be its alt text;
//! apologies, small talk and error messages must not be.

/// Longer prose is no alt text, in characters.
const MAX_PROSE: usize = 600;

/// How refusals begin, in lower case, in the languages that captions are most often asked for in.
#[rustfmt::skip]
const REFUSALS: &[&str] = &[
    "sorry,", "sorry.", "sorry!", "sorry but", "i'm sorry", "i am sorry", "i'm very sorry",
    "i apologize", "i apologise", "apologies", "my apologies", "unfortunately, i", "unfortunately i",
    "i cannot", "i can't", "i can not", "i could not", "i couldn't", "i'm unable", "i am unable", "i'm not able",
    "i am not able", "i won't", "i will not", "i'm afraid", "i am afraid", "i don't", "i do not",
    "as an ai", "as a language model", "as a text", "no image", "there is no image", "the image is not visible",
    "the image could not", "the image cannot", "unable to", "cannot ", "can't ",
    "es tut mir leid", "tut mir leid", "entschuldigung", "ich kann ", "leider kann ich", "leider ist es mir",
    "ich bin nicht in der lage", "ich habe keinen", "ich sehe kein", "als ki",
    "je suis désolé", "désolé", "je ne peux", "je ne suis pas", "malheureusement, je",
    "lo siento", "no puedo", "lamentablemente, no", "mi dispiace", "non posso", "purtroppo non",
    "desculpe", "sinto muito", "não posso", "het spijt me", "helaas kan ik", "ik kan ",
    "przepraszam", "nie mogę", "tyvärr", "jag kan inte", "beklager", "jeg kan ikke", "anteeksi",
    "извините", "я не могу", "к сожалению, я", "抱歉", "很抱歉", "对不起", "對不起", "我无法", "我無法", "无法", "無法",
    "申し訳", "すみません", "画像を表示", "画像が", "죄송",
];

/// What no description of a picture says, in lower case.
#[rustfmt::skip]
const OF_A_MODEL: &[&str] = &[
    "as an ai", "language model", "cannot assist", "can't assist", "can't help with", "cannot help with",
    "cannot view images", "can't view images", "cannot see images", "can't see images", "unable to view the",
    "unable to see the", "unable to process", "unable to describe", "cannot describe", "can't describe",
    "no image was", "no image provided",
];

/// Words before an answer, in lower case. A punctuation mark follows.
#[rustfmt::skip]
const OPENERS: &[&str] = &[
    "sure", "sure thing", "certainly", "of course", "absolutely", "okay", "ok", "great", "done", "yes",
    "gerne", "natürlich", "bien sûr", "claro", "certo",
];

/// How sentences after an answer begin, in lower case.
#[rustfmt::skip]
const CLOSERS: &[&str] = &[
    "let me know", "would you like", "do you want", "is there anything", "anything else", "feel free",
    "i hope", "hope this", "hope that", "here you go",
];

/// How words that end in a colon before an answer begin, in lower case.
#[rustfmt::skip]
const PREAMBLES: &[&str] = &[
    "here is", "here's", "here are", "hier ist", "hier sind", "voici", "aquí", "ecco", "answer", "output",
    "final answer", "result", "response", "the alt text", "the description", "the answer", "the caption",
];

/// Words that begin messages of software rather than descriptions.
#[rustfmt::skip]
const OF_SOFTWARE: &[&str] = &[
    "error", "exception", "traceback", "failed", "failure", "timeout", "invalid", "internal",
    "null", "undefined", "hello", "hi", "thanks", "thank", "json", "please", "test",
];

/// What stands in a field that was not filled in.
#[rustfmt::skip]
const PLACEHOLDERS: &[&str] = &[
    "string", "text", "alt text", "alt_text", "null", "none", "n/a", "na", "undefined", "unknown",
    "todo", "description", "caption",
];

/// The description in an answer of prose, without the words around it. With `must_end` it has to
/// come to the end of a sentence.
pub(super) fn read(text: &str, must_end: bool) -> Option<String> {
    let lines: Vec<&str> = text.lines().map(str::trim).collect();
    let lines = lines.iter().filter(|line| !line.starts_with("```"));
    let text = lines
        .copied()
        .collect::<Vec<_>>()
        .join(" ")
        .replace("**", "");
    let text = text
        .trim_matches(['`', ' '])
        .trim_start_matches(['#', '>', ' ']);
    let text = without_quotes(after_preamble(text));
    if text.chars().count() > MAX_PROSE
        || text.contains(['{', '}', '[', ']', '<', '>', '\\', '`', '|'])
    {
        return None;
    }
    let mut sentences = sentences(text);
    while sentences.last().is_some_and(|last| is_small_talk(last)) {
        sentences.pop();
    }
    let talk = sentences
        .iter()
        .take_while(|first| is_small_talk(first))
        .count();
    sentences.drain(..talk);
    if !(1..=2).contains(&sentences.len()) {
        return None;
    }
    let text = without_quotes(&sentences.join(" ")).to_owned();
    let ends = text
        .trim_end_matches(['"', '\'', '”', '’', ')', '»'])
        .ends_with(['.', '!', '。', '！', '…']);
    let is_description = !text.ends_with(['?', ':', '？', '：'])
        && (ends || !must_end)
        && !declines(&text)
        && !speaks_of_itself(&text)
        && !is_of_software(&text)
        && !is_degenerate(&text)
        && !text.contains("://");
    is_description.then_some(text)
}

/// Whether it says that there will be no description.
pub(super) fn declines(text: &str) -> bool {
    let text = text.to_lowercase().replace('’', "'");
    REFUSALS.iter().any(|refusal| text.starts_with(refusal))
        || OF_A_MODEL.iter().any(|words| text.contains(words))
}

/// Whether a field has nothing in it that describes a picture.
pub(super) fn says_nothing(text: &str) -> bool {
    let word = text
        .trim_matches(|c: char| !c.is_alphanumeric())
        .to_lowercase();
    !text.chars().any(char::is_alphanumeric)
        || PLACEHOLDERS.contains(&word.as_str())
        // The words of the prompt.
        || word.starts_with("one sentence")
}

/// As many of the first sentences as fit into `limit` characters, at least one.
pub(super) fn opening(text: &str, limit: usize) -> String {
    let mut opening = String::new();
    for sentence in sentences(text) {
        let length = opening.chars().count() + 1 + sentence.chars().count();
        if !opening.is_empty() && length > limit {
            break;
        }
        if !opening.is_empty() {
            opening.push(' ');
        }
        opening.push_str(sentence);
    }
    opening
}

/// What follows "Here is the alt text:" and the like.
fn after_preamble(text: &str) -> &str {
    let mut colons = text.char_indices().take(120);
    let Some((at, colon)) = colons.find(|(_, c)| matches!(c, ':' | '：')) else {
        return text;
    };
    let before = text[..at].to_lowercase().replace('’', "'");
    let is_preamble = PREAMBLES.iter().any(|words| before.starts_with(words))
        || begins_with_opener(&before)
        || OPENERS.contains(&before.as_str());
    if is_preamble {
        text[at + colon.len_utf8()..].trim()
    } else {
        text
    }
}

/// Without quotes that enclose all of it.
pub(super) fn without_quotes(text: &str) -> &str {
    let text = text.trim();
    for (open, close) in [
        ('"', '"'),
        ('“', '”'),
        ('„', '“'),
        ('\'', '\''),
        ('«', '»'),
        ('*', '*'),
        ('_', '_'),
    ] {
        let inner = text
            .strip_prefix(open)
            .and_then(|rest| rest.strip_suffix(close));
        if let Some(inner) = inner.filter(|inner| !inner.contains([open, close])) {
            return inner.trim();
        }
    }
    text
}

fn is_small_talk(sentence: &str) -> bool {
    let sentence = sentence.to_lowercase().replace('’', "'");
    CLOSERS.iter().any(|closer| sentence.starts_with(closer))
        || OPENERS.contains(&sentence.trim_end_matches(['.', '!', ',']))
        || (begins_with_opener(&sentence) && sentence.ends_with(':'))
}

fn begins_with_opener(lower: &str) -> bool {
    OPENERS.iter().any(|opener| {
        let rest = lower.strip_prefix(opener);
        rest.is_some_and(|rest| rest.starts_with([',', '!', '.']))
    })
}

/// English for "me": the model speaks of itself and not of the picture.
fn speaks_of_itself(text: &str) -> bool {
    text.split(|c: char| !c.is_alphanumeric())
        .any(|word| word == "I")
}

fn is_of_software(text: &str) -> bool {
    let lower = text.to_lowercase();
    let mut first = lower.split(|c: char| !c.is_alphanumeric());
    first
        .by_ref()
        .take(2)
        .any(|word| OF_SOFTWARE.contains(&word))
        || lower.contains("alt_text")
        || lower.contains("json")
}

/// A word alone, signs, or the same words over and over, as models with a broken vision part write.
fn is_degenerate(text: &str) -> bool {
    let letters = text.chars().filter(|c| c.is_alphabetic()).count();
    if 2 * letters < text.chars().count() {
        return true;
    }
    // Chinese, Japanese and Thai do without spaces.
    let spaceless = text.chars().filter(|c| ('\u{e00}'..).contains(c)).count();
    if spaceless >= 4 {
        let mut distinct: Vec<char> = text.chars().collect();
        distinct.sort_unstable();
        distinct.dedup();
        return distinct.len() < 4;
    }
    let words: Vec<String> = text.split_whitespace().map(str::to_lowercase).collect();
    let mut distinct = words.clone();
    distinct.sort_unstable();
    distinct.dedup();
    words.len() < 2 || distinct.len() < 2 || (words.len() > 6 && 2 * distinct.len() < words.len())
}

/// The sentences of a text of one line.
fn sentences(text: &str) -> Vec<&str> {
    let mut sentences = Vec::new();
    let mut from = 0;
    let mut chars = text.char_indices().peekable();
    while let Some((at, c)) = chars.next() {
        let is_wide = matches!(c, '。' | '！' | '？');
        if !is_wide && !matches!(c, '.' | '!' | '?' | '…') {
            continue;
        }
        let mut end = at + c.len_utf8();
        while let Some((at, c)) = chars.next_if(|(_, c)| {
            matches!(
                c,
                '.' | '!' | '?' | '"' | '\'' | '”' | '’' | ')' | '»' | '」'
            )
        }) {
            end = at + c.len_utf8();
        }
        let is_last = text[end..].trim().is_empty();
        let is_spaced = chars.peek().is_none_or(|(_, c)| c.is_whitespace());
        if is_last || is_wide || (is_spaced && !is_abbreviation(&text[from..at], c)) {
            sentences.push(text[from..end].trim());
            from = end;
        }
    }
    sentences.push(text[from..].trim());
    sentences.retain(|sentence| !sentence.is_empty());
    sentences
}

/// Whether a full stop belongs to a word such as "St.", "Mrs." or "U.S.".
fn is_abbreviation(before: &str, stop: char) -> bool {
    let word = before
        .rsplit(char::is_whitespace)
        .next()
        .unwrap_or_default();
    let length = word.chars().count();
    stop == '.'
        && word.starts_with(char::is_uppercase)
        && (length == 1
            || word.contains('.')
            || matches!(
                word,
                "St" | "Mr" | "Mrs" | "Ms" | "Dr" | "Jr" | "Sr" | "Mt" | "Ft" | "No"
            ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_or_two_sentences_that_describe_are_alt_text() {
        for (text, expected) in [
            (
                "A brown dog runs on wet sand.",
                "A brown dog runs on wet sand.",
            ),
            ("A brown dog on wet sand", "A brown dog on wet sand"),
            ("\"A brown dog runs.\"", "A brown dog runs."),
            ("**A brown dog runs.**", "A brown dog runs."),
            ("A dog runs. A child laughs!", "A dog runs. A child laughs!"),
            ("Sure! A brown dog runs.", "A brown dog runs."),
            (
                "Sure, here is the alt text: \"A brown dog runs.\"",
                "A brown dog runs.",
            ),
            (
                "A brown dog runs. Let me know if you need more!",
                "A brown dog runs.",
            ),
            (
                "Mr. Bean stands in front of St. Paul's. It rains.",
                "Mr. Bean stands in front of St. Paul's. It rains.",
            ),
            (
                "Ein Hund läuft über nassen Sand.",
                "Ein Hund läuft über nassen Sand.",
            ),
            ("一只狗在沙滩上奔跑。", "一只狗在沙滩上奔跑。"),
        ] {
            assert_eq!(read(text, false).as_deref(), Some(expected), "{text}");
        }
    }

    #[test]
    fn prose_that_does_not_describe_is_no_alt_text() {
        for text in [
            "",
            "Dog",
            "Done.",
            "!!!!!!!!!!!!",
            "G G G G G G G G",
            "dog dog dog dog dog dog dog dog",
            "I'm sorry, but I can't assist with that.",
            "I’m sorry, but I can’t assist with that.",
            "Sorry, no.",
            "A dog, I think.",
            "Unfortunately, the model is unable to process this picture.",
            "Es tut mir leid, ich kann das Bild nicht sehen.",
            "Je suis désolé, je ne peux pas décrire cette image.",
            "Lo siento, no puedo ver la imagen.",
            "抱歉，我无法查看图片。",
            "申し訳ありませんが、画像を表示できません。",
            "Please upload the photo again.",
            "Hello! How can I help you today?",
            "What would you like to know about this photo?",
            "Here is the JSON:",
            "Error: out of memory.",
            "Generation failed: no pixel values.",
            "A dog runs. A child laughs. The sun shines.",
            "{\"alt_text\": \"A dog",
            "See https://example.org/dog for it.",
        ] {
            assert_eq!(read(text, false), None, "{text}");
        }
        assert_eq!(read("A brown dog runs on", true), None);
    }

    #[test]
    fn a_sign_in_the_picture_may_say_what_a_model_would() {
        assert!(!declines(
            "A poster reads \"I can't breathe\" in white letters."
        ));
        assert!(!says_nothing("Text on a wall: stop."));
        assert!(says_nothing("string") && says_nothing("...") && says_nothing("N/A"));
    }

    #[test]
    fn a_paragraph_opens_with_as_many_sentences_as_fit() {
        assert_eq!(
            opening("One dog. Two dogs. Three dogs.", 20),
            "One dog. Two dogs."
        );
        assert_eq!(
            opening("One very long sentence.", 3),
            "One very long sentence."
        );
    }
}
