//! `make dev`: files are read from disk, and open pages follow their changes.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use reqwest::StatusCode;

use crate::harness::{Browser, Home, Scripts, eventually};

/// A changed style has to be visible within this time.
const PROMISE: Duration = Duration::from_secs(2);

/// Copies of the styles, scripts and templates, which a test may change.
fn copy_of_files(home: &Home) -> PathBuf {
    let copy = home.desk().join("web");
    for kind in ["static", "templates"] {
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join(kind);
        std::fs::create_dir_all(copy.join(kind)).unwrap();
        for file in std::fs::read_dir(source).unwrap() {
            let file = file.unwrap();
            std::fs::copy(file.path(), copy.join(kind).join(file.file_name())).unwrap();
        }
    }
    copy
}

fn append(file: &Path, text: &str) {
    let before = std::fs::read_to_string(file).unwrap();
    std::fs::write(file, before + text).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_style_is_seen_within_two_seconds_and_a_changed_template_reloads() {
    let home = Home::new();
    let files = copy_of_files(&home);
    let server = home.serve_files_of(&files);
    let Some(browser) = Browser::open(&server, Scripts::On).await else {
        return;
    };
    browser.goto("/gallery").await;
    // The page follows changes once it has fetched the list of files.
    let listens = "return performance.getEntriesByName(location.origin + '/dev/changes').length \
                   > 0 || window.listens === true;";
    browser
        .ask::<()>(
            "window.mark = 'still here';
             new EventSource('/dev/changes').onmessage = () => { window.listens = true; };",
        )
        .await;
    eventually("the page listens", async || {
        browser.ask::<bool>(listens).await.then_some(())
    })
    .await;

    // The fastest of several counts, because a busy machine may delay one of them.
    let mut fastest = Duration::MAX;
    for width in [11, 12, 13, 14, 15] {
        let style = format!("\nbody {{ outline: {width}px solid transparent; }}\n");
        append(&files.join("static/base.css"), &style);
        let changed = Instant::now();
        eventually("the style is seen", async || {
            let script = "return getComputedStyle(document.body).outlineWidth;";
            let seen: String = browser.ask(script).await;
            (seen == format!("{width}px")).then_some(())
        })
        .await;
        println!("a changed style was seen after {:?}", changed.elapsed());
        fastest = fastest.min(changed.elapsed());
    }
    assert!(fastest < PROMISE, "the fastest took {fastest:?}");
    let mark: Option<String> = browser.ask("return window.mark ?? null;").await;
    assert_eq!(mark.as_deref(), Some("still here"), "the page was reloaded");

    let template = files.join("templates/gallery.html");
    let text = std::fs::read_to_string(&template).unwrap();
    let end = text.rfind("{% endblock %}").unwrap();
    let marked = format!("{}<i id=\"new\"></i>{}", &text[..end], &text[end..]);
    std::fs::write(&template, marked).unwrap();
    browser.find("#new").await;
    browser.assert_no_complaints().await;
}

#[tokio::test]
async fn without_the_flag_the_script_and_its_route_are_absent() {
    let home = Home::new();
    let server = home.serve();

    let page = server.get("/gallery").send().await.unwrap();
    assert!(!page.text().await.unwrap().contains("/dev/"));
    for path in ["/dev/reload.js", "/dev/changes"] {
        let answer = server.get(path).send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::NOT_FOUND, "{path}");
    }
}
