//! `vitrine migrate`

use std::process::ExitCode;

use platform::settings::Settings;

use crate::parts::Parts;

pub(super) async fn run(settings: Settings) -> anyhow::Result<ExitCode> {
    let parts = Parts::open(settings).await?;
    parts.db.close().await?;
    println!("The database's schema is up to date.");
    Ok(ExitCode::SUCCESS)
}
