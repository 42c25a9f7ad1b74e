//! What people do with a browser.
//!
//! On several threads: the browser is told to go when it is dropped, which blocks one of them.

use std::path::PathBuf;

use reqwest::StatusCode;
use serde::Deserialize;
use thirtyfour::WebElement;

use crate::harness::{Browser, Home, Scripts, eventually};
use crate::photo;

/// A picture in the gallery as somebody sees it.
#[derive(Debug, Deserialize, PartialEq)]
struct Card {
    state: String,
    /// Whether its thumbnail is there, loaded and drawn.
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
            && self.caption.contains("without AI")
            && self.alt.as_ref() == Some(&self.caption)
    }
}

/// Leaves a mark that a reload would take away.
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
async fn two_files_become_ready_before_ones_eyes_without_a_reload() {
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
async fn the_page_of_an_image_shows_its_renditions_and_lets_one_retry_and_delete() {
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
    eventually("all renditions are shown", async || {
        let renditions: Vec<String> = browser.ask(shown).await;
        (renditions == ["original", "anonymised", "thumbnail"]).then_some(())
    })
    .await;
    mark(&browser).await;

    // The original becomes unreadable, and a step is done again.
    let original = home.objects().join(format!("uploads/{id}.jpg"));
    let content = std::fs::read(&original).unwrap();
    std::fs::write(&original, &content[..2000]).unwrap();
    home.run(["reprocess", "annotate", "--image", &id])
        .succeeded();
    let retry = browser
        .find(".step[data-step=annotate][data-state=failed] .retry button")
        .await;
    let reason = browser.find(".step[data-step=annotate] .step-error").await;
    assert!(reason.text().await.unwrap().contains("cut short"));

    // It is well again, and somebody clicks.
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
async fn without_javascript_the_plain_form_does_the_same() {
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
    let home = Home::with(&[("VITRINE_ADMIN_PASSWORD", "four random plain words")]);
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
    browser.find("figure[data-name=anonymised] img.full").await;
    assert_eq!(browser.count("figure[data-name=original]").await, 0);
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
