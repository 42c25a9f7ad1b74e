//! Measures what does not count itself: the machine every minute; queue, event streams and database
//! connections every ten seconds.

use std::time::Duration;

use platform::database;
use platform::host::Host;
use platform::telemetry::metrics;
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use crate::state::AppState;

const MACHINE: Duration = Duration::from_secs(60);

const SERVER: Duration = Duration::from_secs(10);

/// Reports how the machine is doing.
pub(crate) async fn machine(mut host: Host, stop: CancellationToken) {
    if let Some(gap) = host.gap() {
        info!("{gap}");
    }
    let mut minutes = every(MACHINE);
    let mut was_read = true;
    while stop.run_until_cancelled(minutes.tick()).await.is_some() {
        // A few small files of the kernel, and a table of connections that may be long.
        let read = tokio::task::spawn_blocking(move || (host.read(), host)).await;
        let Ok((reading, same)) = read else { return };
        host = same;
        match &reading {
            Ok(reading) => metrics::host(reading),
            Err(error) if was_read => warn!(%error, "the machine cannot be measured"),
            Err(_) => {}
        }
        was_read = reading.is_ok();
    }
}

/// Reports on this process; on the queue only where it is worked on here.
pub(crate) async fn server(state: AppState, has_queue: bool) {
    let mut ticks = every(SERVER);
    while state.stop.run_until_cancelled(ticks.tick()).await.is_some() {
        metrics::event_streams(state.event_streams.open());
        let connections = database::connections(&state.db);
        metrics::pool(connections.used, connections.idle);
        if has_queue {
            match state.queue.age().await {
                Ok(age) => metrics::queue_age(age),
                Err(error) => warn!(%error, "the age of the queue cannot be measured"),
            }
        }
    }
}

fn every(period: Duration) -> tokio::time::Interval {
    let mut ticks = interval(period);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    ticks
}
