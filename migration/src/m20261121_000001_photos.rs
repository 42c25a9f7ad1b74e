//! Photos, steps, jobs, changes, messages and sessions.

use sea_orm_migration::prelude::*;

use crate::columns::Columns;

/// Photos, steps, jobs, changes, messages and sessions.
#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let columns = Columns::on(manager);
        manager.create_table(image(columns)).await?;
        manager
            .create_index(
                Index::create()
                    .name("image_newest_first")
                    .table(Image::Table)
                    .col(Image::UploadedAt)
                    .col(Image::Id)
                    .to_owned(),
            )
            .await?;
        manager.create_table(step(columns)).await?;
        manager
            .create_index(
                Index::create()
                    .name("step_by_state")
                    .table(Step::Table)
                    .col(Step::State)
                    .to_owned(),
            )
            .await?;
        manager.create_table(job(columns)).await?;
        manager
            .create_index(
                Index::create()
                    .name("job_one_per_step")
                    .table(Job::Table)
                    .col(Job::ImageId)
                    .col(Job::Step)
                    .unique()
                    .to_owned(),
            )
            .await?;
        manager
            .create_index(
                Index::create()
                    .name("job_by_urgency")
                    .table(Job::Table)
                    .col(Job::DueAt)
                    .col(Job::Id)
                    .to_owned(),
            )
            .await?;
        manager.create_table(change(columns)).await?;
        manager.create_table(message(columns)).await?;
        manager
            .create_index(
                Index::create()
                    .name("message_newest_first")
                    .table(Message::Table)
                    .col(Message::CreatedAt)
                    .col(Message::Id)
                    .to_owned(),
            )
            .await?;
        manager.create_table(session(columns)).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for table in [
            Session::Table.into_iden(),
            Message::Table.into_iden(),
            Change::Table.into_iden(),
            Job::Table.into_iden(),
            Step::Table.into_iden(),
            Image::Table.into_iden(),
        ] {
            manager
                .drop_table(Table::drop().table(table).to_owned())
                .await?;
        }
        Ok(())
    }
}

fn image(columns: Columns) -> TableCreateStatement {
    columns
        .table(Image::Table)
        .col(ColumnDef::new(Image::Id).uuid().not_null().primary_key())
        .col(
            columns
                .identifier(Image::ObjectKey, 190)
                .not_null()
                .unique_key(),
        )
        .col(ColumnDef::new(Image::FileName).string_len(255).not_null())
        .col(ColumnDef::new(Image::ContentType).string_len(32).not_null())
        .col(ColumnDef::new(Image::Bytes).big_integer().not_null())
        .col(ColumnDef::new(Image::Width).integer().not_null())
        .col(ColumnDef::new(Image::Height).integer().not_null())
        .col(
            columns
                .identifier(Image::Sha256, 64)
                .not_null()
                .unique_key(),
        )
        .col(columns.identifier(Image::Thumbhash, 64))
        .col(columns.local_time(Image::TakenAt))
        .col(ColumnDef::new(Image::Camera).string_len(160))
        .col(columns.json(Image::Faces))
        .col(columns.json(Image::Tags))
        .col(ColumnDef::new(Image::CaptionText).text())
        .col(ColumnDef::new(Image::CaptionBy).string_len(16))
        .col(ColumnDef::new(Image::CaptionProvider).string_len(64))
        .col(ColumnDef::new(Image::CaptionModel).string_len(160))
        .col(columns.identifier(Image::CaptionPromptVersion, 64))
        .col(ColumnDef::new(Image::CaptionLanguage).string_len(35))
        .col(columns.instant(Image::CaptionAt))
        .col(ColumnDef::new(Image::UploadedBy).string_len(80))
        .col(columns.identifier(Image::IdempotencyKey, 64).unique_key())
        .col(columns.instant(Image::UploadedAt).not_null())
        .col(columns.instant(Image::StoredAt))
        .col(columns.instant(Image::DeletedAt))
        .to_owned()
}

fn step(columns: Columns) -> TableCreateStatement {
    columns
        .table(Step::Table)
        .col(ColumnDef::new(Step::ImageId).uuid().not_null())
        .col(columns.identifier(Step::Name, 16).not_null())
        .col(columns.identifier(Step::State, 16).not_null())
        .col(ColumnDef::new(Step::Attempts).integer().not_null())
        .col(ColumnDef::new(Step::Error).text())
        .col(columns.instant(Step::QueuedAt).not_null())
        .col(columns.instant(Step::StartedAt))
        .col(columns.instant(Step::FinishedAt))
        .col(columns.json(Step::History))
        .primary_key(Index::create().col(Step::ImageId).col(Step::Name))
        .foreign_key(
            ForeignKey::create()
                .name("step_of_image")
                .from(Step::Table, Step::ImageId)
                .to(Image::Table, Image::Id)
                .on_delete(ForeignKeyAction::Cascade),
        )
        .to_owned()
}

fn job(columns: Columns) -> TableCreateStatement {
    columns
        .table(Job::Table)
        .col(
            ColumnDef::new(Job::Id)
                .big_integer()
                .not_null()
                .auto_increment()
                .primary_key(),
        )
        .col(ColumnDef::new(Job::ImageId).uuid().not_null())
        .col(columns.identifier(Job::Step, 16).not_null())
        .col(columns.instant(Job::DueAt).not_null())
        .col(columns.instant(Job::VisibleAt).not_null())
        .col(ColumnDef::new(Job::Attempts).integer().not_null())
        .col(ColumnDef::new(Job::Receipt).uuid())
        .foreign_key(
            ForeignKey::create()
                .name("job_of_image")
                .from(Job::Table, Job::ImageId)
                .to(Image::Table, Image::Id)
                .on_delete(ForeignKeyAction::Cascade),
        )
        .to_owned()
}

fn change(columns: Columns) -> TableCreateStatement {
    columns
        .table(Change::Table)
        .col(
            ColumnDef::new(Change::Seq)
                .big_integer()
                .not_null()
                .auto_increment()
                .primary_key(),
        )
        .col(ColumnDef::new(Change::ImageId).uuid().not_null())
        .col(columns.identifier(Change::Kind, 16).not_null())
        .col(columns.instant(Change::At).not_null())
        .to_owned()
}

fn message(columns: Columns) -> TableCreateStatement {
    columns
        .table(Message::Table)
        .col(ColumnDef::new(Message::Id).uuid().not_null().primary_key())
        .col(ColumnDef::new(Message::Author).string_len(80).not_null())
        .col(ColumnDef::new(Message::Body).text().not_null())
        .col(columns.instant(Message::CreatedAt).not_null())
        .to_owned()
}

fn session(columns: Columns) -> TableCreateStatement {
    columns
        .table(Session::Table)
        .col(columns.identifier(Session::Id, 64).not_null().primary_key())
        .col(ColumnDef::new(Session::UserName).string_len(80).not_null())
        .col(columns.instant(Session::CreatedAt).not_null())
        .col(columns.instant(Session::ExpiresAt).not_null())
        .to_owned()
}

#[derive(DeriveIden)]
enum Image {
    Table,
    Id,
    ObjectKey,
    FileName,
    ContentType,
    Bytes,
    Width,
    Height,
    Sha256,
    Thumbhash,
    TakenAt,
    Camera,
    Faces,
    Tags,
    CaptionText,
    CaptionBy,
    CaptionProvider,
    CaptionModel,
    CaptionPromptVersion,
    CaptionLanguage,
    CaptionAt,
    UploadedBy,
    IdempotencyKey,
    UploadedAt,
    StoredAt,
    DeletedAt,
}

#[derive(DeriveIden)]
enum Step {
    Table,
    ImageId,
    Name,
    State,
    Attempts,
    Error,
    QueuedAt,
    StartedAt,
    FinishedAt,
    History,
}

#[derive(DeriveIden)]
enum Job {
    Table,
    Id,
    ImageId,
    Step,
    DueAt,
    VisibleAt,
    Attempts,
    Receipt,
}

#[derive(DeriveIden)]
enum Change {
    Table,
    Seq,
    ImageId,
    Kind,
    At,
}

#[derive(DeriveIden)]
enum Message {
    Table,
    Id,
    Author,
    Body,
    CreatedAt,
}

#[derive(DeriveIden)]
enum Session {
    Table,
    Id,
    UserName,
    CreatedAt,
    ExpiresAt,
}
