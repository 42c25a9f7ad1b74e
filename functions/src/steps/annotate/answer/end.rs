//! Whether a text is whole: servers name its end in many ways, and some do not name it at all.

use super::Unread;
use crate::steps::annotate::lenient_json::Extent;

/// How a text ended, by what the server calls it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::steps::annotate) enum End {
    /// The server does not say.
    #[default]
    Untold,
    /// The model was done.
    Finished,
    /// The text was cut at a limit.
    Cut(String),
    /// Something went wrong.
    Failed(String),
    /// The text was held back for its content.
    Blocked(String),
    /// A name that is not known.
    Unknown(String),
}

impl End {
    /// The end of this name, in the spelling of whatever server.
    pub(in crate::steps::annotate) fn named(name: &str) -> Self {
        // Part of the answer, so not ours to repeat at any length.
        let told: String = name.trim().chars().take(40).collect();
        let name = told
            .to_ascii_lowercase()
            .replace(['-', ' '], "_")
            .trim_start_matches("finishreason.")
            .trim_start_matches("finish_reason_")
            .to_owned();
        let says = |words: &[&str]| words.iter().any(|word| name.contains(word));
        if matches!(name.as_str(), "" | "null" | "none" | "unspecified") {
            Self::Untold
        } else if says(&[
            "filter",
            "safety",
            "prohibited",
            "blocklist",
            "blocked",
            "spii",
            "refus",
            "sensitive",
            "moderation",
            "policy",
            "guardrail",
        ]) {
            Self::Blocked(told)
        } else if says(&[
            "error",
            "abort",
            "cancel",
            "fail",
            "timeout",
            "recitation",
            "malformed",
            "language",
        ]) {
            Self::Failed(told)
        } else if says(&[
            "length",
            "max_",
            "maxtokens",
            "limit",
            "truncat",
            "incomplete",
            "exceed",
        ]) {
            Self::Cut(told)
        } else if says(&[
            "stop", "eos", "end", "complete", "done", "finish", "success",
        ]) {
            Self::Finished
        } else {
            Self::Unknown(told)
        }
    }

    /// How much of the text has to be there after such an end. Where a server says that the model
    /// was done, a description whose paragraph lacks its end is what the model had to say.
    pub(super) fn needs(&self) -> Extent {
        match self {
            Self::Finished => Extent::Cut,
            Self::Untold | Self::Unknown(_) => Extent::Unclosed,
            Self::Cut(_) | Self::Failed(_) | Self::Blocked(_) => Extent::Whole,
        }
    }

    pub(super) fn unread(&self, otherwise: &str) -> Unread {
        match self {
            Self::Blocked(name) => Unread::Blocked(name.clone()),
            Self::Cut(name) | Self::Failed(name) | Self::Unknown(name) => {
                Unread::Unusable(format!("it ended with {name}"))
            }
            Self::Finished | Self::Untold => Unread::Unusable(otherwise.to_owned()),
        }
    }
}
