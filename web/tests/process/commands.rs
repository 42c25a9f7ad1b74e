//! The commands besides `serve`, `import` and those with files of their own.

use std::io::{Read as _, Write as _};
use std::path::Path;

use functions::testing::provider::{KEY, Provider};
use functions::testing::{claiming, photo};
use platform::Format;
use serde_json::Value;

use crate::harness::{Finished, Home, eventually, is_done};

fn keys(line: &str) -> Vec<String> {
    let line: Value = serde_json::from_str(line).unwrap();
    let mut keys: Vec<_> = line.as_object().unwrap().keys().cloned().collect();
    keys.sort();
    keys
}

fn size_of(path: &Path) -> (u32, u32) {
    image::image_dimensions(path).unwrap()
}

#[test]
fn render_writes_one_rendition_of_one_file_and_prints_one_line() {
    let home = Home::new();
    std::fs::write(home.desk().join("in.jpg"), photo(1, 800, 600)).unwrap();
    let out = home.desk().join("out.jpg");
    let line_of = |arguments: &[&str]| {
        let finished = home.run(arguments).succeeded();
        let [line] = finished.lines()[..] else {
            panic!("not one line: {finished:#?}");
        };
        line.to_owned()
    };

    let line = line_of(&["render", "thumbnail", "in.jpg", "out.jpg"]);
    assert_eq!(keys(&line), ["height", "millis", "width"]);
    let said: Value = serde_json::from_str(&line).unwrap();
    assert_eq!(
        (&said["width"], &said["height"]),
        (&400.into(), &300.into())
    );
    assert!(said["millis"].as_f64().unwrap() > 0.0);
    assert_eq!(size_of(&out), (400, 300));

    line_of(&["render", "thumbnail", "in.jpg", "out.jpg", "--size", "200"]);
    assert_eq!(size_of(&out), (200, 150));

    let line = line_of(&["render", "anonymised", "in.jpg", "out.jpg"]);
    assert_eq!(keys(&line), ["boxes", "height", "millis", "width"]);
    let said: Value = serde_json::from_str(&line).unwrap();
    assert!(said["boxes"].is_array());
    assert_eq!(size_of(&out), (800, 600));

    let line = line_of(&["render", "caption", "in.jpg", "out.txt"]);
    assert_eq!(
        keys(&line),
        [
            "caption", "faces", "height", "millis", "provider", "tags", "width"
        ]
    );
    let said: Value = serde_json::from_str(&line).unwrap();
    let caption = std::fs::read_to_string(home.desk().join("out.txt")).unwrap();
    assert_eq!(said["caption"], caption);
    assert!(caption.starts_with("Landscape-format photo"), "{caption}");

    line_of(&["render", "thumbnail", "in.jpg"]);
    assert!(!home.data().exists(), "it needs no database");
}

#[test]
fn render_says_why_a_file_cannot_be_rendered() {
    let home = Home::new();
    let huge = claiming(Format::Png, 60_000, 60_000);
    for (file, content, reason) in [
        (
            "notes.txt",
            b"notes".to_vec(),
            "this is not a picture Vitrine can read",
        ),
        (
            "cut.jpg",
            photo(1, 320, 240)[..2000].to_vec(),
            "the file is cut short",
        ),
        ("huge.png", huge, "60000 × 60000"),
    ] {
        std::fs::write(home.desk().join(file), content).unwrap();
        for rendition in ["thumbnail", "anonymised", "caption"] {
            let refused = home.run(["render", rendition, file, "out"]);
            assert!(refused.refusal().contains(reason), "{refused:#?}");
            assert!(!home.desk().join("out").exists());
        }
    }
    let missing = home.run(["render", "thumbnail", "missing.jpg"]);
    assert!(missing.refusal().starts_with("missing.jpg cannot be read"));
}

#[tokio::test]
async fn reprocess_queues_the_selected_steps_only() {
    let home = Home::new();
    let server = home.serve();
    let broken = server.upload("a.jpg", crate::photo(1)).await;
    server.upload("b.jpg", crate::photo(2)).await;
    server.settled().await;
    let stored = home.stored().await;
    let queued_at = async |image: &str, step: &str| {
        let steps = stored.steps().await;
        let of = |row: &&entity::step::Model| {
            row.image_id.to_string() == image && row.name.as_str() == step
        };
        steps.iter().find(of).unwrap().queued_at
    };
    let before = queued_at(&broken, "thumbnail").await;
    let others = queued_at(&broken, "annotate").await;

    // A dry run changes nothing.
    for (arguments, count) in [
        (&["all"][..], 6),
        (&["thumbnail"], 2),
        (&["annotate", "--image", &broken], 1),
        (&["all", "--failed"], 0),
    ] {
        let dry = home.run(["reprocess"].iter().chain(arguments).chain(&["--dry-run"]));
        let steps = if count == 1 { "step" } else { "steps" };
        assert_eq!(
            dry.succeeded().lines(),
            [format!("{count} {steps} would run again.")]
        );
    }
    assert_eq!(queued_at(&broken, "thumbnail").await, before);

    // One step of one image whose original has become unreadable: only that step fails.
    let original = home.objects().join(format!("uploads/{broken}.jpg"));
    let content = std::fs::read(&original).unwrap();
    std::fs::write(&original, &content[..2000]).unwrap();
    let one = home
        .run(["reprocess", "thumbnail", "--image", &broken])
        .succeeded();
    assert_eq!(
        one.lines(),
        ["1 step is queued; a running `vitrine serve` works on it."]
    );
    let image = eventually("it has failed", async || {
        let image = server.image(&broken).await;
        (image["steps"]["thumbnail"]["state"] == "failed").then_some(image)
    })
    .await;
    let reason = image["steps"]["thumbnail"]["error"].as_str().unwrap();
    assert!(reason.contains("cut short"), "{reason}");
    assert_eq!(image["steps"]["annotate"]["state"], "done");
    assert_eq!(queued_at(&broken, "annotate").await, others);

    // Failed steps, after the cause was removed.
    std::fs::write(&original, &content).unwrap();
    let failed = home.run(["reprocess", "all", "--failed"]).succeeded();
    assert_eq!(
        failed.lines(),
        ["1 step is queued; a running `vitrine serve` works on it."]
    );
    eventually("it is done", async || {
        is_done(&server.image(&broken).await).then_some(())
    })
    .await;

    // All steps.
    let all = home.run(["reprocess", "all"]).succeeded();
    assert_eq!(
        all.lines(),
        ["6 steps are queued; a running `vitrine serve` works on them."]
    );
    assert!(queued_at(&broken, "annotate").await > others);
    assert!(server.settled().await.iter().all(is_done));
}

#[tokio::test]
async fn reprocess_selects_captions_by_origin_and_estimates_the_cost() {
    let provider = Provider::start().await;
    let mut home = Home::new();
    let server = home.serve();
    server.upload("a.jpg", crate::photo(1)).await;
    server.upload("b.jpg", crate::photo(2)).await;
    let own = server.upload("c.jpg", crate::photo(3)).await;
    server.settled().await;
    server.describe(&own, "Ada at the window").await;
    server.terminate().await;
    home.set("VITRINE_CAPTIONER", "gemini");
    home.set("GEMINI_API_KEY", KEY);
    home.set("GEMINI_BASE_URL", &provider.gemini_url());
    home.set("VITRINE_CAPTION_PRICE", "USD 1 10");
    let dry = [
        "reprocess",
        "annotate",
        "--where",
        "provider=describe",
        "--dry-run",
    ];

    let before = home.run(dry).succeeded();
    assert_eq!(
        before.lines(),
        [
            "2 steps would run again.",
            "2 requests to gemini-3.5-flash; their cost is unknown until it has written a caption.",
        ]
    );
    let server = home.serve();
    server.upload("d.jpg", crate::photo(4)).await;
    server.settled().await;
    // The provider counts 1,290 tokens in and 100 out.
    assert_eq!(
        home.run(dry).succeeded().lines()[1],
        "2 requests to gemini-3.5-flash: about 2580 tokens sent and 200 back, about USD 0.0046."
    );

    home.run(["reprocess", "annotate", "--where", "provider=describe"])
        .succeeded();
    let images = server.settled().await;
    let by = |provider: &str| {
        let of = |image: &&serde_json::Value| image["caption"]["provider"] == provider;
        images.iter().filter(of).count()
    };
    assert_eq!((by("gemini"), by("describe")), (3, 0));
    assert_eq!(
        server.image(&own).await["caption"]["text"],
        "Ada at the window"
    );
    assert_eq!(provider.asked().len(), 3);
    let nobody = [
        "reprocess",
        "annotate",
        "--where",
        "language=fr",
        "--dry-run",
    ];
    assert_eq!(
        home.run(nobody).succeeded().lines(),
        ["0 steps would run again."]
    );
    let odd = home.run(["reprocess", "annotate", "--where", "mood=calm"]);
    assert!(odd.stderr.contains("provider=describe"), "{}", odd.stderr);
    let other = home.run(["reprocess", "thumbnail", "--where", "language=en"]);
    assert!(other.refusal().contains("use it with annotate"));
}

#[test]
fn reprocess_refuses_unknown_images_and_steps() {
    let home = Home::new();
    let nobody = "01234567-89ab-7def-8123-456789abcdef";

    let image = home.run(["reprocess", "all", "--image", nobody]);
    let function = home.run(["reprocess", "embellish"]);

    assert!(
        image
            .refusal()
            .starts_with(&format!("there is no image {nobody}"))
    );
    assert_eq!(function.status.code(), Some(2));
    assert!(
        function
            .stderr
            .contains("thumbnail, anonymise, annotate, all")
    );
}

#[test]
fn doctor_succeeds_when_everything_works() {
    let home = Home::new();
    let _server = home.serve();

    let doctor = home.run(["doctor"]).succeeded();

    assert_eq!(doctor.lines().last(), Some(&"All is well."));
    for what in [
        "settings", "schema", "database", "store", "captions", "faces",
    ] {
        let line = format!("ok    {what}: ");
        assert!(doctor.stdout.contains(&line), "{what}: {doctor:#?}");
    }
    let left: Vec<_> = std::fs::read_dir(home.objects().join("thumbnails"))
        .unwrap()
        .collect();
    assert!(left.is_empty(), "{left:?}");
}

#[test]
fn doctor_says_whether_text_in_pictures_is_read() {
    let folders = ["/usr/local/bin", "/usr/bin", "/bin"].join(":");
    for (setting, path, expected) in [
        ("auto", "/nonexistent", "tesseract-ocr-deu"),
        ("auto", &*folders, "tesseract reads eng and deu"),
        ("off", &*folders, "not read, because of VITRINE_OCR=off"),
    ] {
        let home = Home::with(&[("VITRINE_OCR", setting), ("PATH", path)]);
        let doctor = home.run(["doctor"]).succeeded();
        let mut lines = doctor.lines().into_iter();
        let line = lines.find(|line| line.starts_with("ok    text in pictures: "));
        assert!(
            line.is_some_and(|line| line.contains(expected)),
            "{doctor:#?}"
        );
    }
}

#[test]
fn doctor_says_when_the_store_cannot_be_written() {
    let home = Home::with(&[("VITRINE_STORAGE", "/proc/no/store")]);
    assert_doctor_names(
        &home,
        "see VITRINE_STORAGE: opening the folder /proc/no/store",
    );
}

#[test]
fn doctor_says_when_the_database_is_damaged() {
    let home = Home::new();
    std::fs::create_dir(home.data()).unwrap();
    std::fs::write(home.data().join("vitrine.sqlite"), "no database".repeat(99)).unwrap();
    assert_doctor_names(&home, "file is not a database");
}

#[test]
fn doctor_says_when_the_database_does_not_exist() {
    let home = Home::with(&[("DATABASE_URL", "postgres://nobody@127.0.0.1:1/nothing")]);
    assert_doctor_names(&home, "the database cannot be opened; see DATABASE_URL");
}

#[track_caller]
fn assert_doctor_names(home: &Home, culprit: &str) {
    let doctor = home.run(["doctor"]);

    assert_eq!(doctor.status.code(), Some(1), "{doctor:#?}");
    let mut failures = doctor
        .stdout
        .lines()
        .filter(|line| line.starts_with("FAIL"));
    assert!(failures.any(|line| line.contains(culprit)), "{doctor:#?}");
    assert!(
        doctor.stdout.contains("ok    faces: "),
        "it goes on to the end"
    );
    assert!(!doctor.stdout.contains("All is well."));
}

#[tokio::test]
async fn health_asks_the_server_at_the_configured_address() {
    let home = Home::new();
    let server = home.serve();
    let port = server.url.rsplit(':').next().unwrap().to_owned();
    let asked = |bind: &str| Finished::of(home.vitrine(["health"]).env("VITRINE_BIND", bind));

    // 0.0.0.0 is no destination, so the command connects to loopback. It needs no password.
    for ip in ["127.0.0.1", "0.0.0.0"] {
        let health = asked(&format!("{ip}:{port}")).succeeded();
        assert_eq!(health.lines(), ["ok"]);
    }

    server.terminate().await;
    let gone = asked(&format!("127.0.0.1:{port}"));
    let message = format!("127.0.0.1:{port} does not answer");
    assert!(gone.refusal().starts_with(&message), "{gone:#?}");
    let nonsense = asked("here");
    assert!(nonsense.refusal().contains("VITRINE_BIND"), "{nonsense:#?}");
}

#[test]
fn health_says_when_the_server_is_about_to_stop() {
    let home = Home::new();
    let draining = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = draining.local_addr().unwrap().to_string();
    let answering = std::thread::spawn(move || {
        let (mut stream, _) = draining.accept().unwrap();
        let mut request = [0; 512];
        let length = stream.read(&mut request).unwrap();
        stream
            .write_all(b"HTTP/1.1 503 Service Unavailable\r\n\r\ndraining")
            .unwrap();
        String::from_utf8_lossy(&request[..length]).into_owned()
    });

    let health = Finished::of(home.vitrine(["health"]).env("VITRINE_BIND", &address));

    assert_eq!(health.refusal(), format!("{address} answers 503"));
    let request = answering.join().unwrap();
    assert!(request.starts_with("GET /health HTTP/1.1\r\n"), "{request}");
}

#[tokio::test]
async fn migrate_creates_the_schema_and_is_idempotent() {
    let home = Home::new();
    for _ in 0..2 {
        let migrated = home.run(["migrate"]).succeeded();
        assert_eq!(migrated.lines(), ["The database's schema is up to date."]);
    }
    assert!(home.stored().await.images().await.is_empty());
}

#[test]
fn settings_lists_every_setting() {
    let home = Home::new();
    let listed = home.run(["settings"]).succeeded();
    for setting in platform::settings::TABLE {
        assert!(
            listed.stdout.contains(&format!("| `{}` |", setting.name)),
            "{}",
            setting.name
        );
    }
    assert!(!home.data().exists());
}

#[test]
fn every_command_has_help() {
    let home = Home::new();
    let all = home.run(["--help"]).succeeded();
    let commands = [
        "serve",
        "migrate",
        "import",
        "render",
        "reprocess",
        "doctor",
        "health",
        "settings",
    ];
    for command in commands {
        assert!(all.stdout.contains(&format!("\n  {command} ")), "{command}");
        let help = home.run([command, "--help"]).succeeded();
        assert!(
            help.stdout.contains(&format!("\nUsage: vitrine {command}")),
            "{command}"
        );
    }
    let nonsense = home.run(["dance"]);
    assert_eq!(nonsense.status.code(), Some(2));
    assert!(!home.data().exists());
}

#[tokio::test]
async fn a_token_is_valid_from_token_add_until_token_revoke() {
    let home = Home::with(&[("VITRINE_ADMIN_PASSWORD", "four random plain words")]);
    let server = home.serve();
    let made = home
        .run(["token", "add", "ci job", "--may", "read", "--days", "7"])
        .succeeded();
    let [token] = made.lines()[..] else {
        panic!("not the token alone: {made:#?}");
    };
    let ask = async |path: &str| {
        let request = server.get(path).bearer_auth(token);
        request.send().await.unwrap().status().as_u16()
    };

    assert_eq!(ask("/api/captions").await, 200);
    let listed = home.run(["token", "list"]).succeeded();
    assert!(!listed.stdout.contains(&token[3..]), "{listed:#?}");
    let lines = listed.lines();
    assert_eq!(lines.len(), 2);
    assert!(lines[1].starts_with("ci job  read"), "{listed:#?}");
    assert!(lines[1].contains("valid until") && !lines[1].contains("never"));

    home.run(["token", "revoke", "ci job"]).succeeded();

    assert_eq!(ask("/api/captions").await, 401);
    assert_eq!(ask("/api/images").await, 401);
    let listed = home.run(["token", "list"]).succeeded();
    assert!(listed.lines()[1].contains("revoked"), "{listed:#?}");
}

#[test]
fn token_commands_explain_refusals() {
    let home = Home::new();
    let refusal = |arguments: &[&str]| home.run(arguments).refusal().to_owned();
    home.run(["token", "add", "camera", "--may", "upload"])
        .succeeded();

    let message = refusal(&["token", "add", "camera", "--may", "read"]);
    assert!(message.contains("choose another"), "{message}");
    let message = refusal(&["token", "add", "other", "--may", "read", "--days", "0"]);
    assert!(message.contains("between 1 and"), "{message}");
    let message = refusal(&["token", "revoke", "nothing"]);
    assert!(message.contains("vitrine token list"), "{message}");
    let unknown = home.run(["token", "add", "other", "--may", "everything"]);
    assert_eq!(unknown.status.code(), Some(2));
    assert!(unknown.stderr.contains("read, upload, manage"));
}
