//! Reasons for which a server does not start, and its messages about them.

use crate::harness::Home;

#[tokio::test]
async fn a_second_server_on_the_same_data_folder_is_refused() {
    let home = Home::new();
    let server = home.serve();

    let second = home.run(["serve"]);

    let data = home.data();
    assert_eq!(
        second.refusal(),
        format!(
            "another vitrine already works in {}; stop it, or set VITRINE_DATA to another folder",
            data.display()
        )
    );
    let health = server.get("/health").send().await.unwrap();
    assert_eq!(health.status(), 200);
}

#[test]
fn a_port_in_use_is_named() {
    let home = Home::new();
    let server = home.serve();
    let address = server.url.strip_prefix("http://").unwrap();
    let other = Home::with(&[("VITRINE_BIND", address)]);

    let refused = other.run(["serve"]);

    let message = refused.refusal();
    let expected = format!(
        "cannot listen on {address}; choose another address, for example VITRINE_BIND=127.0.0.1:8081: "
    );
    assert!(message.starts_with(&expected), "{message}");
    assert!(message.contains("in use"), "{message}");
}

#[test]
fn without_a_password_it_listens_on_loopback_only() {
    for address in ["0.0.0.0:0", "[::]:0", "192.0.2.1:8080"] {
        let home = Home::with(&[("VITRINE_BIND", address)]);

        let refused = home.run(["serve"]);

        let message = refused.refusal();
        let expected = format!(
            "VITRINE_BIND is {address}, which others can reach, and no password is set: \
             set VITRINE_ADMIN_PASSWORD, for example VITRINE_ADMIN_PASSWORD="
        );
        assert!(message.starts_with(&expected), "{message}");
        assert!(!home.data().exists());
    }
}

#[tokio::test]
async fn with_a_password_it_listens_on_any_address() {
    let home = Home::with(&[
        ("VITRINE_BIND", "0.0.0.0:0"),
        ("VITRINE_ADMIN_PASSWORD", "four random plain words"),
    ]);
    let server = home.serve();
    let port = server.url.strip_prefix("http://0.0.0.0:").unwrap();

    let health = reqwest::get(format!("http://127.0.0.1:{port}/health")).await;

    assert_eq!(health.unwrap().status(), 200);
}

#[test]
fn an_invalid_setting_is_one_message_with_name_value_and_example() {
    let long = "a".repeat(40);
    for (name, value, example) in [
        ("VITRINE_BIND", "everywhere", "0.0.0.0:8080"),
        ("VITRINE_WORKERS", "many", "4"),
        ("VITRINE_WORKERS", "100000", "4"),
        ("VITRINE_CAPTIONER", "poet", "describe"),
        ("VITRINE_CAPTION_LANGUAGE", &long, "de-CH"),
        ("VITRINE_OCR", "sometimes", "off"),
        ("VITRINE_THUMBNAIL_SIZE", "1", "200"),
        ("VITRINE_MAX_UPLOAD_MB", "0", "20"),
        ("VITRINE_MAX_MEGAPIXELS", "-5", "50"),
        ("VITRINE_PUBLIC_RENDITION", "both", "original"),
        ("VITRINE_UPLOADS", "nobody", "anyone"),
        ("VITRINE_LOG_FORMAT", "xml", "json"),
        ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc", "http/protobuf"),
        ("OTEL_EXPORTER_OTLP_TIMEOUT", "soon", "10000"),
        ("VITRINE_LOG", "loud=very=", "info,functions=debug"),
    ] {
        let collector = ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:4318");
        let home = Home::with(&[(name, value), collector]);

        let refused = home.run(["serve"]);

        let message = refused.refusal();
        assert!(
            message.starts_with(&format!("{name}={value} ")),
            "{message}"
        );
        assert!(
            message.ends_with(&format!("; an example is {name}={example}")),
            "{message}"
        );
        assert!(!home.data().exists(), "{message}");
    }
}

#[test]
fn an_invalid_database_url_is_not_repeated_because_it_may_hold_a_password() {
    let home = Home::with(&[("DATABASE_URL", "oracle://me:secret@host/photos")]);

    let refused = home.run(["serve"]);

    let message = refused.refusal();
    assert!(
        message.starts_with("DATABASE_URL begins with none of"),
        "{message}"
    );
    assert!(message.ends_with("DATABASE_URL=postgres://vitrine:password@localhost/vitrine"));
    assert!(!message.contains("secret"));
}

#[test]
fn a_misspelt_setting_gets_a_suggestion() {
    let home = Home::with(&[("VITRINE_WORKER", "2")]);
    let server = home.serve();
    let log = server.log();
    assert!(
        log.contains("VITRINE_WORKER is no setting; did you mean VITRINE_WORKERS?"),
        "{log}"
    );
}

#[tokio::test]
async fn nobody_else_on_this_machine_can_read_what_it_keeps() {
    use std::os::unix::fs::PermissionsExt as _;
    let home = Home::new();
    let server = home.serve();
    server.upload("photo.jpg", crate::photo(1)).await;
    server.settled().await;

    let mut seen = 0;
    for entry in walkdir::WalkDir::new(home.data()) {
        let entry = entry.unwrap();
        let mode = entry.metadata().unwrap().permissions().mode() & 0o777;
        let private = if entry.file_type().is_dir() {
            0o700
        } else {
            0o600
        };
        assert_eq!(mode, private, "{}: {mode:o}", entry.path().display());
        seen += 1;
    }
    assert!(seen > 8, "the database, its log and four pictures");
}

#[tokio::test]
async fn the_name_of_the_host_is_not_told() {
    let home = Home::new();
    let ids = async || {
        let server = home.serve();
        let answer = server.get("/load-balancer-test").send().await.unwrap();
        let answer: serde_json::Value = answer.json().await.unwrap();
        server.terminate().await;
        answer["instance_id"].as_str().unwrap().to_owned()
    };
    let (first, second) = (ids().await, ids().await);

    assert!(first.starts_with("instance-"), "{first}");
    assert_ne!(first, second);
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap();
    assert!(!first.contains(host.trim()), "{first}");
}
