//! Secrets of the database, without fetching them.

use secrecy::SecretString;

use super::*;
use crate::secrets::Login;

const SELF_MADE: &str = r#"{"engine":"postgres","host":"db.example.org","port":5433,
    "username":"ada","password":"ti/ger@%41","dbname":"pictures"}"#;
const OF_RDS: &str = r#"{"username":"ada","password":"ti/ger@%41"}"#;

fn complete(json: &str, given: Option<&str>) -> Result<String, String> {
    Login::complete(&SecretString::from(json), given)
}

#[test]
fn complete_secret_becomes_an_address() {
    assert_eq!(
        complete(SELF_MADE, None).unwrap(),
        "postgres://ada:ti%2Fger%40%2541@db.example.org:5433/pictures"
    );
    let of_mariadb = SELF_MADE
        .replace("postgres", "mariadb")
        .replace("5433", "\"3307\"");
    assert_eq!(
        complete(&of_mariadb, None).unwrap(),
        "mysql://ada:ti%2Fger%40%2541@db.example.org:3307/pictures"
    );
}

#[test]
fn rds_secret_is_completed_from_database_url() {
    assert_eq!(
        complete(
            OF_RDS,
            Some("postgres://db.example.org/vitrine?sslmode=require")
        )
        .unwrap(),
        "postgres://ada:ti%2Fger%40%2541@db.example.org/vitrine?sslmode=require"
    );
}

#[test]
fn database_url_takes_precedence_over_the_secret() {
    assert_eq!(
        complete(SELF_MADE, Some("postgres://replica.example.org:6432/other")).unwrap(),
        "postgres://ada:ti%2Fger%40%2541@replica.example.org:6432/other"
    );
    assert_eq!(
        complete(SELF_MADE, Some("postgres://replica.example.org")).unwrap(),
        "postgres://ada:ti%2Fger%40%2541@replica.example.org:5433/pictures"
    );
}

#[test]
fn incomplete_address_is_rejected_without_repeating_the_secret() {
    for (json, given, complaint) in [
        (OF_RDS, None, "has no engine and host"),
        (
            OF_RDS,
            Some("postgres://db.example.org"),
            "name of the database",
        ),
        (
            OF_RDS,
            Some("postgres://me:tiger@db.example.org/x"),
            "remove them",
        ),
        (OF_RDS, Some("sqlite:photos.sqlite"), "has no host"),
        (r#"{"username":"ada"}"#, None, "not a JSON document with"),
        ("tiger", None, "not a JSON document with"),
    ] {
        let said = complete(json, given).unwrap_err();
        assert!(said.contains(complaint), "{said}");
        assert!(
            !said.contains("tiger") && !said.contains("ti/ger"),
            "{said}"
        );
    }
    let of_oracle = SELF_MADE.replace("postgres", "oracle");
    let said = complete(&of_oracle, None).unwrap_err();
    assert!(said.contains("the engine oracle"), "{said}");
}

#[test]
fn a_secret_does_not_show_in_debug_output() {
    let login = Login::read(&SecretString::from(OF_RDS)).unwrap();
    assert!(!format!("{login:?}").contains("ti/ger"));
}

#[test]
fn certificate_file_implies_verification() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let file = ("DATABASE_CA_FILE", file.path().to_str().unwrap());
    for (url, expected) in [
        ("postgres://h/d", "postgres://h/d?sslmode=verify-full"),
        ("mariadb://h/d", "mysql://h/d?ssl-mode=VERIFY_IDENTITY"),
        (
            "postgres://h/d?sslmode=verify-ca",
            "postgres://h/d?sslmode=verify-ca",
        ),
    ] {
        let settings = read(&[("DATABASE_URL", url), file]).unwrap();
        assert_eq!(settings.database.url(), expected);
    }
    let said = complaint(&[("DATABASE_CA_FILE", "/nowhere.pem")]);
    assert!(
        said.starts_with("DATABASE_CA_FILE=/nowhere.pem cannot be read"),
        "{said}"
    );
}

#[test]
fn lambda_functions_use_few_connections() {
    let connections =
        |variables: &[(&str, &str)]| read(variables).unwrap().database.max_connections();
    let lambda = ("AWS_LAMBDA_FUNCTION_NAME", "annotate");
    assert_eq!(connections(&[]), 10);
    assert_eq!(connections(&[lambda]), 2);
    assert_eq!(connections(&[lambda, ("DATABASE_MAX_CONNECTIONS", "5")]), 5);
}

#[test]
fn secret_arns_are_rejected_where_nothing_is_fetched() {
    let said = complaint(&[("GEMINI_API_KEY_SECRET_ARN", "arn:aws:secretsmanager:x")]);
    assert!(
        said.starts_with("GEMINI_API_KEY_SECRET_ARN names"),
        "{said}"
    );
}
