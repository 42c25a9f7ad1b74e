//! The process of a function, from its start to its last invocation.

use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use entity::step::StepKind;
use lambda_runtime::{Error, LambdaEvent, service_fn, spawn_graceful_shutdown_handler};
use platform::settings::Settings;
use platform::telemetry::{self, Telemetry};
use serde_json::Value;
use tokio::time::Instant;
use tracing::field::Empty;
use tracing::{Instrument as _, error, error_span};

use super::function::{Answer, Function};
use super::setup;

/// How long an invocation waits at its end for the telemetry collector.
const FLUSH: Duration = Duration::from_secs(1);

/// Runs one function until Lambda ends the process.
pub fn run(step: StepKind) -> ExitCode {
    let result = telemetry::init(&format!("vitrine-{step}"))
        .map_err(Error::from)
        .and_then(|telemetry| {
            let runtime = tokio::runtime::Builder::new_multi_thread()
                .enable_all()
                .build()?;
            runtime.block_on(serve(step, telemetry))
        });
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{step}: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// What invocations share is set up here, once.
async fn serve(step: StepKind, telemetry: Telemetry) -> Result<(), Error> {
    let settings = Settings::load().await?;
    let function = setup::function(&settings, step, telemetry.has_traces()).await?;
    let function = Arc::new(function);
    spawn_graceful_shutdown_handler(async || {}).await;
    lambda_runtime::run(service_fn(move |event: LambdaEvent<Value>| {
        let function = Arc::clone(&function);
        let telemetry = telemetry.clone();
        async move {
            let deadline = event.context.deadline;
            let answer = invoked(&function, event).await;
            telemetry.flush(FLUSH.min(remaining(deadline) / 2)).await;
            answer
        }
    }))
    .await
}

async fn invoked(function: &Function, event: LambdaEvent<Value>) -> Result<Value, Error> {
    let LambdaEvent { payload, context } = event;
    let span = error_span!(
        "invocation",
        otel.name = %function.step,
        otel.kind = "server",
        faas.invocation_id = %context.request_id,
        request_id = %context.request_id,
        trace_id = Empty,
    );
    telemetry::begin(&span, None);
    let deadline = Instant::now() + remaining(context.deadline);
    let payload = serde_json::to_vec(&payload)?;
    let answer = function.invoke(&payload, deadline).instrument(span).await;
    match answer {
        Ok(Answer::Batch(response)) => Ok(serde_json::to_value(response)?),
        Ok(Answer::Done) => Ok(Value::Null),
        Err(repeat) => {
            error!(request_id = %context.request_id, reason = %repeat, "the invocation is to be repeated");
            Err(repeat.into())
        }
    }
}

/// The time until a deadline in milliseconds since 1970.
fn remaining(deadline: u64) -> Duration {
    let deadline = SystemTime::UNIX_EPOCH + Duration::from_millis(deadline);
    deadline
        .duration_since(SystemTime::now())
        .unwrap_or_default()
}
