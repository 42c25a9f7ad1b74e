//! The boxes of an image in rows: what detectors add, and what people change.
//!
//! Every change takes the next number of `image.boxes_version`, and the copy is remade from the boxes
//! of one number. A detector only adds boxes. A person replaces the set, and what they remove stays as
//! history. If what a person wants covers less than before on a released image, it goes back to review
//! at once, before the copy is remade.

use chrono::{DateTime, Utc};
use entity::change::{self, Kind};
use entity::image::{self, Audience, Column, Model, Review};
use entity::image_box::{self, ActiveModel, ByKind, Covers, Pass, Shape, State};
use entity::publication_record::Action;
use entity::step::{self, StepKind};
use platform::database::{begin_write, retry_conflicts};
use sea_orm::ActiveValue::Set;
use sea_orm::sea_query::Expr;
use sea_orm::{
    ColumnTrait as _, ConnectionTrait, DatabaseConnection, DatabaseTransaction, DbErr,
    EntityTrait as _, QueryFilter as _, QuerySelect as _,
};
use uuid::Uuid;

use crate::pipeline::dispatch::Dispatch;
use crate::pipeline::release;
use crate::steps::annotate::Known;
use crate::steps::anonymise::{Difficulty, Found, Region, covers_at_least};

/// A box as a person wants it.
#[derive(Clone, Debug, PartialEq)]
pub struct Drawn {
    /// The box that it is, or takes the place of; none for a new one.
    pub id: Option<Uuid>,
    pub x: i32,
    pub y: i32,
    pub width: i32,
    pub height: i32,
    /// None for that of the box in whose place it comes; of a new one, what fits what it covers.
    pub shape: Option<Shape>,
    /// None for what the box in whose place it comes covers; of a new one, a face.
    pub covers: Option<Covers>,
    pub state: State,
    /// Why it stays uncovered.
    pub reason: Option<String>,
}

/// What became of a person's change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Replaced {
    /// The boxes have this version now; if nothing differed, it is the one from before.
    Saved(i32),
    /// The change was made on boxes of an earlier version than this one.
    Stale(i32),
    Gone,
}

/// The region that a box stands for.
pub fn region(row: &image_box::Model) -> Region {
    Region {
        x: row.x,
        y: row.y,
        width: row.width.unsigned_abs(),
        height: row.height.unsigned_abs(),
        shape: row.shape,
    }
}

/// What is covered, and what is not to be: the regions of an image in a version of its boxes.
#[derive(Clone, Debug, Default)]
pub(crate) struct Regions {
    pub(crate) cover: Vec<Region>,
    pub(crate) spared: Vec<Region>,
    /// The number of boxes that are surely faces.
    pub(crate) faces: usize,
}

impl From<Regions> for Known {
    fn from(regions: Regions) -> Self {
        Self {
            cover: regions.cover,
            faces: regions.faces,
        }
    }
}

pub(crate) async fn regions<C: ConnectionTrait>(db: &C, image: &Model) -> Result<Regions, DbErr> {
    let version = image.boxes_version;
    let boxes = image_box::at_version(image.id, version).all(db).await?;
    let set_aside = image_box::set_aside(image.id, version).all(db).await?;
    let (cover, kept): (Vec<_>, Vec<_>) = boxes.iter().partition(|row| row.state.is_covered());
    Ok(Regions {
        faces: cover
            .iter()
            .filter(|row| row.covers == Covers::Face && row.state == State::Cover)
            .count(),
        cover: cover.into_iter().map(region).collect(),
        spared: kept.into_iter().chain(&set_aside).map(region).collect(),
    })
}

/// Replaces the boxes of an image by those that a person wants, if they are still of version
/// `expected`, and has the copy remade.
pub async fn replace(
    db: &DatabaseConnection,
    dispatch: &Dispatch,
    id: Uuid,
    expected: i32,
    wanted: Vec<Drawn>,
    by: Option<&str>,
) -> Result<Replaced, DbErr> {
    retry_conflicts(|| replace_once(db, dispatch, id, expected, wanted.clone(), by)).await
}

async fn replace_once(
    db: &DatabaseConnection,
    dispatch: &Dispatch,
    id: Uuid,
    expected: i32,
    wanted: Vec<Drawn>,
    by: Option<&str>,
) -> Result<Replaced, DbErr> {
    let now = entity::now();
    let tx = begin_write(db).await?;
    // Lock order: step, then image.
    step::new_round(now)
        .filter(step::Column::ImageId.eq(id))
        .filter(step::Column::Name.eq(StepKind::Anonymise))
        .exec(&tx)
        .await?;
    let found = image::visible_by_id(&Audience::Staff, id).lock_exclusive();
    let Some(image) = found.one(&tx).await? else {
        return Ok(Replaced::Gone);
    };
    if image.boxes_version != expected {
        return Ok(Replaced::Stale(image.boxes_version));
    }
    let before = image_box::of(id).all(&tx).await?;
    let version = image.boxes_version + 1;
    let mut changed = false;
    let mut kept = Vec::new();
    for drawn in wanted {
        let old = before
            .iter()
            .find(|row| Some(row.id) == drawn.id && !kept.contains(&row.id));
        if let Some(old) = old {
            kept.push(old.id);
            if drawn.is_the_same_as(old) {
                continue;
            }
        }
        changed = true;
        let row = drawn.into_row(id, old, version, now, by);
        if let Some(old) = old {
            remove(&tx, old.id, version, now, by, row.id.clone().take()).await?;
        }
        image_box::Entity::insert(row)
            .exec_without_returning(&tx)
            .await?;
    }
    for row in before.iter().filter(|row| !kept.contains(&row.id)) {
        changed = true;
        remove(&tx, row.id, version, now, by, None).await?;
    }
    if !changed {
        return Ok(Replaced::Saved(image.boxes_version));
    }
    let after = image_box::of(id).all(&tx).await?;
    let mut update = image::Entity::update_many()
        .filter(Column::Id.eq(id))
        .col_expr(Column::BoxesVersion, Expr::value(version))
        .col_expr(Column::Uncertain, Expr::value(uncertain(&after)));
    let is_released = image.review == Review::Released;
    let covers_less = !covers_at_least(
        &covered(&after),
        &covered(&before),
        (image.width.unsigned_abs(), image.height.unsigned_abs()),
    );
    if is_released && !covers_less {
        update = update.col_expr(Column::ReleasedVersion, Expr::value(version));
    }
    update.exec(&tx).await?;
    let image = Model {
        boxes_version: version,
        ..image
    };
    if is_released {
        if covers_less {
            release::take_back(&tx, &image, Review::Review, by, now).await?;
        } else {
            release::record(&tx, &image, Action::Revised, by, now).await?;
        }
    }
    dispatch.push(&tx, &[(id, StepKind::Anonymise)]).await?;
    if is_released {
        // Visitors are shown nothing until the copy covers what it has to.
        change::record(&tx, id, Kind::Withdrawn).await?;
    }
    change::record(&tx, id, Kind::Image).await?;
    tx.commit().await?;
    dispatch.notify();
    Ok(Replaced::Saved(version))
}

async fn remove(
    tx: &DatabaseTransaction,
    id: Uuid,
    version: i32,
    now: DateTime<Utc>,
    by: Option<&str>,
    replaced_by: Option<Uuid>,
) -> Result<(), DbErr> {
    image_box::Entity::update_many()
        .filter(image_box::Column::Id.eq(id))
        .col_expr(image_box::Column::RemovedIn, Expr::value(version))
        .col_expr(image_box::Column::RemovedAt, Expr::value(now))
        .col_expr(
            image_box::Column::RemovedBy,
            Expr::value(by.map(str::to_owned)),
        )
        .col_expr(image_box::Column::ReplacedBy, Expr::value(replaced_by))
        .exec(tx)
        .await?;
    Ok(())
}

/// Adds what a detector found to the boxes of an image, whose row is locked. Returns the version that
/// the boxes have then.
pub(crate) async fn add_found(
    tx: &DatabaseTransaction,
    image: &Model,
    detector: &str,
    found: &[Found],
    now: DateTime<Utc>,
) -> Result<i32, DbErr> {
    if found.is_empty() {
        return Ok(image.boxes_version);
    }
    let version = image.boxes_version + 1;
    let signed = |number: u32| i32::try_from(number).unwrap_or(i32::MAX);
    let rows = found.iter().map(|found| ActiveModel {
        id: Set(Uuid::now_v7()),
        image_id: Set(image.id),
        x: Set(found.face.x),
        y: Set(found.face.y),
        width: Set(signed(found.face.width)),
        height: Set(signed(found.face.height)),
        shape: Set(Shape::Ellipse),
        covers: Set(Covers::Face),
        state: Set(found.state),
        by_kind: Set(ByKind::Detector),
        by_name: Set(Some(
            detector.split(' ').next().unwrap_or(detector).to_owned(),
        )),
        version: Set(Some(detector.to_owned())),
        pass: Set(Some(found.pass)),
        score: Set(Some(found.face.score)),
        created_at: Set(now),
        added_in: Set(version),
        ..Default::default()
    });
    image_box::Entity::insert_many(rows)
        .exec_without_returning(tx)
        .await?;
    Ok(version)
}

/// The number of uncertain boxes.
pub(crate) fn uncertain(boxes: &[image_box::Model]) -> i32 {
    let count = boxes
        .iter()
        .filter(|row| row.state == State::Uncertain)
        .count();
    i32::try_from(count).unwrap_or(i32::MAX)
}

/// Faces that are lower than this share of the picture are small: the next ones to be overlooked.
const SMALL: f64 = 0.03;

/// How much a picture needs a look: uncertain boxes before anything else, then many small faces, then
/// the dark, then those on their side; of the rest those on which nothing was found.
pub(crate) fn risk(image: &Model, boxes: &[image_box::Model], difficulty: Difficulty) -> i32 {
    let small = boxes
        .iter()
        .filter(|row| row.pass != Some(Pass::Second))
        .filter(|row| f64::from(row.height) < SMALL * f64::from(image.height))
        .count();
    uncertain(boxes).min(1000) * 1000
        + i32::try_from(small.min(99)).unwrap_or(99) * 10
        + i32::from(difficulty.is_dark) * 5
        + i32::from(difficulty.is_turned) * 2
        + i32::from(boxes.is_empty())
}

fn covered(boxes: &[image_box::Model]) -> Vec<Region> {
    boxes
        .iter()
        .filter(|row| row.state.is_covered())
        .map(region)
        .collect()
}

impl Drawn {
    fn is_the_same_as(&self, row: &image_box::Model) -> bool {
        (self.x, self.y, self.width, self.height) == (row.x, row.y, row.width, row.height)
            && self.shape.is_none_or(|shape| shape == row.shape)
            && self.covers.is_none_or(|covers| covers == row.covers)
            && self.state == row.state
            && self.reason == row.reason
    }

    fn into_row(
        self,
        image_id: Uuid,
        old: Option<&image_box::Model>,
        version: i32,
        now: DateTime<Utc>,
        by: Option<&str>,
    ) -> ActiveModel {
        let covers = self
            .covers
            .or(old.map(|row| row.covers))
            .unwrap_or(Covers::Face);
        let usual = match covers {
            Covers::Face => Shape::Ellipse,
            Covers::Other => Shape::Rectangle,
        };
        let shape = self.shape.or(old.map(|row| row.shape)).unwrap_or(usual);
        ActiveModel {
            id: Set(Uuid::now_v7()),
            image_id: Set(image_id),
            x: Set(self.x),
            y: Set(self.y),
            width: Set(self.width),
            height: Set(self.height),
            shape: Set(shape),
            covers: Set(covers),
            state: Set(self.state),
            by_kind: Set(ByKind::Person),
            by_name: Set(by.map(str::to_owned)),
            reason: Set(self.reason),
            created_at: Set(now),
            added_in: Set(version),
            ..Default::default()
        }
    }
}
