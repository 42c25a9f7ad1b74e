//! `vitrine migrate`

use std::process::ExitCode;

use platform::settings::Settings;

use crate::services::Services;

pub(super) async fn run(settings: Settings) -> anyhow::Result<ExitCode> {
    let services = Services::open(settings).await?;
    services.db.close().await?;
    println!("The database's schema is up to date.");
    Ok(ExitCode::SUCCESS)
}
