//! Which functions there are, and what their names are everywhere.

use std::fmt;
use std::str::FromStr;

use sea_orm::entity::prelude::*;
use serde::{Deserialize, Serialize};

/// The functions an image goes through. None waits for another.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Hash, EnumIter, DeriveActiveEnum, Serialize, Deserialize,
)]
#[sea_orm(rs_type = "String", db_type = "String(StringLen::N(16))")]
#[serde(rename_all = "lowercase")]
pub enum StepKind {
    /// Makes the small picture and the placeholder.
    #[sea_orm(string_value = "thumbnail")]
    Thumbnail,
    /// Makes the copy in which no face can be recognised.
    #[sea_orm(string_value = "anonymise")]
    Anonymise,
    /// Writes the caption.
    #[sea_orm(string_value = "annotate")]
    Annotate,
}

impl StepKind {
    /// All of them, in the order in which they are best worked on: what people see first,
    /// then what the public may see, then what can use the faces the second one found.
    pub const ALL: [Self; 3] = [Self::Thumbnail, Self::Anonymise, Self::Annotate];

    /// The name in addresses, settings and JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Thumbnail => "thumbnail",
            Self::Anonymise => "anonymise",
            Self::Annotate => "annotate",
        }
    }
}

impl fmt::Display for StepKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for StepKind {
    type Err = UnknownStep;

    fn from_str(text: &str) -> Result<Self, UnknownStep> {
        Self::ALL
            .into_iter()
            .find(|name| name.as_str() == text)
            .ok_or(UnknownStep)
    }
}

/// The text names no step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UnknownStep;

impl fmt::Display for UnknownStep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("there are the steps thumbnail, anonymise and annotate")
    }
}

impl std::error::Error for UnknownStep {}
