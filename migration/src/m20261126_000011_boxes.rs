//! Boxes become rows, and images are released by somebody.
//!
//! The faces of earlier versions become boxes. Images that have a copy stay as visible as they were:
//! released, with a mark that they are from before there was a release. The column `image.faces` is
//! no longer read; it stays for servers of the version before during a rolling update.

use sea_orm::prelude::{ChronoDateTimeUtc, Uuid};
use sea_orm::{ConnectionTrait as _, JsonValue as Json, Value};
use sea_orm_migration::prelude::*;

use crate::columns::Columns;

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

/// Images that are converted at once.
const BATCH: u64 = 500;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let columns = Columns::on(manager);
        manager.create_table(boxes(columns)).await?;
        manager.create_table(records(columns)).await?;
        for (name, table, column) in [
            (
                "box_by_image",
                ImageBox::Table.into_iden(),
                ImageBox::ImageId.into_iden(),
            ),
            (
                "publication_record_by_image",
                Record::Table.into_iden(),
                Record::ImageId.into_iden(),
            ),
        ] {
            let index = Index::create()
                .name(name)
                .table(table)
                .col(column)
                .to_owned();
            manager.create_index(index).await?;
        }
        // SQLite adds one column at a time.
        for column in image_columns(columns) {
            manager
                .alter_table(
                    Table::alter()
                        .table(Image::Table)
                        .add_column(column)
                        .to_owned(),
                )
                .await?;
        }
        manager
            .alter_table(
                Table::alter()
                    .table(ProviderCall::Table)
                    .add_column(ColumnDef::new(ProviderCall::Rendition).string_len(16))
                    .to_owned(),
            )
            .await?;
        manager
            .create_index(
                Index::create()
                    .name("image_by_review")
                    .table(Image::Table)
                    .col(Image::Review)
                    .col(Image::Risk)
                    .col(Image::Id)
                    .to_owned(),
            )
            .await?;
        convert(manager).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .drop_index(
                Index::drop()
                    .name("image_by_review")
                    .table(Image::Table)
                    .to_owned(),
            )
            .await?;
        manager
            .alter_table(
                Table::alter()
                    .table(ProviderCall::Table)
                    .drop_column(ProviderCall::Rendition)
                    .to_owned(),
            )
            .await?;
        for column in image_columns(Columns::on(manager)) {
            let name = Alias::new(column.get_column_name());
            manager
                .alter_table(
                    Table::alter()
                        .table(Image::Table)
                        .drop_column(name)
                        .to_owned(),
                )
                .await?;
        }
        for table in [Record::Table.into_iden(), ImageBox::Table.into_iden()] {
            manager
                .drop_table(Table::drop().table(table).to_owned())
                .await?;
        }
        Ok(())
    }
}

fn boxes(columns: Columns) -> TableCreateStatement {
    columns
        .table(ImageBox::Table)
        .col(ColumnDef::new(ImageBox::Id).uuid().not_null().primary_key())
        .col(ColumnDef::new(ImageBox::ImageId).uuid().not_null())
        .col(ColumnDef::new(ImageBox::X).integer().not_null())
        .col(ColumnDef::new(ImageBox::Y).integer().not_null())
        .col(ColumnDef::new(ImageBox::Width).integer().not_null())
        .col(ColumnDef::new(ImageBox::Height).integer().not_null())
        .col(columns.identifier(ImageBox::Shape, 16).not_null())
        .col(columns.identifier(ImageBox::Covers, 16).not_null())
        .col(columns.identifier(ImageBox::State, 16).not_null())
        .col(columns.identifier(ImageBox::ByKind, 16).not_null())
        .col(ColumnDef::new(ImageBox::ByName).string_len(80))
        .col(columns.identifier(ImageBox::Version, 64))
        .col(columns.identifier(ImageBox::Pass, 16))
        .col(ColumnDef::new(ImageBox::Score).float())
        .col(ColumnDef::new(ImageBox::Reason).text())
        .col(columns.instant(ImageBox::CreatedAt).not_null())
        .col(ColumnDef::new(ImageBox::AddedIn).integer().not_null())
        .col(columns.instant(ImageBox::RemovedAt))
        .col(ColumnDef::new(ImageBox::RemovedBy).string_len(80))
        .col(ColumnDef::new(ImageBox::RemovedIn).integer())
        .col(ColumnDef::new(ImageBox::ReplacedBy).uuid())
        .foreign_key(
            ForeignKey::create()
                .name("box_of_image")
                .from(ImageBox::Table, ImageBox::ImageId)
                .to(Image::Table, Image::Id)
                .on_delete(ForeignKeyAction::Cascade),
        )
        .to_owned()
}

/// No foreign key: the record outlives the image.
fn records(columns: Columns) -> TableCreateStatement {
    columns
        .table(Record::Table)
        .col(ColumnDef::new(Record::Id).uuid().not_null().primary_key())
        .col(ColumnDef::new(Record::ImageId).uuid().not_null())
        .col(columns.identifier(Record::Action, 16).not_null())
        .col(columns.instant(Record::At).not_null())
        .col(ColumnDef::new(Record::ByName).string_len(80))
        .col(columns.identifier(Record::Sha256, 64).not_null())
        .col(ColumnDef::new(Record::BoxesVersion).integer().not_null())
        .col(columns.json(Record::Boxes).not_null())
        .col(columns.identifier(Record::Detector, 64))
        .col(ColumnDef::new(Record::CaptionText).text())
        .col(ColumnDef::new(Record::CaptionBy).string_len(16))
        .col(ColumnDef::new(Record::CaptionProvider).string_len(64))
        .col(ColumnDef::new(Record::CaptionModel).string_len(160))
        .col(columns.identifier(Record::PromptVersion, 64))
        .col(columns.json(Record::Sent).not_null())
        .to_owned()
}

fn image_columns(columns: Columns) -> Vec<ColumnDef> {
    let zero = |column: Image| {
        ColumnDef::new(column)
            .integer()
            .not_null()
            .default(0)
            .to_owned()
    };
    vec![
        zero(Image::BoxesVersion),
        ColumnDef::new(Image::CopyVersion).integer().to_owned(),
        ColumnDef::new(Image::CopyId).uuid().to_owned(),
        columns.identifier(Image::Detector, 64),
        columns.instant(Image::SecondLookAt),
        zero(Image::Uncertain),
        zero(Image::Risk),
        columns
            .identifier(Image::Review, 16)
            .not_null()
            .default("review")
            .to_owned(),
        columns.instant(Image::ReviewedAt),
        ColumnDef::new(Image::ReviewedBy).string_len(80).to_owned(),
        columns.instant(Image::ReleasedAt),
        ColumnDef::new(Image::ReleasedBy).string_len(80).to_owned(),
        ColumnDef::new(Image::ReleasedVersion).integer().to_owned(),
        ColumnDef::new(Image::Legacy)
            .boolean()
            .not_null()
            .default(false)
            .to_owned(),
    ]
}

/// Makes rows of the faces that earlier versions kept in a column.
async fn convert(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let db = manager.get_connection();
    let mut after = Uuid::nil();
    loop {
        let found = Query::select()
            .columns([
                Image::Id,
                Image::Width,
                Image::Height,
                Image::Faces,
                Image::UploadedAt,
            ])
            .from(Image::Table)
            .and_where(Expr::col(Image::Id).gt(after))
            .and_where(Expr::col(Image::Faces).is_not_null())
            .order_by(Image::Id, Order::Asc)
            .limit(BATCH)
            .to_owned();
        let images = db.query_all(&found).await?;
        if images.is_empty() {
            return Ok(());
        }
        for image in images {
            let id: Uuid = image.try_get("", "id")?;
            let size = (image.try_get("", "width")?, image.try_get("", "height")?);
            let at: ChronoDateTimeUtc = image.try_get("", "uploaded_at")?;
            let faces: Option<Json> = image.try_get("", "faces")?;
            let faces = faces
                .and_then(|faces| faces.as_array().cloned())
                .unwrap_or_default();
            let boxes: Vec<OldBox> = faces
                .iter()
                .filter_map(|face| OldBox::read(face, size))
                .collect();
            for found in &boxes {
                db.execute(&found.insert(id, at)).await?;
            }
            let uncertain = boxes.iter().filter(|found| found.is_uncertain).count() as i32;
            let update = Query::update()
                .table(Image::Table)
                .values([
                    (Image::BoxesVersion, 1.into()),
                    (Image::CopyVersion, 1.into()),
                    (Image::ReleasedVersion, 1.into()),
                    (Image::Uncertain, uncertain.into()),
                    (Image::Review, "released".into()),
                    (Image::Legacy, true.into()),
                ])
                .and_where(Expr::col(Image::Id).eq(id))
                .to_owned();
            db.execute(&update).await?;
            after = id;
        }
    }
}

/// A face as earlier versions kept it: the box that the detector found. What they covered is a
/// rectangle that is a sixth larger on every side.
struct OldBox {
    x: i32,
    y: i32,
    width: i32,
    height: i32,
    score: Option<f32>,
    is_uncertain: bool,
}

impl OldBox {
    /// None if nothing of it is inside the picture.
    fn read(face: &Json, (width, height): (i32, i32)) -> Option<Self> {
        let number = |name: &str| face.get(name).and_then(Json::as_i64);
        let (x, across) = grown(number("x")?, number("width")?, width.into())?;
        let (y, down) = grown(number("y")?, number("height")?, height.into())?;
        Some(Self {
            x,
            y,
            width: across,
            height: down,
            score: face
                .get("score")
                .and_then(Json::as_f64)
                .map(|score| score as f32),
            is_uncertain: face.get("certainty").and_then(Json::as_str) == Some("uncertain"),
        })
    }

    fn insert(&self, image: Uuid, at: ChronoDateTimeUtc) -> InsertStatement {
        let state = if self.is_uncertain {
            "uncertain"
        } else {
            "cover"
        };
        let values: [Value; 14] = [
            Uuid::now_v7().into(),
            image.into(),
            self.x.into(),
            self.y.into(),
            self.width.into(),
            self.height.into(),
            "rectangle".into(),
            "face".into(),
            state.into(),
            "detector".into(),
            "first".into(),
            self.score.into(),
            at.into(),
            1.into(),
        ];
        Query::insert()
            .into_table(ImageBox::Table)
            .columns([
                ImageBox::Id,
                ImageBox::ImageId,
                ImageBox::X,
                ImageBox::Y,
                ImageBox::Width,
                ImageBox::Height,
                ImageBox::Shape,
                ImageBox::Covers,
                ImageBox::State,
                ImageBox::ByKind,
                ImageBox::Pass,
                ImageBox::Score,
                ImageBox::CreatedAt,
                ImageBox::AddedIn,
            ])
            .values_panic(values.map(Expr::value))
            .to_owned()
    }
}

/// One side of a face as it was covered: a sixth longer on both ends, cut off at the picture's edges.
fn grown(start: i64, length: i64, limit: i64) -> Option<(i32, i32)> {
    let length = length.clamp(0, limit);
    let margin = (length + 5) / 6;
    let first = start.saturating_sub(margin).clamp(0, limit);
    let end = start.saturating_add(length + margin).clamp(0, limit);
    // Pictures have fewer pixels a side than an `i32` counts.
    (end > first).then_some((first as i32, (end - first) as i32))
}

#[derive(DeriveIden)]
enum ImageBox {
    #[sea_orm(iden = "box")]
    Table,
    Id,
    ImageId,
    X,
    Y,
    Width,
    Height,
    Shape,
    Covers,
    State,
    ByKind,
    ByName,
    Version,
    Pass,
    Score,
    Reason,
    CreatedAt,
    AddedIn,
    RemovedAt,
    RemovedBy,
    RemovedIn,
    ReplacedBy,
}

#[derive(DeriveIden)]
enum Record {
    #[sea_orm(iden = "publication_record")]
    Table,
    Id,
    ImageId,
    Action,
    At,
    ByName,
    Sha256,
    BoxesVersion,
    Boxes,
    Detector,
    CaptionText,
    CaptionBy,
    CaptionProvider,
    CaptionModel,
    PromptVersion,
    Sent,
}

#[derive(DeriveIden)]
enum ProviderCall {
    Table,
    Rendition,
}

#[derive(DeriveIden)]
enum Image {
    Table,
    Id,
    Width,
    Height,
    Faces,
    UploadedAt,
    BoxesVersion,
    CopyVersion,
    CopyId,
    Detector,
    SecondLookAt,
    Uncertain,
    Risk,
    Review,
    ReviewedAt,
    ReviewedBy,
    ReleasedAt,
    ReleasedBy,
    ReleasedVersion,
    Legacy,
}
