//! Logs: one line for each event, for people or for machines.

use std::io::IsTerminal as _;

use tracing_subscriber::EnvFilter;

/// What is logged when nothing is set.
const DEFAULT_FILTER: &str = "info,sea_orm_migration=warn";

/// Starts logging to standard error. Later calls have no effect.
pub fn init() -> Result<(), String> {
    let filter = match std::env::var("VITRINE_LOG") {
        Ok(filter) if !filter.is_empty() => EnvFilter::try_new(&filter).map_err(|error| {
            format!("VITRINE_LOG={filter} cannot be read ({error}); an example is VITRINE_LOG=vitrine=debug,warn")
        })?,
        _ => EnvFilter::new(DEFAULT_FILTER),
    };
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal());
    // It fails only if logging has been started before.
    let _ = match std::env::var("VITRINE_LOG_FORMAT").as_deref() {
        Err(_) | Ok("" | "text") => builder.try_init(),
        Ok("json") => builder.json().flatten_event(true).try_init(),
        Ok(other) => {
            return Err(format!(
                "VITRINE_LOG_FORMAT={other} is none of text, json; an example is VITRINE_LOG_FORMAT=json"
            ));
        }
    };
    Ok(())
}
