//! Where the login of the database comes from, so that it can be fetched again once it has changed.

use std::fmt;
use std::sync::Arc;

use super::login::Login;
use super::source::{SecretError, SecretSource};

/// The setting whose secret is the login of the database.
pub(crate) const DATABASE: &str = "DATABASE";

/// Cheap to clone.
#[derive(Clone)]
pub(crate) struct CredentialSource(Arc<dyn SecretSource>);

impl fmt::Debug for CredentialSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl CredentialSource {
    pub(crate) fn new(source: Arc<dyn SecretSource>) -> Self {
        Self(source)
    }

    /// The current login.
    pub(crate) async fn login(&self) -> Result<Login, LoginError> {
        let json = self.0.secret(DATABASE).await?.ok_or(LoginError::Gone)?;
        Login::read(&json).map_err(LoginError::Unreadable)
    }
}

/// The login cannot be fetched.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LoginError {
    #[error(transparent)]
    Secret(#[from] SecretError),
    #[error("the secret is gone")]
    Gone,
    #[error("{0}")]
    Unreadable(String),
}
