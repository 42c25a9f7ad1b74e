//! Whether what somebody showed when they came still counts: a stream of events goes on for long
//! after its request was authorised.

use std::time::Duration;

use uuid::Uuid;

use super::sessions::Sessions;
use super::tokens::Tokens;

/// How often an open stream asks whether its session or token still counts.
const RECHECK: Duration = Duration::from_secs(1);

/// What a request came with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Credential {
    /// Nothing, as a visitor, or as the admin at the keyboard.
    None,
    Token(Uuid),
    /// The id of its row, which opens nothing.
    Session(String),
}

/// Where credentials are looked up. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Credentials {
    pub(crate) tokens: Tokens,
    pub(crate) sessions: Sessions,
}

impl Credentials {
    /// Whether it still counts now. If the database does not answer it does not: the client comes
    /// back.
    pub(crate) async fn still_count(&self, credential: &Credential) -> bool {
        match credential {
            Credential::None => true,
            Credential::Token(id) => self.tokens.holds(*id).await.unwrap_or(false),
            Credential::Session(id) => self.sessions.is_open(id).await.unwrap_or(false),
        }
    }

    /// Waits until it counts no more; for ever where there is none.
    pub(crate) async fn ended(self, credential: Credential) {
        if credential == Credential::None {
            std::future::pending::<()>().await;
        }
        while self.still_count(&credential).await {
            tokio::time::sleep(RECHECK).await;
        }
    }
}
