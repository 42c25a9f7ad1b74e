//! The queries of the release desk.

use chrono::{Days, NaiveDate};
use sea_orm::entity::prelude::*;
use sea_orm::sea_query::{Expr, ExprTrait as _, IntoCondition as _, Query};
use sea_orm::{Condition, QueryOrder, QuerySelect};

use crate::image::{Author, Column, Entity, Review, stored};
use crate::keyset;
use crate::removal_request;
use crate::step::{self, StepKind, StepState};

/// What the desk shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Filter {
    /// Nobody has decided yet, there are uncertain boxes that are newer than the decision, or somebody
    /// asked to be covered.
    Unreviewed,
    Held,
    /// The copy cannot be made.
    Failed,
    /// A machine wrote the caption, and nobody has found it right.
    Unchecked,
    /// The captioner failed, or refused the picture.
    NotDescribed,
    /// Without a caption, and not decorative.
    WithoutAltText,
    Released,
    /// Public since before there was a release.
    Legacy,
    /// Somebody asked to be covered, and nobody has answered.
    Requests,
}

/// Which images of the desk are wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    pub filter: Filter,
    /// Who uploaded them; none for anybody.
    pub by: Option<String>,
    /// When they were uploaded, in UTC; none for any day.
    pub day: Option<NaiveDate>,
}

impl From<Filter> for Wanted {
    fn from(filter: Filter) -> Self {
        Self {
            filter,
            by: None,
            day: None,
        }
    }
}

impl Wanted {
    fn condition(&self) -> Condition {
        let mut all = Condition::all().add(self.filter.condition());
        if let Some(by) = &self.by {
            all = all.add(Column::UploadedBy.eq(by.as_str()));
        }
        if let Some(day) = self.day {
            let midnight = crate::call::midnight(day);
            all = all.add(Column::UploadedAt.gte(midnight));
            if let Some(next) = day.checked_add_days(Days::new(1)) {
                all = all.add(Column::UploadedAt.lt(crate::call::midnight(next)));
            }
        }
        all
    }
}

/// The images about which somebody asked to be covered, without an answer yet.
fn requested() -> Condition {
    Column::Id
        .in_subquery(
            Query::select()
                .column(removal_request::Column::ImageId)
                .from(removal_request::Entity)
                .and_where(removal_request::Column::State.eq(removal_request::State::Open))
                .take(),
        )
        .into_condition()
}

/// The images of which a step is in one of these states.
fn with_step(kind: StepKind, states: &[StepState]) -> Condition {
    Column::Id
        .in_subquery(
            Query::select()
                .column(step::Column::ImageId)
                .from(step::Entity)
                .and_where(step::Column::Name.eq(kind))
                .and_where(step::Column::State.is_in(states.iter().copied()))
                .take(),
        )
        .into_condition()
}

impl Filter {
    fn condition(self) -> Condition {
        match self {
            Self::Unreviewed => Condition::any()
                .add(Column::Review.eq(Review::Review))
                .add(requested())
                .add(
                    Condition::all()
                        .add(Column::Review.eq(Review::Released))
                        .add(Column::Uncertain.gt(0))
                        .add(
                            Expr::col((Entity, Column::BoxesVersion))
                                .gt(Expr::col((Entity, Column::ReleasedVersion))),
                        ),
                ),
            Self::Held => Column::Review.eq(Review::Held).into_condition(),
            Self::Failed => with_step(StepKind::Anonymise, &[StepState::Failed]),
            Self::Unchecked => Condition::all()
                .add(Column::CaptionBy.eq(Author::Machine))
                .add(Column::CaptionText.is_not_null())
                .add(Column::CaptionCheckedAt.is_null())
                .add(Column::Decorative.eq(false)),
            Self::NotDescribed => {
                with_step(StepKind::Annotate, &[StepState::Failed, StepState::Blocked])
            }
            Self::WithoutAltText => Condition::all()
                .add(Column::CaptionText.is_null())
                .add(Column::Decorative.eq(false)),
            Self::Released => Column::Review.eq(Review::Released).into_condition(),
            Self::Legacy => Column::Legacy.eq(true).into_condition(),
            Self::Requests => requested(),
        }
    }
}

/// The images of the desk, those that most need a look first.
pub fn page(wanted: &Wanted) -> Select<Entity> {
    stored()
        .filter(wanted.condition())
        .order_by_desc(Column::Risk)
        .order_by_asc(Column::Id)
}

/// Those after an image with this risk and id.
pub fn page_after(wanted: &Wanted, last: (i32, Uuid)) -> Select<Entity> {
    page(wanted).filter(keyset::after_in_mixed_order(
        (Column::Risk, Column::Id),
        last,
    ))
}

/// Those that can be released without a look at each: nothing about them is uncertain, and the second
/// look is finished.
pub fn certain() -> Select<Entity> {
    stored()
        .filter(Column::Review.eq(Review::Review))
        .filter(Column::Uncertain.eq(0))
        .filter(Column::SecondLookAt.is_not_null())
        .filter(
            Expr::col((Entity, Column::CopyVersion)).eq(Expr::col((Entity, Column::BoxesVersion))),
        )
        .order_by_asc(Column::Id)
}

/// Everybody who uploaded something.
pub fn uploaders() -> Select<Entity> {
    stored()
        .filter(Column::UploadedBy.is_not_null())
        .select_only()
        .column(Column::UploadedBy)
        .distinct()
        .order_by_asc(Column::UploadedBy)
}
