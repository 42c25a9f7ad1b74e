//! Secrets: in environment variables, or in AWS Secrets Manager under the name that a variable
//! `…_SECRET_ARN` has.
//!
//! A secret never shows: not in logs, not in `Debug`, and not in the errors of this module.

mod credential_source;
mod login;
mod source;

pub(crate) use credential_source::{CredentialSource, DATABASE};
pub(crate) use login::Login;
pub use source::{ARN_SUFFIX, Environment, SecretError, SecretSource, SecretsManager};
