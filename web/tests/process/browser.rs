//! The pages in a real browser.
//!
//! The tests need several threads: closing the browser in `drop` blocks one of them.

use std::path::PathBuf;

use reqwest::StatusCode;
use serde::Deserialize;
use thirtyfour::WebElement;

use crate::harness::{Browser, Home, Scripts, eventually};
use crate::photo;

/// A picture in the gallery as it is displayed.
#[derive(Debug, Deserialize, PartialEq)]
struct Card {
    state: String,
    /// Whether its thumbnail is loaded and visible.
    is_shown: bool,
    alt: Option<String>,
    caption: String,
}

const CARDS: &str = "
    return [...document.querySelectorAll('#gallery .card')].map((card) => {
        const thumb = card.querySelector('img.thumb');
        return {
            state: card.dataset.state,
            is_shown: Boolean(thumb?.complete && thumb.naturalWidth > 0 && thumb.checkVisibility()),
            alt: thumb?.alt ?? null,
            caption: card.querySelector('.caption').textContent,
        };
    });";

impl Card {
    fn is_ready(&self) -> bool {
        self.state == "ready"
            && self.is_shown
            && self.caption.contains("-format photo")
            && self.alt.as_ref() == Some(&self.caption)
    }
}

/// Leaves a mark that a reload would remove.
async fn mark(browser: &Browser) {
    browser.ask::<()>("window.mark = 'still here';").await;
}

async fn assert_not_reloaded(browser: &Browser) {
    let mark: Option<String> = browser.ask("return window.mark ?? null;").await;
    assert_eq!(mark.as_deref(), Some("still here"), "the page was reloaded");
}

fn two_photos(home: &Home) -> [PathBuf; 2] {
    [1, 2].map(|seed| {
        let path = home.desk().join(format!("{seed}.jpg"));
        std::fs::write(&path, photo(seed)).unwrap();
        path
    })
}

async fn click(element: WebElement) {
    element.scroll_into_view().await.unwrap();
    element.click().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn two_uploads_become_ready_without_a_reload() {
    let home = Home::new();
    let server = home.serve();
    let Some(browser) = Browser::open(&server, Scripts::On).await else {
        return;
    };
    browser.goto("/").await;
    assert!(browser.find("#empty").await.is_displayed().await.unwrap());
    mark(&browser).await;

    let [first, second] = two_photos(&home);
    browser.choose(&[&first, &second]).await;

    let names = "return [...document.querySelectorAll('[data-rows] .upload')].map((row) => \
                 row.querySelector('.upload-name').textContent + ' ' + row.dataset.state);";
    eventually("both are uploaded", async || {
        let rows: Vec<String> = browser.ask(names).await;
        (rows == ["1.jpg done", "2.jpg done"]).then_some(())
    })
    .await;
    eventually("both are ready", async || {
        let cards: Vec<Card> = browser.ask(CARDS).await;
        (cards.len() == 2 && cards.iter().all(Card::is_ready)).then_some(())
    })
    .await;
    assert_not_reloaded(&browser).await;
    assert!(!browser.find("#empty").await.is_displayed().await.unwrap());
    browser.assert_no_complaints().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_image_page_shows_renditions_and_can_retry_and_delete() {
    let home = Home::new();
    let server = home.serve();
    let id = server.upload("one.jpg", photo(1)).await;
    server.settled().await;
    let Some(browser) = Browser::open(&server, Scripts::On).await else {
        return;
    };
    browser.goto("/gallery").await;
    click(browser.find("#gallery .card a.frame").await).await;
    browser.arrives_at(&format!("/images/{id}")).await;
    let shown = "
        return [...document.querySelectorAll('figure.rendition')]
            .filter((figure) => figure.querySelector('img.full')?.naturalWidth > 0)
            .map((figure) => figure.dataset.name);";
    eventually("copy and original are shown", async || {
        let renditions: Vec<String> = browser.ask(shown).await;
        (renditions == ["anonymised", "original"]).then_some(())
    })
    .await;
    mark(&browser).await;

    // The original becomes unreadable, and a step runs again.
    let original = home.objects().join(format!("uploads/{id}.jpg"));
    let content = std::fs::read(&original).unwrap();
    std::fs::write(&original, &content[..2000]).unwrap();
    home.run(["reprocess", "annotate", "--image", &id])
        .succeeded();
    let retry = browser
        .find(".tasks [data-step=annotate] .retry button")
        .await;
    let reason = browser
        .find(".tasks [data-step=annotate] .trouble-reason")
        .await;
    assert!(reason.text().await.unwrap().contains("cut short"));

    // The original is restored, and the button pressed.
    std::fs::write(&original, &content).unwrap();
    click(retry).await;
    browser
        .find(".step[data-step=annotate][data-state=done]")
        .await;
    assert_not_reloaded(&browser).await;

    click(browser.find("#delete summary").await).await;
    click(browser.find("#delete button").await).await;
    browser.arrives_at("/gallery").await;
    assert_eq!(browser.count("#gallery .card").await, 0);
    assert!(server.images().await.is_empty());
    browser.assert_no_complaints().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_upload_form_works_without_javascript() {
    let home = Home::new();
    let server = home.serve();
    let Some(browser) = Browser::open(&server, Scripts::Off).await else {
        return;
    };
    browser.goto("/").await;
    let is_live: bool = browser
        .ask("return document.querySelector('[data-upload]').classList.contains('is-live');")
        .await;
    assert!(!is_live, "scripts run although they are off");

    let [first, second] = two_photos(&home);
    browser.choose(&[&first, &second]).await;
    click(browser.find("[data-upload] button").await).await;

    browser.arrives_at("/gallery").await;
    eventually("both are ready, after reloading often enough", async || {
        browser.driver.refresh().await.unwrap();
        let cards: Vec<Card> = browser.ask(CARDS).await;
        (cards.len() == 2 && cards.iter().all(Card::is_ready)).then_some(())
    })
    .await;
    click(browser.find("#gallery .card a.frame").await).await;
    click(browser.find("#delete summary").await).await;
    click(browser.find("#delete button").await).await;
    browser.arrives_at("/gallery").await;
    assert_eq!(browser.count("#gallery .card").await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_visitor_sees_no_form_and_no_original() {
    let home = Home::with(&[
        ("VITRINE_ADMIN_PASSWORD", "four random plain words"),
        ("VITRINE_RELEASE", "at-once"),
    ]);
    let server = home.serve();
    let Some(browser) = Browser::open(&server, Scripts::On).await else {
        return;
    };
    browser.goto("/login").await;
    let password = browser.find("#password").await;
    password.send_keys("four random plain words").await.unwrap();
    click(browser.find(".panel button").await).await;
    browser.arrives_at("/").await;
    let [first, _] = two_photos(&home);
    browser.choose(&[&first]).await;
    eventually("it is ready", async || {
        let cards: Vec<Card> = browser.ask(CARDS).await;
        (cards.len() == 1 && cards[0].is_ready()).then_some(())
    })
    .await;
    assert_eq!(browser.count("[data-upload]").await, 1);

    click(browser.find(".account button").await).await;

    browser.find(".account a[href='/login']").await;
    assert_eq!(browser.count("[data-upload]").await, 0);
    eventually("the public thumbnail is shown", async || {
        let cards: Vec<Card> = browser.ask(CARDS).await;
        (cards.len() == 1 && cards[0].is_ready()).then_some(())
    })
    .await;
    click(browser.find("#gallery .card a.frame").await).await;
    browser.find(".picture img.full").await;
    assert_eq!(browser.count("figure.rendition, #technical").await, 0);
    assert_eq!(browser.count("a[href*='/original']").await, 0);
    assert_eq!(browser.count("#delete").await, 0);
    let path = browser.path().await;
    let original = format!("/api{path}/original");
    let refused = server.get(&original).send().await.unwrap();
    assert_eq!(refused.status(), StatusCode::UNAUTHORIZED);
    let shown: u16 = browser
        .ask(&format!(
            "return fetch('{original}').then((answer) => answer.status);"
        ))
        .await;
    assert_eq!(shown, 401);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_api_page_makes_a_real_upload() {
    let home = Home::new();
    let server = home.serve();
    let Some(browser) = Browser::open(&server, Scripts::On).await else {
        return;
    };
    browser.goto("/docs").await;
    let upload = "#operations-Images-uploadImage";
    click(
        browser
            .find(&format!("{upload} .opblock-summary-control"))
            .await,
    )
    .await;
    click(browser.find(&format!("{upload} .try-out__btn")).await).await;
    let [first, _] = two_photos(&home);
    let file = browser.find(&format!("{upload} input[type=file]")).await;
    file.send_keys(first.to_str().unwrap()).await.unwrap();
    click(browser.find(&format!("{upload} .execute")).await).await;

    let answer = browser
        .find(&format!(
            "{upload} .live-responses-table tbody .response-col_status"
        ))
        .await;
    eventually("the answer is shown", async || {
        let status = answer.text().await.unwrap();
        status.starts_with("201").then_some(())
    })
    .await;
    let images = server.settled().await;
    assert_eq!(images.len(), 1);
    assert_eq!(images[0]["file_name"], "1.jpg");
    browser.assert_no_complaints().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_api_page_sends_the_token_that_it_is_given() {
    let home = Home::new();
    let server = home.serve();
    let Some(browser) = Browser::open(&server, Scripts::On).await else {
        return;
    };
    browser.goto("/docs").await;
    click(browser.find(".auth-wrapper .authorize").await).await;
    let token = browser.find("#auth-bearer-value").await;
    token.send_keys("vt_0123456789").await.unwrap();
    click(
        browser
            .find("form:has(#auth-bearer-value) .authorize")
            .await,
    )
    .await;
    click(browser.find(".modal-ux .close-modal").await).await;
    let list = "#operations-Messages-listMessages";
    click(
        browser
            .find(&format!("{list} .opblock-summary-control"))
            .await,
    )
    .await;
    click(browser.find(&format!("{list} .try-out__btn")).await).await;
    click(browser.find(&format!("{list} .execute")).await).await;

    let curl = browser.find(&format!("{list} .curl-command")).await;

    let curl = curl.text().await.unwrap();
    assert!(
        curl.contains("Authorization: Bearer vt_0123456789"),
        "{curl}"
    );
}
