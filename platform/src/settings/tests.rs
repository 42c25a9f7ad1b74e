mod captions;
mod secrets;

use std::path::Path;

use super::*;

fn read(variables: &[(&str, &str)]) -> Result<Settings, SettingError> {
    Settings::from_variables(
        variables
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned())),
    )
}

fn complaint(variables: &[(&str, &str)]) -> String {
    read(variables).unwrap_err().to_string()
}

#[test]
fn defaults_are_one_machine_on_loopback() {
    let settings = read(&[]).unwrap();

    assert_eq!(settings.bind.to_string(), "127.0.0.1:8080");
    assert_eq!(settings.database.kind(), DatabaseKind::Sqlite);
    assert_eq!(settings.storage, Storage::Folder("./data/objects".into()));
    assert_eq!(settings.public_rendition, PublicRendition::Anonymised);
    assert_eq!(settings.thumbnail_size, 400);
    assert!(settings.is_keyboard_admin());
    assert!(settings.warnings.is_empty());
}

#[test]
fn a_contact_is_a_mail_address_or_a_web_address() {
    let href = |value| {
        read(&[("VITRINE_CONTACT", value)])
            .unwrap()
            .contact
            .unwrap()
            .href
    };
    assert_eq!(href("photos@example.org"), "mailto:photos@example.org");
    assert_eq!(href("https://example.org/help"), "https://example.org/help");
    for value in [
        "call us",
        "javascript:alert(1)",
        "a@b",
        "a@example.org?subject=x",
        "a@b@example.org",
    ] {
        let complaint = complaint(&[("VITRINE_CONTACT", value)]);
        assert!(complaint.contains("photos@example.org"), "{complaint}");
    }
    assert_eq!(read(&[]).unwrap().contact, None);
}

#[test]
fn a_title_is_short_and_on_one_line() {
    assert_eq!(read(&[]).unwrap().title, "Vitrine");
    assert!(read(&[("VITRINE_TITLE", &"x".repeat(60))]).is_ok());
    for title in ["x".repeat(61), "two\nlines".to_owned()] {
        let complaint = complaint(&[("VITRINE_TITLE", &title)]);
        assert!(complaint.contains("VITRINE_TITLE"), "{complaint}");
    }
}

#[test]
fn public_bind_address_requires_a_password() {
    for bind in ["0.0.0.0:8080", "192.0.2.7:80", "[::]:8080"] {
        let complaint = complaint(&[("VITRINE_BIND", bind)]);
        assert!(complaint.contains("VITRINE_ADMIN_PASSWORD"), "{complaint}");
    }
    assert!(read(&[("VITRINE_BIND", "[::1]:8080")]).is_ok());
    assert!(
        read(&[
            ("VITRINE_BIND", "0.0.0.0:8080"),
            ("VITRINE_ADMIN_PASSWORD", "correct horse"),
        ])
        .is_ok()
    );
}

#[test]
fn empty_password_counts_as_unset() {
    let complaint = complaint(&[
        ("VITRINE_BIND", "0.0.0.0:8080"),
        ("VITRINE_ADMIN_PASSWORD", ""),
    ]);
    assert!(complaint.contains("VITRINE_ADMIN_PASSWORD"), "{complaint}");
}

#[test]
fn errors_name_the_variable_and_an_example() {
    for (name, value) in [
        ("VITRINE_BIND", "localhost"),
        ("VITRINE_WORKERS", "many"),
        ("VITRINE_WORKERS", "-1"),
        ("VITRINE_THUMBNAIL_SIZE", "0"),
        ("VITRINE_MAX_UPLOAD_MB", "0"),
        ("VITRINE_MAX_MEGAPIXELS", "1e9"),
        ("VITRINE_PUBLIC_RENDITION", "blurred"),
        ("VITRINE_UPLOADS", "everyone"),
        ("VITRINE_CAPTIONER", "magic"),
        ("VITRINE_CAPTION_LANGUAGE", "in English"),
        ("VITRINE_CAPTION_SOURCE", "blurred"),
        ("VITRINE_STORAGE", "s3://"),
        ("VITRINE_STORAGE", "s3://My_Photos"),
        ("VITRINE_STORAGE", "s3://my-photos/gallery"),
        ("AWS_REGION", "Frankfurt am Main"),
        ("AWS_ENDPOINT_URL", "localhost"),
        ("DATABASE_MAX_CONNECTIONS", "0"),
    ] {
        let complaint = complaint(&[(name, value)]);
        assert!(
            complaint.contains(&format!("{name}={value}")),
            "{complaint}"
        );
        assert!(complaint.contains("an example is"), "{complaint}");
    }
}

#[test]
fn errors_do_not_repeat_the_database_url() {
    let complaint = complaint(&[("DATABASE_URL", "oracle://scott:tiger@host/db")]);
    assert!(complaint.starts_with("DATABASE_URL"), "{complaint}");
    assert!(!complaint.contains("tiger"), "{complaint}");
}

#[test]
fn a_database_url_that_cannot_be_read_is_not_repeated() {
    for url in [
        "postgres://scott:ti/ger@host/db",
        "postgres://scott:tiger@ho st/db",
        "postgres://scott:tiger@host:port/db",
        "mysql://scott:tiger@[::1/db",
        "mariadb:scott:tiger@host/db",
        "postgres:tiger",
    ] {
        let complaint = complaint(&[("DATABASE_URL", url)]);
        assert!(
            complaint.starts_with("DATABASE_URL cannot be read"),
            "{complaint}"
        );
        assert!(!complaint.contains("ger"), "{complaint}");
    }
}

#[test]
fn secrets_do_not_show_in_debug_output() {
    for captioner in ["gemini", "openai"] {
        let settings = read(&[
            ("DATABASE_URL", "postgres://vitrine:tiger@localhost/vitrine"),
            ("VITRINE_ADMIN_PASSWORD", "correct horse"),
            ("VITRINE_CAPTIONER", captioner),
            ("GEMINI_API_KEY", "lion"),
            ("OPENAI_BASE_URL", "http://localhost/v1"),
            ("OPENAI_MODEL", "gemma3"),
            ("OPENAI_API_KEY", "lion"),
            ("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE"),
            ("AWS_SECRET_ACCESS_KEY", "lion"),
            ("AWS_SESSION_TOKEN", "lion"),
        ])
        .unwrap();
        let shown = format!("{settings:?}");
        for secret in ["tiger", "horse", "lion"] {
            assert!(!shown.contains(secret), "{shown}");
        }
    }
}

#[test]
fn storage_is_a_folder_or_a_bucket() {
    for (value, expected) in [
        ("/srv/pictures", Storage::Folder("/srv/pictures".into())),
        (
            "file:///srv/pictures",
            Storage::Folder("/srv/pictures".into()),
        ),
        ("s3://my-photos", Storage::S3("my-photos".to_owned())),
        ("s3://my.photos/", Storage::S3("my.photos".to_owned())),
    ] {
        let settings = read(&[("VITRINE_STORAGE", value)]).unwrap();
        assert_eq!(settings.storage, expected);
    }
}

#[test]
fn upload_limit_is_at_most_that_of_s3() {
    let most = ("VITRINE_MAX_UPLOAD_MB", "5120");
    let more = ("VITRINE_MAX_UPLOAD_MB", "5121");
    let s3 = ("VITRINE_STORAGE", "s3://my-photos");
    assert!(read(&[most, s3]).is_ok());
    assert!(read(&[more]).is_ok());
    let complaint = complaint(&[more, s3]);
    assert!(complaint.contains("VITRINE_MAX_UPLOAD_MB"), "{complaint}");
}

#[test]
fn half_an_access_key_pair_is_rejected_without_repeating_it() {
    for name in ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"] {
        let complaint = complaint(&[(name, "tiger")]);
        assert!(complaint.contains("set both"), "{complaint}");
        assert!(!complaint.contains("tiger"), "{complaint}");
    }
}

#[test]
fn queues_on_aws_imply_no_workers() {
    let queue = (
        "VITRINE_QUEUE",
        "https://sqs.eu-central-1.amazonaws.com/1/v-{step}",
    );
    let settings = read(&[queue]).unwrap();
    assert_eq!(settings.workers, 0);
    assert_eq!(settings.queue, QueueChoice::Sqs(queue.1.to_owned()));
    let complaint_of_both = complaint(&[queue, ("VITRINE_WORKERS", "2")]);
    assert!(
        complaint_of_both.contains("VITRINE_QUEUE"),
        "{complaint_of_both}"
    );
    for address in ["photos-{step}", "https://sqs.example/1/photos"] {
        let complaint = complaint(&[("VITRINE_QUEUE", address)]);
        assert!(complaint.starts_with("VITRINE_QUEUE="), "{complaint}");
    }
    assert_eq!(read(&[]).unwrap().queue, QueueChoice::Jobs);
}

#[test]
fn misspelt_settings_get_a_suggestion() {
    let settings = read(&[("VITRINE_THUMBNAL_SIZE", "200")]).unwrap();
    assert_eq!(
        settings.warnings,
        ["VITRINE_THUMBNAL_SIZE is no setting; did you mean VITRINE_THUMBNAIL_SIZE?"]
    );
}

#[test]
fn documented_settings_match_the_code() {
    assert!(
        include_str!("../../../docs/settings.md") == markdown(),
        "docs/settings.md is out of date; run `make settings`"
    );
}

#[test]
fn data_folder_with_special_characters_is_encoded() {
    let settings = DatabaseSettings::sqlite(Path::new("/tmp/50% off?/#1"));
    assert_eq!(settings.url(), "sqlite:///tmp/50%25 off%3f/%231?mode=rwc");
}
