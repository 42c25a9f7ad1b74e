//! The steps: their names, their order and what is peculiar to each. A new step begins here; see
//! `docs/CONTRIBUTING.md`.

use std::fmt;
use std::str::FromStr;

use chrono::TimeDelta;
use sea_orm::entity::prelude::*;
use serde::{Deserialize, Serialize};

/// What is done to an image. No step waits for another.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Hash, EnumIter, DeriveActiveEnum, Serialize, Deserialize,
)]
#[sea_orm(rs_type = "String", db_type = "String(StringLen::N(16))")]
#[serde(rename_all = "lowercase")]
pub enum StepKind {
    /// Makes the thumbnail and the placeholder.
    #[sea_orm(string_value = "thumbnail")]
    Thumbnail,
    /// Makes the copy in which no face can be recognised.
    #[sea_orm(string_value = "anonymise")]
    Anonymise,
    /// Writes the caption.
    #[sea_orm(string_value = "annotate")]
    Annotate,
}

struct Facts {
    name: &'static str,
    label: &'static str,
    head_start: i64,
    asks_provider: bool,
}

impl StepKind {
    /// All steps in the order in which people see them: what a gallery needs first comes first.
    pub const ALL: [Self; 3] = [Self::Thumbnail, Self::Anonymise, Self::Annotate];

    const fn facts(self) -> Facts {
        match self {
            Self::Thumbnail => Facts {
                name: "thumbnail",
                label: "Thumbnail",
                head_start: 20,
                asks_provider: false,
            },
            Self::Anonymise => Facts {
                name: "anonymise",
                label: "Anonymised copy",
                head_start: 10,
                asks_provider: false,
            },
            // Last, because it can use the faces that `anonymise` found.
            Self::Annotate => Facts {
                name: "annotate",
                label: "Description",
                head_start: 0,
                asks_provider: true,
            },
        }
    }

    /// The name in addresses, settings, queues and JSON.
    pub const fn as_str(self) -> &'static str {
        self.facts().name
    }

    /// The name on pages.
    pub const fn label(self) -> &'static str {
        self.facts().label
    }

    /// How much earlier a job of this step is taken than one of the least urgent step that was
    /// queued at the same time. Age counts too, so no step starves.
    pub const fn head_start(self) -> TimeDelta {
        TimeDelta::seconds(self.facts().head_start)
    }

    /// Whether it asks a captioning provider, and so waits while captions are paused.
    pub const fn asks_provider(self) -> bool {
        self.facts().asks_provider
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
            .find(|kind| kind.as_str() == text)
            .ok_or(UnknownStep)
    }
}

/// The text names no step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UnknownStep;

impl fmt::Display for UnknownStep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = StepKind::ALL.map(StepKind::as_str);
        write!(f, "the steps are {}", names.join(", "))
    }
}

impl std::error::Error for UnknownStep {}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::fs;
    use std::path::{Path, PathBuf};

    use sea_orm::{ActiveEnum as _, Iterable as _};

    use super::StepKind;

    #[test]
    fn every_step_has_one_name_in_rows_json_and_addresses() {
        assert_eq!(StepKind::iter().count(), StepKind::ALL.len());
        for kind in StepKind::iter() {
            let name = kind.as_str();
            assert_eq!(kind.to_value(), name);
            assert_eq!(serde_json::to_value(kind).ok(), Some(name.into()));
            assert_eq!(name.parse(), Ok(kind));
            assert!(StepKind::ALL.contains(&kind), "{name}");
        }
    }

    /// Where the steps are listed in other languages.
    #[test]
    fn programs_and_terraform_have_the_same_steps() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        let steps: BTreeSet<String> = StepKind::ALL.map(|kind| kind.to_string()).into();

        let programs = files(&root.join("functions/src/bin"));
        let programs = programs
            .iter()
            .filter_map(|path| path.file_stem()?.to_str());
        assert_eq!(programs.map(str::to_owned).collect::<BTreeSet<_>>(), steps);

        let sizes = fs::read_to_string(root.join("terraform/sizes.tf")).unwrap_or_default();
        let defaults = sizes
            .split("function_defaults = {")
            .nth(1)
            .unwrap_or_default();
        let names = defaults
            .lines()
            .skip(1)
            .take_while(|line| line.starts_with("    "))
            .filter_map(|line| line.strip_prefix("    ")?.strip_suffix(" = {"))
            .filter(|name| !name.starts_with(' '));
        assert_eq!(
            names.map(str::to_owned).collect::<BTreeSet<_>>(),
            steps,
            "terraform/sizes.tf"
        );
    }

    fn files(folder: &Path) -> Vec<PathBuf> {
        let entries = fs::read_dir(folder).into_iter().flatten().flatten();
        entries
            .map(|entry| entry.path())
            .filter(|path| path.is_file())
            .collect()
    }
}
