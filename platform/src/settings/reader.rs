//! Reads single variables and phrases what is wrong with them.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::ops::RangeInclusive;
use std::str::FromStr;

use super::table::{self, Entry};

/// What is wrong with the settings, in one sentence for the operator.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct SettingError(String);

impl SettingError {
    pub(super) fn new(sentence: String) -> Self {
        Self(sentence)
    }
}

pub(super) struct Reader {
    variables: BTreeMap<String, String>,
}

impl Reader {
    pub(super) fn new(variables: impl IntoIterator<Item = (String, String)>) -> Self {
        let variables = variables
            .into_iter()
            .filter(|(_, value)| !value.trim().is_empty())
            .collect();
        Self { variables }
    }

    pub(super) fn text(&self, name: &str) -> Option<&str> {
        self.variables.get(name).map(String::as_str)
    }

    pub(super) fn pairs(&self) -> impl Iterator<Item = (&str, &str)> {
        let pairs = self.variables.iter();
        pairs.map(|(name, value)| (name.as_str(), value.as_str()))
    }

    pub(super) fn fill(&mut self, name: &str, value: &str) {
        self.variables.insert(name.to_owned(), value.to_owned());
    }

    pub(super) fn text_or<'a>(&'a self, name: &str, default: &'a str) -> &'a str {
        self.text(name).unwrap_or(default)
    }

    pub(super) fn parse_or<T: FromStr>(&self, name: &str, default: T) -> Result<T, SettingError> {
        Ok(self.parse(name)?.unwrap_or(default))
    }

    pub(super) fn parse<T: FromStr>(&self, name: &str) -> Result<Option<T>, SettingError> {
        let Some(value) = self.text(name) else {
            return Ok(None);
        };
        let value = value.trim().parse();
        value
            .map(Some)
            .map_err(|_| self.bad(name, "cannot be read"))
    }

    pub(super) fn number<T>(
        &self,
        name: &str,
        default: T,
        range: RangeInclusive<T>,
    ) -> Result<T, SettingError>
    where
        T: FromStr + PartialOrd + Display,
    {
        let value = self.parse_or(name, default)?;
        if range.contains(&value) {
            return Ok(value);
        }
        let (low, high) = range.into_inner();
        Err(self.bad(name, &format!("is not between {low} and {high}")))
    }

    pub(super) fn choice<T: Copy>(
        &self,
        name: &str,
        default: T,
        choices: &[(&str, T)],
    ) -> Result<T, SettingError> {
        let Some(value) = self.text(name) else {
            return Ok(default);
        };
        choices
            .iter()
            .find(|(word, _)| *word == value)
            .map(|(_, choice)| *choice)
            .ok_or_else(|| {
                let words: Vec<_> = choices.iter().map(|(word, _)| *word).collect();
                self.bad(name, &format!("is not one of {}", words.join(", ")))
            })
    }

    /// The error for an invalid value. It repeats the value, so never use it for a secret.
    pub(super) fn bad(&self, name: &str, why: &str) -> SettingError {
        let value = self.text(name).unwrap_or_default();
        let example = table::find(name).map_or("", |entry| entry.example);
        SettingError(format!(
            "{name}={value} {why}; an example is {name}={example}"
        ))
    }

    /// The error for a missing value that another setting needs, with the alternative.
    pub(super) fn missing(&self, name: &str, why: &str, instead: &str) -> SettingError {
        let example = table::find(name).map_or("", |entry| entry.example);
        SettingError(format!(
            "{name} is not set, but {why}; an example is {name}={example}, {instead}"
        ))
    }

    /// Variables that look like settings and are unknown: probably misspelt.
    pub(super) fn unknown(&self) -> Vec<String> {
        self.variables
            .keys()
            .filter(|name| name.starts_with("VITRINE_") && table::find(name).is_none())
            .map(|name| match nearest(name) {
                Some(entry) => format!("{name} is no setting; did you mean {}?", entry.name),
                None => format!("{name} is no setting and has no effect"),
            })
            .collect()
    }
}

/// The setting with the most similar name, if it is similar.
fn nearest(name: &str) -> Option<&'static Entry> {
    table::TABLE
        .iter()
        .map(|entry| (strsim::levenshtein(name, entry.name), entry))
        .filter(|(distance, _)| *distance <= 3)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, entry)| entry)
}
