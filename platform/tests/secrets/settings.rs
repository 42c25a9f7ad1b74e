//! Settings with secrets in Secrets Manager.

use platform::settings::{CaptionerChoice, DatabaseKind};
use secrecy::ExposeSecret as _;

use crate::kept::Vault;

#[tokio::test]
async fn secrets_are_read_like_settings() {
    let Some(vault) = Vault::start().await else {
        return;
    };
    let password = vault.moto.secret("correct horse").await;
    let key = vault.moto.secret("lion\n").await;

    let settings = vault
        .settings(&[
            ("VITRINE_BIND", "0.0.0.0:8080"),
            ("VITRINE_ADMIN_PASSWORD_SECRET_ARN", &password),
            ("GEMINI_API_KEY_SECRET_ARN", &key),
        ])
        .await
        .unwrap();

    let password = settings.admin_password.clone().unwrap();
    assert_eq!(password.expose_secret(), "correct horse");
    let CaptionerChoice::Gemini(gemini) = &settings.captioner else {
        panic!("a key chooses Gemini");
    };
    assert_eq!(gemini.api_key.expose_secret(), "lion");
    let shown = format!("{settings:?}");
    assert!(
        !shown.contains("horse") && !shown.contains("lion"),
        "{shown}"
    );
    assert!(settings.warnings.is_empty(), "{:?}", settings.warnings);
}

#[tokio::test]
async fn a_key_for_an_openai_compatible_server_is_read_like_a_setting() {
    let Some(vault) = Vault::start().await else {
        return;
    };
    let key = vault.moto.secret("lion\n").await;

    let settings = vault
        .settings(&[
            ("VITRINE_CAPTIONER", "openai"),
            ("OPENAI_BASE_URL", "https://models.example.org/v1"),
            ("OPENAI_MODEL", "qwen3-vl"),
            ("OPENAI_API_KEY_SECRET_ARN", &key),
        ])
        .await
        .unwrap();

    let CaptionerChoice::OpenAi(openai) = &settings.captioner else {
        panic!("it was chosen");
    };
    let key = openai.api_key.as_ref().unwrap();
    assert_eq!(key.expose_secret(), "lion");
}

#[tokio::test]
async fn ambiguous_or_malformed_secrets_are_rejected_without_repeating_them() {
    let Some(vault) = Vault::start().await else {
        return;
    };
    let plain = vault.moto.secret("lion").await;
    let pairs = vault.moto.secret(r#"{"key":"lion"}"#).await;
    let blank = vault.moto.secret(" ").await;
    for (variables, complaint) in [
        (
            vec![
                ("GEMINI_API_KEY_SECRET_ARN", plain.as_str()),
                ("GEMINI_API_KEY", "puma"),
            ],
            "GEMINI_API_KEY and GEMINI_API_KEY_SECRET_ARN are both set",
        ),
        (
            vec![("VITRINE_ADMIN_PASSWORD_SECRET_ARN", pairs.as_str())],
            "store it as plain text",
        ),
        (
            vec![("VITRINE_ADMIN_PASSWORD_SECRET_ARN", blank.as_str())],
            "the secret has no text",
        ),
        (
            vec![("DATABASE_SECRET_ARN", plain.as_str())],
            "not a JSON document with username and password",
        ),
    ] {
        let said = vault.settings(&variables).await.unwrap_err().to_string();
        assert!(said.contains(complaint), "{said}");
        assert!(!said.contains("lion") && !said.contains("puma"), "{said}");
    }
}

#[tokio::test]
async fn database_secret_has_the_address() {
    let Some(vault) = Vault::start().await else {
        return;
    };
    let arn = vault
        .moto
        .secret(
            r#"{"engine":"mysql","host":"db.example.org","username":"ada","password":"tiger",
                "dbname":"vitrine","port":3306}"#,
        )
        .await;
    let settings = vault.settings(&[("DATABASE_SECRET_ARN", &arn)]).await;
    let settings = settings.unwrap();
    assert_eq!(settings.database.kind(), DatabaseKind::MySql);
    assert!(!format!("{settings:?}").contains("tiger"));
}
