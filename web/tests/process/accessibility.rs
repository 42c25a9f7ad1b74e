//! Every kind of page, checked by axe and in narrow windows.

use std::path::Path;

use serde_json::json;

use crate::harness::{Browser, Home, Scripts, Server};
use crate::photo;

/// The rules of WCAG 2.2, level AA, and axe's best practices.
const AXE: &str = "
    const [source, done] = arguments;
    (0, eval)(source);
    const tags = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'];
    axe.run(document, { runOnly: tags }).then(({ violations }) => done(violations.map(
        ({ help, nodes }) => `${help}: ${nodes.map(({ html }) => html).join(' ')}`,
    )));";

const OVERFLOW: &str = "
    const { scrollWidth, clientWidth } = document.documentElement;
    return scrollWidth - clientWidth;";

/// A page of each kind, with a picture in review and a released one.
async fn pages(server: &Server) -> Vec<String> {
    let released = server.upload("one.jpg", photo(1)).await;
    server.upload("two.jpg", photo(2)).await;
    server.settled().await;
    let release = format!("{}/api/images/{released}/release", server.url);
    let response = reqwest::Client::new().post(release).send().await.unwrap();
    assert!(response.status().is_success());
    let mut pages = vec![
        format!("/images/{released}"),
        format!("/images/{released}/thats-me"),
    ];
    let others = [
        "/gallery",
        "/gallery?q=photo",
        "/review",
        "/review/certain",
        "/removal-requests",
        "/captions",
        "/status",
        "/messages",
        "/tokens",
        "/trash",
        "/docs/problems",
        "/no-such-page",
    ];
    pages.extend(others.map(str::to_owned));
    pages
}

#[tokio::test(flavor = "multi_thread")]
async fn axe_finds_nothing_on_any_page_in_either_colour_scheme() {
    let home = Home::new();
    let server = home.serve();
    let Some(browser) = Browser::open(&server, Scripts::On).await else {
        return;
    };
    let Some(axe) = axe() else { return };
    let pages = pages(&server).await;
    for scheme in ["light", "dark"] {
        browser.prefer_colour_scheme(scheme).await;
        for page in &pages {
            browser.goto(page).await;
            let found = browser.driver.execute_async(AXE, vec![json!(axe)]).await;
            let found: Vec<String> = found.unwrap().convert().unwrap();
            assert!(found.is_empty(), "{page}, {scheme}: {found:#?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_page_scrolls_sideways_in_a_narrow_window() {
    let home = Home::new();
    let server = home.serve();
    let Some(browser) = Browser::open(&server, Scripts::On).await else {
        return;
    };
    let pages = pages(&server).await;
    for width in [320, 390, 640] {
        browser.set_width(width).await;
        for page in &pages {
            browser.goto(page).await;
            let overflow: i64 = browser.ask(OVERFLOW).await;
            assert_eq!(overflow, 0, "{page}, {width} pixels wide");
        }
    }
}

/// The source of axe, which the checks of the scripts install; none if they have not run here.
fn axe() -> Option<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("static-tests/node_modules");
    let source = std::fs::read_to_string(folder.join("axe-core/axe.min.js")).ok();
    if source.is_none() {
        let must = std::env::var("CI").is_ok_and(|ci| ci == "true");
        assert!(!must, "axe is not installed, and CI=true; run make test-js");
        println!("SKIPPED: axe is not installed; make test-js does it");
    }
    source
}
