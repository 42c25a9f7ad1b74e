//! Boxes in the JSON of the API.

use chrono::{DateTime, Utc};
use entity::image_box::{self, ByKind, Covers, Pass, Shape, State};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::json_enum::json_enum;

/// What is covered on the public copy, or left uncovered by a person's decision.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Box)]
pub struct BoxJson {
    id: Uuid,
    /// In pixels of the upright image.
    #[schema(minimum = 0)]
    x: i32,
    #[schema(minimum = 0)]
    y: i32,
    #[schema(minimum = 1)]
    width: i32,
    #[schema(minimum = 1)]
    height: i32,
    shape: ShapeJson,
    covers: CoversJson,
    state: StateJson,
    /// Why it is not covered.
    #[schema(required)]
    reason: Option<String>,
    by: ByJson,
    created_at: DateTime<Utc>,
}

/// Who made a box.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = BoxOrigin)]
struct ByJson {
    kind: KindJson,
    #[schema(required)]
    name: Option<String>,
    /// The detector with its version.
    #[schema(required)]
    version: Option<String>,
    #[schema(required)]
    pass: Option<PassJson>,
    /// The detector's confidence, from 0 to 1.
    #[schema(required)]
    score: Option<f32>,
}

json_enum! {
    ShapeJson as BoxShape for Shape {
        /// Around the box: it covers the box and more, as ears and hair line.
        Ellipse,
        /// The box and a little more.
        Rectangle,
    }
}

json_enum! {
    CoversJson as BoxCovers for Covers {
        Face,
        /// A badge, a number plate, a screen.
        Other,
    }
}

json_enum! {
    StateJson as BoxState for State {
        Cover,
        /// Not covered, because a person said so.
        Keep,
        /// Covered, and a person should look.
        Uncertain,
    }
}

json_enum! {
    KindJson as BoxOriginKind for ByKind {
        Detector,
        Person,
    }
}

json_enum! {
    /// The search in which a detector found it.
    PassJson as BoxPass for Pass {
        /// The first search of the original.
        First,
        /// The search of the finished copy.
        Second,
        /// A search by another version of the detector.
        Rerun,
    }
}

impl From<&image_box::Model> for BoxJson {
    fn from(row: &image_box::Model) -> Self {
        Self {
            id: row.id,
            x: row.x,
            y: row.y,
            width: row.width,
            height: row.height,
            shape: row.shape.into(),
            covers: row.covers.into(),
            state: row.state.into(),
            reason: row.reason.clone(),
            by: ByJson {
                kind: row.by_kind.into(),
                name: row.by_name.clone(),
                version: row.version.clone(),
                pass: row.pass.map(Into::into),
                score: row.score,
            },
            created_at: row.created_at,
        }
    }
}
