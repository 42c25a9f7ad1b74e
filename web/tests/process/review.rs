//! The release desk and "that's me" in a real browser.
//!
//! The tests need several threads: closing the browser in `drop` blocks one of them.

use serde_json::Value;
use thirtyfour::{Key, TypingData, WebElement};

use crate::harness::{Browser, Home, Scripts, Server, eventually};
use crate::photo;

/// Photos of an event, reviewed with one key each.
const PICTURES: usize = 100;

const PASSWORD: &str = "four random plain words";

/// The id of the picture on the desk.
const ON_DESK: &str = "return document.querySelector('[data-desk-id]')?.dataset.deskId ?? null;";

const WHAT_HAS_FOCUS: &str = "return document.activeElement.hasAttribute('data-stage');";

async fn on_desk(browser: &Browser) -> Option<String> {
    browser.ask(ON_DESK).await
}

/// A key, pressed on whatever has the focus.
async fn press(browser: &Browser, key: impl Into<TypingData>) {
    let keys = browser.driver.action_chain().send_keys(key);
    keys.perform().await.unwrap();
}

async fn stage(browser: &Browser) -> WebElement {
    browser.find("[data-stage] svg").await
}

async fn boxes(server: &Server, id: &str) -> Vec<Value> {
    let answer = server.get(&format!("/api/images/{id}/boxes")).send().await;
    let json: Value = answer.unwrap().json().await.unwrap();
    json["items"].as_array().unwrap().clone()
}

async fn copy_is_current(server: &Server, id: &str) -> bool {
    let answer = server.get(&format!("/api/images/{id}/boxes")).send().await;
    let json: Value = answer.unwrap().json().await.unwrap();
    json["version"] == json["copy_version"]
}

async fn is_released(server: &Server, id: &str) -> bool {
    server.image(id).await["release"]["state"] == "released"
}

/// A server with a picture that is on the desk, and a browser that shows it there.
async fn open_desk(home: &Home, server: &Server, scripts: Scripts) -> Option<(Browser, String)> {
    let _ = home;
    let id = server.upload("one.jpg", photo(1)).await;
    server.settled().await;
    let is_live = matches!(scripts, Scripts::On);
    let browser = Browser::open(server, scripts).await?;
    browser.goto("/review").await;
    let ready = if is_live {
        "[data-stage].is-live"
    } else {
        "[data-stage] image"
    };
    browser.find(ready).await;
    Some((browser, id))
}

#[tokio::test(flavor = "multi_thread")]
async fn many_pictures_are_reviewed_by_keyboard_with_one_key_each() {
    let home = Home::new();
    let server = home.serve();
    let folder = home.desk().join("event");
    std::fs::create_dir(&folder).unwrap();
    for seed in 0..PICTURES {
        let photo = functions::testing::photo(seed as u64, 96, 64);
        std::fs::write(folder.join(format!("{seed}.jpg")), photo).unwrap();
    }
    home.run(["import".as_ref(), folder.as_os_str()])
        .succeeded();
    eventually("all copies are made", async || {
        let url = format!("{}/api/review?limit=1", server.url);
        let left: Value = reqwest::get(url).await.ok()?.json().await.ok()?;
        let pending = server.get("/api/images?limit=200").send().await.ok()?;
        let images: Value = pending.json().await.ok()?;
        let ready = |image: &Value| image["steps"]["anonymise"]["state"] == "done";
        let all = images["items"].as_array()?.iter().all(ready);
        (left["left"] == PICTURES && all).then_some(())
    })
    .await;
    let Some(browser) = Browser::open(&server, Scripts::On).await else {
        return;
    };
    browser.goto("/review").await;
    browser.find("[data-stage].is-live").await;

    let mut seen = Vec::new();
    for _ in 0..PICTURES {
        let id = on_desk(&browser).await.unwrap();
        assert!(!seen.contains(&id), "{id} comes twice");
        let has_focus: bool = browser.ask(WHAT_HAS_FOCUS).await;
        assert!(has_focus, "the keys are not meant for the picture");
        press(&browser, Key::Enter).await;
        eventually("the next picture", async || {
            (on_desk(&browser).await.as_ref() != Some(&id)).then_some(())
        })
        .await;
        seen.push(id);
    }

    assert_eq!(on_desk(&browser).await, None);
    let left = browser.find("[data-left]").await.text().await.unwrap();
    assert_eq!(left, "0 pictures left");
    eventually("all are released", async || {
        let images: Value = server
            .get("/api/review?filter=released")
            .send()
            .await
            .ok()?
            .json()
            .await
            .ok()?;
        (images["left"] == PICTURES).then_some(())
    })
    .await;
    browser.assert_no_complaints().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn boxes_are_drawn_kept_visible_and_removed_with_the_mouse() {
    let home = Home::new();
    let server = home.serve();
    let Some((browser, id)) = open_desk(&home, &server, Scripts::On).await else {
        return;
    };
    let before = boxes(&server, &id).await.len();
    let picture = stage(&browser).await;
    let actions = browser.driver.action_chain();
    actions
        .move_to_element_with_offset(&picture, -60, -40)
        .click_and_hold()
        .move_by_offset(30, 30)
        .move_by_offset(30, 20)
        .release()
        .perform()
        .await
        .unwrap();
    eventually("the box is saved", async || {
        (boxes(&server, &id).await.len() == before + 1).then_some(())
    })
    .await;

    // A click in it asks why it may stay visible.
    let actions = browser.driver.action_chain();
    actions
        .move_to_element_with_offset(&picture, -30, -15)
        .click()
        .perform()
        .await
        .unwrap();
    let why = browser.find("#review-why[open] input").await;
    why.send_keys("consent of 3 May").await.unwrap();
    press(&browser, Key::Enter).await;
    eventually("it is kept visible", async || {
        let boxes = boxes(&server, &id).await;
        let kept = |row: &&Value| row["state"] == "keep" && row["reason"] == "consent of 3 May";
        (boxes.iter().filter(kept).count() == 1).then_some(())
    })
    .await;

    press(&browser, Key::Delete).await;
    eventually("it is removed", async || {
        (boxes(&server, &id).await.len() == before).then_some(())
    })
    .await;
    press(&browser, "u").await;
    eventually("it is there again", async || {
        (boxes(&server, &id).await.len() == before + 1).then_some(())
    })
    .await;
    eventually("the copy shows the boxes", async || {
        copy_is_current(&server, &id).await.then_some(())
    })
    .await;
    press(&browser, Key::Enter).await;
    eventually("it is released with its boxes", async || {
        is_released(&server, &id).await.then_some(())
    })
    .await;
    browser.assert_no_complaints().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_finger_draws_a_box() {
    let home = Home::new();
    let server = home.serve();
    let Some((browser, id)) = open_desk(&home, &server, Scripts::On).await else {
        return;
    };
    let before = boxes(&server, &id).await.len();
    let [x, y]: [f64; 2] = browser
        .ask(
            "const svg = document.querySelector('[data-stage] svg');
             svg.scrollIntoView({ block: 'center' });
             const { left, top, width, height } = svg.getBoundingClientRect();
             return [left + width / 2, top + height / 2];",
        )
        .await;
    browser.touch("touchStart", Some([x, y])).await;
    for step in 1..=4 {
        let by = f64::from(step) * 12.0;
        browser.touch("touchMove", Some([x + by, y + by])).await;
    }
    browser.touch("touchEnd", None).await;

    eventually("the box is saved", async || {
        (boxes(&server, &id).await.len() == before + 1).then_some(())
    })
    .await;
    browser.assert_no_complaints().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_javascript_the_desk_has_forms() {
    let home = Home::new();
    let server = home.serve();
    let Some((browser, id)) = open_desk(&home, &server, Scripts::Off).await else {
        return;
    };
    let before = boxes(&server, &id).await.len();
    for (name, value) in [("x", "10"), ("y", "12"), ("width", "40"), ("height", "50")] {
        let field = browser
            .find(&format!(".box-fields:last-of-type input[name={name}]"))
            .await;
        field.send_keys(value).await.unwrap();
    }
    let caption = browser.find("#desk-caption").await;
    caption.clear().await.unwrap();
    caption.send_keys("Ada cuts the cake").await.unwrap();
    let release = browser.find("button[value=release]").await;
    release.scroll_into_view().await.unwrap();
    release.click().await.unwrap();

    browser.find(".review-empty").await;
    assert!(is_released(&server, &id).await);
    assert_eq!(boxes(&server, &id).await.len(), before + 1);
    let image = server.image(&id).await;
    assert_eq!(image["caption"]["text"], "Ada cuts the cake");
}

#[tokio::test(flavor = "multi_thread")]
async fn somebody_points_at_themselves_and_is_covered() {
    let home = Home::with(&[
        ("VITRINE_ADMIN_PASSWORD", PASSWORD),
        ("VITRINE_RELEASE", "at-once"),
    ]);
    let server = home.serve();
    let Some(browser) = Browser::open(&server, Scripts::On).await else {
        return;
    };
    browser.goto("/login").await;
    let password = browser.find("#password").await;
    password.send_keys(PASSWORD).await.unwrap();
    browser.find(".panel button").await.click().await.unwrap();
    browser.arrives_at("/").await;
    let path = home.desk().join("one.jpg");
    std::fs::write(&path, photo(1)).unwrap();
    browser.choose(&[&path]).await;
    browser.find(".card[data-state=ready]").await;
    browser.find(".account button").await.click().await.unwrap();
    browser.find(".account a[href='/login']").await;

    browser
        .find("#gallery .card a.frame")
        .await
        .click()
        .await
        .unwrap();
    let me = browser.find("a[href$='/thats-me']").await;
    me.scroll_into_view().await.unwrap();
    me.click().await.unwrap();
    let picture = browser.find("[data-point].is-live").await;
    picture.scroll_into_view().await.unwrap();
    picture.click().await.unwrap();
    let reason = browser.find("#reason").await;
    reason.send_keys("I am 12.").await.unwrap();
    let send = browser.find(".thats-me form button").await;
    send.scroll_into_view().await.unwrap();
    send.click().await.unwrap();

    let heading = browser.find("#state-heading").await.text().await.unwrap();
    assert_eq!(heading, "The place is covered");
    assert!(browser.path().await.starts_with("/removal/"));
    let see = browser.find(".actions a[href^='/images/']").await;
    see.click().await.unwrap();
    browser.find(".picture img.full").await;
    browser.assert_no_complaints().await;
}
