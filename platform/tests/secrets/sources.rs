//! What every source of secrets promises.

use platform::secrets::{Environment, SecretSource, SecretsManager};
use secrecy::ExposeSecret as _;

use crate::kept::Vault;

const SECRET: &str = "ti/ger 🐅";

/// The only setting whose secret the source has, [`SECRET`].
async fn a_source_keeps_its_promises(source: &dyn SecretSource) {
    let secret = source.secret("GEMINI_API_KEY").await.unwrap().unwrap();
    assert_eq!(secret.expose_secret(), SECRET);
    assert!(source.secret("DATABASE").await.unwrap().is_none());
    assert!(!format!("{source:?} {secret:?}").contains("ti/ger"));
}

#[tokio::test]
async fn the_environment_keeps_its_promises() {
    let variables = [("GEMINI_API_KEY", SECRET), ("DATABASE", " ")];
    a_source_keeps_its_promises(&Environment::new(variables)).await;
}

#[tokio::test]
async fn secrets_manager_keeps_its_promises() {
    let Some(vault) = Vault::start().await else {
        return;
    };
    let arn = vault.moto.secret(SECRET).await;
    let variables = [
        ("GEMINI_API_KEY_SECRET_ARN", arn.as_str()),
        ("DATABASE_SECRET_ARN", ""),
    ];
    let manager = SecretsManager::new(&vault.moto.settings(), variables).await;
    a_source_keeps_its_promises(&manager.unwrap()).await;
}

#[tokio::test]
async fn without_secrets_on_aws_no_request_is_sent_there() {
    let manager = SecretsManager::new(&Default::default(), [("GEMINI_API_KEY", "lion")]).await;
    assert!(manager.is_none());
}

#[tokio::test]
async fn a_changed_secret_is_told_as_it_is_now() {
    let Some(vault) = Vault::start().await else {
        return;
    };
    let arn = vault.moto.secret("lion").await;
    let variables = [("GEMINI_API_KEY_SECRET_ARN", arn.as_str())];
    let manager = SecretsManager::new(&vault.moto.settings(), variables).await;
    let manager = manager.unwrap();
    manager.secret("GEMINI_API_KEY").await.unwrap();

    vault.change(&arn, "puma").await;

    let secret = manager.secret("GEMINI_API_KEY").await.unwrap().unwrap();
    assert_eq!(secret.expose_secret(), "puma");
}

#[tokio::test]
async fn a_secret_that_cannot_be_read_says_what_to_check() {
    let Some(vault) = Vault::start().await else {
        return;
    };
    let nowhere = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:nowhere";
    let variables = [("GEMINI_API_KEY_SECRET_ARN", nowhere)];
    let manager = SecretsManager::new(&vault.moto.settings(), variables).await;
    let manager = manager.unwrap();

    let error = manager.secret("GEMINI_API_KEY").await.unwrap_err();
    let said = error.to_string();
    assert!(
        said.starts_with(&format!(
            "GEMINI_API_KEY_SECRET_ARN={nowhere} cannot be used"
        )),
        "{said}"
    );
    assert!(said.contains("check the ARN and AWS_REGION"), "{said}");

    drop(vault);
    let error = manager.secret("GEMINI_API_KEY").await.unwrap_err();
    let said = error.to_string();
    assert!(said.contains("no connection"), "{said}");
    assert!(said.contains("NAT gateway"), "{said}");
}
