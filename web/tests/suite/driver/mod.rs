//! The driver for one machine: work that fails, runs twice or is interrupted.

mod crowd;
mod deletion;
mod leases;
mod retries;
mod sweeper;

use entity::step::{Model, StepKind, StepState};
use functions::pipeline::outcomes::Verdict;
use functions::pipeline::run_step::{Delivery, run_step};
use functions::testing;
use uuid::Uuid;

use crate::app::TestApp;

/// A server with one photo on which nothing has been done.
async fn app_with_a_photo() -> (TestApp, Uuid) {
    let app = TestApp::spawn().await;
    let id = app
        .upload("photo.jpg", testing::photo(1, 64, 48))
        .await
        .id();
    (app, id)
}

impl TestApp {
    /// Runs jobs until none is left, and skips the waits between attempts.
    async fn drain_to_the_end(&self) {
        while self.state.queue.depth().await.unwrap() > 0 {
            self.let_time_pass().await;
            self.drain().await;
        }
    }

    /// One delivery of a step, as from a queue.
    async fn deliver(&self, id: Uuid, step: StepKind, receive_count: i32) -> Verdict {
        let delivery = Delivery {
            image_id: id,
            step,
            receive_count,
        };
        run_step(&self.context, delivery).await.unwrap()
    }
}

/// The outcomes of the attempts at a step, oldest first.
fn outcomes(step: &Model) -> Vec<StepState> {
    let history = step.history.clone().unwrap_or_default();
    history.0.iter().map(|attempt| attempt.state).collect()
}
