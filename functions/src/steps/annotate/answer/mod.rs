//! What a model wrote. The prompt and the schema ask for one JSON object; models put it into
//! fences, after thoughts, into lists, and leave fields out. Whatever of it is usable becomes a
//! legal caption, everything else a reason.

mod end;
mod fields;
mod labels;
mod objects;
mod texts;

#[cfg(test)]
mod arbitrary_tests;
#[cfg(test)]
mod tests;

use serde_json::Value;

use super::lenient_json::Work;
use super::{Account, Caption, Prompt, Subject, markup, prose};
use entity::image::Translation;
use fields::Fields;
use labels::labelled;
use objects::{escaped_object, first_object, last_whole_object, object_without_brace};

pub(super) use end::End;

/// What was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Answer {
    pub(super) alt_text: String,
    pub(super) paragraph: Option<String>,
    pub(super) tags: Vec<String>,
    /// The same in the languages that the model named.
    pub(super) translations: Vec<Translation>,
}

/// What a model wrote, and how that ended.
#[derive(Clone, Debug, Default)]
pub(super) struct Written {
    pub(super) text: String,
    /// What the server took for the model's thoughts.
    pub(super) thoughts: String,
    pub(super) end: End,
}

/// Why there is no answer in what a model wrote.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Unread {
    /// Nothing was written.
    Empty,
    /// It was held back for its content.
    Blocked(String),
    /// It is of no use.
    Unusable(String),
}

impl Answer {
    /// The caption, with where it comes from. Of the translations only those count that were asked
    /// for.
    pub(super) fn into_caption(
        self,
        account: &Account,
        prompt: &Prompt,
        subject: &Subject,
    ) -> Caption {
        let wanted = subject.more_languages.iter();
        let translations = wanted.filter_map(|wanted| {
            let said = self
                .translations
                .iter()
                .find(|said| said.language.eq_ignore_ascii_case(wanted))?;
            Some(Translation {
                language: wanted.clone(),
                ..said.clone()
            })
        });
        let translations = translations.collect();
        Caption {
            text: self.alt_text,
            paragraph: self.paragraph,
            tags: self.tags,
            provider: account.provider.to_owned(),
            model: Some(account.model.clone()),
            prompt_version: Some(prompt.version().to_owned()),
            language: subject.language.clone(),
            translations,
        }
    }
}

impl Written {
    /// Finds the answer.
    pub(super) fn read(&self) -> Result<Answer, Unread> {
        if let End::Blocked(_) = self.end {
            return Err(self.end.unread(""));
        }
        let work = Work::on(self.text.len() + self.thoughts.len());
        let said = markup::after_thoughts(&self.text);
        let found = first_object(said, &work)
            .or_else(|| escaped_object(said, &work))
            .or_else(|| object_without_brace(said, &work));
        match found {
            Some((extent, fields)) if extent <= self.end.needs() => return fields.answer(),
            Some(_) => return Err(self.end.unread("it ends in the middle")),
            None => {}
        }
        let plain = markup::without_tokens(said);
        if let Some(fields) = self.without_json(&plain) {
            return fields.answer();
        }
        if prose::declines(plain.trim()) {
            return Err(Unread::Unusable(DECLINES.to_owned()));
        }
        // Models forget to end their thoughts, or end them after the answer.
        let in_thoughts = || {
            last_whole_object(&self.text, &work)
                .or_else(|| last_whole_object(&self.thoughts, &work))
        };
        if !said.contains('{')
            && let Some((_, fields)) = in_thoughts()
        {
            return fields.answer();
        }
        if plain.trim().is_empty() && matches!(self.end, End::Finished | End::Untold) {
            return Err(Unread::Empty);
        }
        Err(self.end.unread(
            "it is neither the JSON that was asked for nor one or two sentences about the picture",
        ))
    }

    /// What a model wrote that knows of no JSON.
    fn without_json(&self, plain: &str) -> Option<Fields> {
        let must_end = match self.end {
            End::Finished | End::Untold | End::Unknown(_) => false,
            End::Cut(_) => true,
            End::Failed(_) | End::Blocked(_) => return None,
        };
        labelled(plain)
            .filter(|_| !must_end)
            .or_else(|| Some(Fields::of_paragraph(&prose::read(plain, must_end)?)))
    }
}

const DECLINES: &str = "it declines to describe the picture";

/// Whether a server answered with the object itself, without anything around it.
pub(super) fn is_answer(value: &Value) -> bool {
    matches!(value, Value::Object(members) if Fields::of(members).is_some())
}
