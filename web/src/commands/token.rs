//! `vitrine token`: tokens for programs. A user who can run this has the database, and with it
//! everything else.

use std::process::ExitCode;

use anyhow::{Context as _, anyhow};
use chrono::{DateTime, Utc};
use clap::{Args, Subcommand};
use entity::api_token::{Model, Scope};
use platform::settings::Settings;
use sea_orm::DatabaseConnection;

use crate::actions::tokens::{TokenRequest, add_token, list_tokens, revoke_token};
use crate::services::Services;

/// Who made a token, in its row.
const COMMAND_LINE: &str = "command line";

#[derive(Debug, Args)]
pub(super) struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Make a token and print it. It is shown this once.
    Add {
        /// What uses it, for example: website.
        name: String,
        /// What it may do: read sees everything and changes nothing; upload adds photos, and sees
        /// them and what visitors see; manage does all that an admin does, except for managing
        /// tokens.
        #[arg(long, value_name = "SCOPE", value_parser = ["read", "upload", "manage"])]
        may: String,
        /// Have it expire after so many days.
        #[arg(long)]
        days: Option<u32>,
    },
    /// List all tokens, newest first.
    List,
    /// Make a token useless, at once and for good.
    Revoke {
        /// Its name.
        name: String,
    },
}

pub(super) async fn run(settings: Settings, arguments: Arguments) -> anyhow::Result<ExitCode> {
    let services = Services::open(settings).await?;
    let db = &services.db;
    match arguments.command {
        Command::Add { name, may, days } => add(db, &name, &may, days).await?,
        Command::List => list(db).await?,
        Command::Revoke { name } => revoke(db, &name).await?,
    }
    services.db.close().await?;
    Ok(ExitCode::SUCCESS)
}

async fn add(
    db: &DatabaseConnection,
    name: &str,
    may: &str,
    days: Option<u32>,
) -> anyhow::Result<()> {
    let wanted = TokenRequest {
        name,
        scope: Scope::parse(may).context("the scope is read, upload or manage")?,
        days,
        created_by: COMMAND_LINE,
    };
    let token = add_token(db, &wanted)
        .await
        .map_err(|problem| anyhow!("{}", problem.detail()))?;
    // Standard output has only the token, for scripts.
    println!("{token}");
    eprintln!(
        "Keep it secret: it is not shown again. Programs send it as\n  Authorization: Bearer {}…",
        &token[..7]
    );
    Ok(())
}

async fn list(db: &DatabaseConnection) -> anyhow::Result<()> {
    let mut lines = vec![["NAME", "MAY", "CREATED", "LAST USED", "STATE"].map(str::to_owned)];
    let now = entity::now();
    for token in list_tokens(db).await? {
        lines.push([
            token.name.clone(),
            token.scope.as_str().to_owned(),
            minute(token.created_at),
            token.last_used_at.map_or("never".to_owned(), minute),
            state(&token, now),
        ]);
    }
    let width = |column: usize| lines.iter().map(|line| line[column].chars().count()).max();
    let widths = [0, 1, 2, 3].map(|column| width(column).unwrap_or_default());
    for [name, may, created, used, state] in &lines {
        let [w0, w1, w2, w3] = widths;
        println!("{name:w0$}  {may:w1$}  {created:w2$}  {used:w3$}  {state}");
    }
    Ok(())
}

fn state(token: &Model, now: DateTime<Utc>) -> String {
    match (token.revoked_at, token.expires_at) {
        (Some(at), _) => format!("revoked {}", minute(at)),
        (None, Some(at)) if at <= now => format!("expired {}", minute(at)),
        (None, Some(at)) => format!("valid until {}", minute(at)),
        (None, None) => "valid".to_owned(),
    }
}

fn minute(instant: DateTime<Utc>) -> String {
    instant.format("%Y-%m-%d %H:%M UTC").to_string()
}

async fn revoke(db: &DatabaseConnection, name: &str) -> anyhow::Result<()> {
    let tokens = list_tokens(db).await?;
    let token = tokens
        .iter()
        .find(|token| token.name == name)
        .with_context(|| {
            format!("there is no token `{name}`; `vitrine token list` shows what there is")
        })?;
    revoke_token(db, token.id)
        .await
        .map_err(|problem| anyhow!("{}", problem.detail()))?;
    println!("The token `{name}` is revoked.");
    Ok(())
}
