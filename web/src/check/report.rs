//! What a check found: counts, and a few examples of each kind, so that memory stays bounded.

use std::collections::BTreeMap;

use serde::Serialize;

/// Examples that are kept of each kind.
const EXAMPLES: usize = 10;

/// What can be wrong. The order is that of the report: what cannot be made again comes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Finding {
    OriginalMissing,
    OriginalWrongSize,
    OriginalWrongSha256,
    OriginalBadKey,
    OriginalWithoutRow,
    ThumbnailMissing,
    ThumbnailWrongSize,
    CopyMissing,
    CopyWrongSize,
    StepWithoutRow,
    StepWithoutResult,
    StepWithoutJob,
    LeaseWithoutWorker,
    UploadUnfinished,
    DeletionUnfinished,
    ThumbnailWithoutRow,
    CopyWithoutRow,
    UploadNeverCompleted,
}

impl Finding {
    /// In words for people.
    pub fn describe(self) -> &'static str {
        match self {
            Self::OriginalMissing => "originals are missing",
            Self::OriginalWrongSize => "originals have another size than their rows say",
            Self::OriginalWrongSha256 => "originals have another SHA-256 than their rows say",
            Self::OriginalBadKey => "rows have an object key that cannot be one",
            Self::OriginalWithoutRow => "originals have no row",
            Self::ThumbnailMissing => "thumbnails are missing",
            Self::ThumbnailWrongSize => "thumbnails have another size than their rows say",
            Self::CopyMissing => "anonymised copies, or their thumbnails, are missing",
            Self::CopyWrongSize => "anonymised copies have another size than their rows say",
            Self::StepWithoutRow => "images lack the row of a step",
            Self::StepWithoutResult => "steps are done without a result",
            Self::StepWithoutJob => "pending steps have no job",
            Self::LeaseWithoutWorker => "steps are leased or running without a worker",
            Self::UploadUnfinished => "uploads were cut short",
            Self::DeletionUnfinished => "deletions were cut short",
            Self::ThumbnailWithoutRow => "thumbnails belong to no row",
            Self::CopyWithoutRow => "anonymised copies belong to no row",
            Self::UploadNeverCompleted => "direct uploads were never completed",
        }
    }

    /// What a person has to do about it, where `--repair` does nothing.
    pub fn advice(self) -> Option<&'static str> {
        match self {
            Self::OriginalMissing | Self::OriginalWrongSize | Self::OriginalWrongSha256 => {
                Some("bring them back from a backup, or delete the images")
            }
            Self::OriginalBadKey => Some("restore the rows from a backup"),
            Self::OriginalWithoutRow => Some(
                "left as they are: save them elsewhere, take them in with `vitrine import`, then \
                 delete them by hand",
            ),
            _ => None,
        }
    }

    /// Whether `--repair` queues work for it, which a server does.
    pub fn is_for_a_server(self) -> bool {
        matches!(
            self,
            Self::ThumbnailMissing
                | Self::ThumbnailWrongSize
                | Self::CopyMissing
                | Self::CopyWrongSize
                | Self::StepWithoutRow
                | Self::StepWithoutResult
                | Self::StepWithoutJob
                | Self::LeaseWithoutWorker
        )
    }
}

/// How often something was found.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Tally {
    pub count: u64,
    /// How many of them are repaired, or will be by a running server.
    pub repaired: u64,
    /// Object keys, or images with their step.
    pub examples: Vec<String>,
}

/// The result of a check.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Report {
    /// Rows of images that were looked at.
    pub images: u64,
    /// Objects that were looked at.
    pub objects: u64,
    /// Originals that were read.
    pub originals_read: u64,
    pub findings: BTreeMap<Finding, Tally>,
}

impl Report {
    pub fn is_clean(&self) -> bool {
        self.findings.is_empty()
    }

    pub fn count(&self, finding: Finding) -> u64 {
        self.findings.get(&finding).map_or(0, |tally| tally.count)
    }

    pub(super) fn add(&mut self, finding: Finding, example: impl ToString, repaired: bool) {
        let tally = self.findings.entry(finding).or_default();
        tally.count += 1;
        tally.repaired += u64::from(repaired);
        if tally.examples.len() < EXAMPLES {
            tally.examples.push(example.to_string());
        }
    }
}
