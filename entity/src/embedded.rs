//! The words that an uploaded file brought along. They may name people, so only those who manage the
//! gallery see them, until one of them makes them the picture's description.

use sea_orm::FromJsonQueryResult;
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, FromJsonQueryResult)]
#[serde(default)]
pub struct EmbeddedWords {
    /// IPTC `Alt Text (Accessibility)`.
    pub alt_text: Option<String>,
    /// IPTC `Extended Description (Accessibility)`.
    pub extended_description: Option<String>,
    /// IPTC `Description`, also called caption.
    pub caption: Option<String>,
    /// IPTC `Credit Line`.
    pub credit: Option<String>,
    pub copyright: Option<String>,
    pub keywords: Vec<String>,
}

impl EmbeddedWords {
    /// Characters of a text at most.
    pub const TEXT: usize = 2000;
    /// Keywords at most.
    pub const MAX_KEYWORDS: usize = 50;
    /// Characters of a keyword at most.
    pub const KEYWORD: usize = 100;
}
