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
fn nothing_set_gives_one_machine_that_only_it_can_reach() {
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
fn an_address_that_others_can_reach_needs_a_password() {
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
fn an_empty_password_is_no_password() {
    let complaint = complaint(&[
        ("VITRINE_BIND", "0.0.0.0:8080"),
        ("VITRINE_ADMIN_PASSWORD", ""),
    ]);
    assert!(complaint.contains("VITRINE_ADMIN_PASSWORD"), "{complaint}");
}

#[test]
fn a_bad_value_is_named_with_an_example() {
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
fn a_database_url_that_cannot_be_used_is_not_repeated_because_it_may_hold_a_password() {
    let complaint = complaint(&[("DATABASE_URL", "oracle://scott:tiger@host/db")]);
    assert!(complaint.starts_with("DATABASE_URL"), "{complaint}");
    assert!(!complaint.contains("tiger"), "{complaint}");
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
fn objects_are_kept_in_a_folder_or_in_a_bucket() {
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
fn uploads_are_not_larger_than_what_s3_takes() {
    let most = ("VITRINE_MAX_UPLOAD_MB", "5120");
    let more = ("VITRINE_MAX_UPLOAD_MB", "5121");
    let s3 = ("VITRINE_STORAGE", "s3://my-photos");
    assert!(read(&[most, s3]).is_ok());
    assert!(read(&[more]).is_ok());
    let complaint = complaint(&[more, s3]);
    assert!(complaint.contains("VITRINE_MAX_UPLOAD_MB"), "{complaint}");
}

#[test]
fn half_a_pair_of_keys_is_refused_without_being_repeated() {
    for name in ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"] {
        let complaint = complaint(&[(name, "tiger")]);
        assert!(complaint.contains("set both"), "{complaint}");
        assert!(!complaint.contains("tiger"), "{complaint}");
    }
}

#[test]
fn where_aws_has_the_queues_nobody_works_here() {
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
fn a_misspelt_setting_is_pointed_out() {
    let settings = read(&[("VITRINE_THUMBNAL_SIZE", "200")]).unwrap();
    assert_eq!(
        settings.warnings,
        ["VITRINE_THUMBNAL_SIZE is no setting; did you mean VITRINE_THUMBNAIL_SIZE?"]
    );
}

#[test]
fn the_documented_settings_are_the_ones_there_are() {
    assert!(
        include_str!("../../../docs/settings.md") == markdown(),
        "docs/settings.md is out of date; run `make settings`"
    );
}

#[test]
fn a_data_folder_with_special_characters_becomes_a_sound_address() {
    let settings = DatabaseSettings::sqlite(Path::new("/tmp/50% off?/#1"));
    assert_eq!(settings.url(), "sqlite:///tmp/50%25 off%3f/%231?mode=rwc");
}
