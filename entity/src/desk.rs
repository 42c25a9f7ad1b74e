//! The queries of the release desk.

use sea_orm::entity::prelude::*;
use sea_orm::sea_query::{Expr, ExprTrait as _, IntoCondition as _, Query};
use sea_orm::{Condition, QueryOrder};

use crate::image::{Column, Entity, Review, stored};
use crate::step::{self, StepKind, StepState};

/// What the desk shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Filter {
    /// Nobody has decided yet, or there are uncertain boxes that are newer than the decision.
    Unreviewed,
    Held,
    /// The copy cannot be made.
    Failed,
    /// Without a caption.
    WithoutAltText,
    Released,
    /// Public since before there was a release.
    Legacy,
}

impl Filter {
    fn condition(self) -> Condition {
        match self {
            Self::Unreviewed => Condition::any().add(Column::Review.eq(Review::Review)).add(
                Condition::all()
                    .add(Column::Review.eq(Review::Released))
                    .add(Column::Uncertain.gt(0))
                    .add(
                        Expr::col((Entity, Column::BoxesVersion))
                            .gt(Expr::col((Entity, Column::ReleasedVersion))),
                    ),
            ),
            Self::Held => Column::Review.eq(Review::Held).into_condition(),
            Self::Failed => Column::Id
                .in_subquery(
                    Query::select()
                        .column(step::Column::ImageId)
                        .from(step::Entity)
                        .and_where(step::Column::Name.eq(StepKind::Anonymise))
                        .and_where(step::Column::State.eq(StepState::Failed))
                        .take(),
                )
                .into_condition(),
            Self::WithoutAltText => Column::CaptionText.is_null().into_condition(),
            Self::Released => Column::Review.eq(Review::Released).into_condition(),
            Self::Legacy => Column::Legacy.eq(true).into_condition(),
        }
    }
}

/// The images of the desk, those that most need a look first.
pub fn page(filter: Filter) -> Select<Entity> {
    stored()
        .filter(filter.condition())
        .order_by_desc(Column::Risk)
        .order_by_asc(Column::Id)
}

/// Those after an image with this risk and id.
pub fn page_after(filter: Filter, (risk, id): (i32, Uuid)) -> Select<Entity> {
    page(filter).filter(
        Condition::any().add(Column::Risk.lt(risk)).add(
            Condition::all()
                .add(Column::Risk.eq(risk))
                .add(Column::Id.gt(id)),
        ),
    )
}
