//! Whether the credential of a request is still valid: an event stream stays open long after its
//! request was authorised.

use std::time::Duration;

use uuid::Uuid;

use super::sessions::Sessions;
use super::tokens::Tokens;

/// How often an open event stream checks its session or token.
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
    /// False if the database does not answer, too: the client then connects again.
    pub(crate) async fn is_valid(&self, credential: &Credential) -> bool {
        match credential {
            Credential::None => true,
            Credential::Token(id) => self.tokens.holds(*id).await.unwrap_or(false),
            Credential::Session(id) => self.sessions.is_open(id).await.unwrap_or(false),
        }
    }

    /// Waits until the credential is no longer valid; forever without one.
    pub(crate) async fn ended(self, credential: Credential) {
        if credential == Credential::None {
            std::future::pending::<()>().await;
        }
        while self.is_valid(&credential).await {
            tokio::time::sleep(RECHECK).await;
        }
    }
}
