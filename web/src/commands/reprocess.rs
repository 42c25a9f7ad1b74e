//! `vitrine reprocess`: queues steps again. A running `vitrine serve`, or the next one, does the
//! work.

use std::fmt;
use std::process::ExitCode;
use std::str::FromStr;

use anyhow::{bail, ensure};
use clap::Args;
use entity::call::{self, captions_by};
use entity::image::{self, Audience, Author, Cursor};
use entity::step::{self, StepKind, StepState};
use functions::pipeline::dispatch::Dispatch;
use functions::pipeline::lifecycle::rerun;
use functions::pipeline::provider_budget::{ProviderBudget, money};
use functions::pipeline::setup::{captioner, provider_budget};
use platform::settings::Settings;
use sea_orm::{ColumnTrait as _, Condition, DatabaseConnection, QueryFilter as _};
use uuid::Uuid;

use crate::services::Services;

/// Images per transaction.
const BATCH: u64 = 200;

/// The newest requests that an estimate is based on.
const SAMPLE: u64 = 200;

/// What to run again.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The step, or all of them.
    #[arg(value_parser = names())]
    step: String,
    /// Only this image; can be given several times.
    #[arg(long, value_name = "ID")]
    image: Vec<Uuid>,
    /// Only where it failed.
    #[arg(long)]
    failed: bool,
    /// Only captions with this origin: prompt_version=…, provider=…, model=… or language=…; can be
    /// combined. Only for annotate.
    #[arg(long = "where", value_name = "NAME=VALUE")]
    origin: Vec<Origin>,
    /// Only show how many steps would run and what their captions would cost.
    #[arg(long)]
    dry_run: bool,
}

fn names() -> Vec<&'static str> {
    let steps = StepKind::ALL.into_iter().map(StepKind::as_str);
    steps.chain(["all"]).collect()
}

/// A condition on the origin of a caption.
#[derive(Clone, Debug)]
struct Origin {
    column: image::Column,
    value: String,
}

#[derive(Debug)]
struct BadOrigin;

impl fmt::Display for BadOrigin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(
            "write prompt_version=…, provider=…, model=… or language=…, for example \
             provider=describe",
        )
    }
}

impl std::error::Error for BadOrigin {}

impl FromStr for Origin {
    type Err = BadOrigin;

    fn from_str(text: &str) -> Result<Self, BadOrigin> {
        let (name, value) = text.split_once('=').ok_or(BadOrigin)?;
        let column = match name {
            "prompt_version" => image::Column::CaptionPromptVersion,
            "provider" => image::Column::CaptionProvider,
            "model" => image::Column::CaptionModel,
            "language" => image::Column::CaptionLanguage,
            _ => return Err(BadOrigin),
        };
        if value.is_empty() {
            return Err(BadOrigin);
        }
        Ok(Self {
            column,
            value: value.to_owned(),
        })
    }
}

/// Steps that run again.
#[derive(Default)]
struct Found {
    steps: u64,
    /// How many of these ask the captioner.
    captions: u64,
}

pub(super) async fn run(settings: Settings, arguments: Arguments) -> anyhow::Result<ExitCode> {
    let steps = match arguments.step.parse::<StepKind>() {
        Ok(step) => vec![step],
        Err(_) => StepKind::ALL.to_vec(),
    };
    ensure!(
        arguments.origin.is_empty() || steps == [StepKind::Annotate],
        "--where is about captions: use it with annotate"
    );
    let services = Services::open(settings).await?;
    let wanted = wanted(&services.db, &arguments).await?;
    let mut found = Found::default();
    let mut after: Option<Cursor> = None;
    loop {
        let page = image::page(&Audience::Staff, after, BATCH).filter(wanted.clone());
        let images = page.all(&services.db).await?;
        let Some(last) = images.last() else { break };
        after = Some(last.cursor());
        found.add(again(&services, &images, &steps, &arguments).await?);
    }
    tell(&services, &found, arguments.dry_run).await?;
    services.db.close().await?;
    Ok(ExitCode::SUCCESS)
}

/// The condition for images that the arguments select.
async fn wanted(db: &DatabaseConnection, arguments: &Arguments) -> anyhow::Result<Condition> {
    let mut wanted = Condition::all();
    for origin in &arguments.origin {
        wanted = wanted.add(origin.column.eq(origin.value.as_str()));
    }
    if !arguments.image.is_empty() {
        for id in &arguments.image {
            if image::visible_by_id(&Audience::Staff, *id)
                .one(db)
                .await?
                .is_none()
            {
                bail!("there is no image {id}; `GET /api/images` lists them");
            }
        }
        wanted = wanted.add(image::Column::Id.is_in(arguments.image.iter().copied()));
    }
    Ok(wanted)
}

/// Queues steps of these images again, except blocked steps and captions written by a person.
async fn again(
    services: &Services,
    images: &[image::Model],
    steps: &[StepKind],
    arguments: &Arguments,
) -> anyhow::Result<Found> {
    let mut select = step::of_all(images.iter().map(|image| image.id))
        .filter(step::Column::Name.is_in(steps.iter().copied()))
        .filter(step::Column::State.ne(StepState::Blocked));
    if arguments.failed {
        select = select.filter(step::Column::State.eq(StepState::Failed));
    }
    let by_person = |id| {
        let image = images.iter().find(|image| image.id == id);
        image.is_some_and(|image| image.caption_by == Some(Author::Person))
    };
    let mut wanted: Vec<_> = select
        .all(&services.db)
        .await?
        .into_iter()
        .map(|step| (step.image_id, step.name))
        .filter(|&(id, step)| step != StepKind::Annotate || !by_person(id))
        .collect();
    if !arguments.dry_run {
        wanted = rerun(&services.db, &services.dispatch, &wanted).await?;
        send(&services.dispatch).await;
    }
    let captions = wanted
        .iter()
        .filter(|(_, step)| *step == StepKind::Annotate);
    Ok(Found {
        captions: captions.count() as u64,
        steps: wanted.len() as u64,
    })
}

/// Sends the messages for the steps to SQS, where it is used. If that fails, a server sends them
/// later.
async fn send(dispatch: &Dispatch) {
    if let Dispatch::Sqs(outbox) = dispatch
        && let Err(error) = outbox.send_due().await
    {
        eprintln!("{error}; a running `vitrine serve` sends the messages later");
    }
}

async fn tell(services: &Services, found: &Found, dry_run: bool) -> anyhow::Result<()> {
    let count = found.steps;
    if !dry_run {
        match count {
            1 => println!("1 step is queued; a running `vitrine serve` works on it."),
            _ => println!("{count} steps are queued; a running `vitrine serve` works on them."),
        }
        return Ok(());
    }
    let steps = if count == 1 { "step" } else { "steps" };
    println!("{count} {steps} would run again.");
    let captioner = captioner(&services.settings)?;
    if let Some(provider_budget) =
        provider_budget(&services.settings, &services.db, captioner.as_ref())
        && found.captions > 0
    {
        println!(
            "{}",
            estimate(&services.db, &provider_budget, found.captions).await?
        );
    }
    Ok(())
}

/// The likely cost of so many captions, from the last ones.
async fn estimate(
    db: &DatabaseConnection,
    provider_budget: &ProviderBudget,
    captions: u64,
) -> anyhow::Result<String> {
    let account = provider_budget.account();
    let model = &account.model;
    let calls = captions_by(account.provider, Some(model), SAMPLE)
        .all(db)
        .await?;
    let (Some(sent), Some(received)) = (
        average(&calls, |call| call.tokens_in),
        average(&calls, |call| call.tokens_out),
    ) else {
        return Ok(format!(
            "{captions} requests to {model}; their cost is unknown until it has written a caption."
        ));
    };
    let all = captions as f64;
    let tokens = format!(
        "{captions} requests to {model}: about {:.0} tokens sent and {:.0} back",
        all * sent,
        all * received
    );
    Ok(match provider_budget.price() {
        None => format!("{tokens}. Set VITRINE_CAPTION_PRICE to see what that costs."),
        Some(price) => {
            let micros = all * (sent * price.sent + received * price.received);
            let cost = money(&price.currency, micros.round() as i64);
            format!("{tokens}, about {cost}.")
        }
    })
}

/// The average over the requests that have this figure.
fn average(calls: &[call::Model], figure: impl Fn(&call::Model) -> Option<i32>) -> Option<f64> {
    let figures: Vec<_> = calls.iter().filter_map(figure).map(f64::from).collect();
    (!figures.is_empty()).then(|| figures.iter().sum::<f64>() / figures.len() as f64)
}

impl Found {
    fn add(&mut self, other: Self) {
        self.steps += other.steps;
        self.captions += other.captions;
    }
}
