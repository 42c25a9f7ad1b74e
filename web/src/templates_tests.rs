//! Every page in every state it can be in, rendered from the fields the handlers give.

use serde_json::{Value, json};

use super::Templates;

const HOSTILE: &str = r#""><script>alert(1)</script><img src=x onerror=alert(2)>.jpg"#;

fn page(role: &str) -> Value {
    let admin = role == "admin";
    json!({
        "title": "Gallery", "path": "/gallery", "notice": null, "version": "0.1.0",
        "site": { "title": "Vitrine", "reviews_each": true, "contact": null },
        "max_upload_mb": 50, "max_megapixels": 100, "trash_days": 30,
        "viewer": {
            "role": role, "name": role, "may_upload": admin, "may_post": admin,
            "may_manage": admin, "may_manage_tokens": admin, "can_sign_in": !admin, "signed_in": admin,
        },
    })
}

fn step(name: &str, state: &str) -> Value {
    let ended = matches!(state, "done" | "failed" | "blocked");
    let failed = matches!(state, "failed" | "blocked");
    let error = failed.then_some("The picture ends in the middle <of> a line.");
    json!({
        "name": name, "label": format!("Step {name}"), "state": state, "error": error, "more": failed.then_some("os error 111"), "paused": false,
        "attempts": u8::from(state != "queued"), "may_retry": state == "failed",
        "finished_at": ended.then_some("2026-11-21T07:10:00Z"),
        "queued_at": "2026-11-21T07:09:58Z", "queued_text": "07:09:58",
        "started_at": (state != "queued").then_some("2026-11-21T07:09:59Z"),
        "started_text": (state != "queued").then_some("07:09:59"),
        "finished_text": ended.then_some("07:10:00"), "millis": ended.then_some(412),
        "history": if state == "queued" { json!([]) } else { json!([
            { "attempt": 1, "outcome": if failed { state } else { "done" },
              "at": "2026-11-21T07:10:00Z", "text": "07:10:00",
              "millis": null, "error": error },
        ]) },
    })
}

fn image(state: &str, step_state: &str) -> Value {
    let ready = state == "ready";
    json!({
        "id": "0197", "url": "/images/0197", "file_name": HOSTILE, "state": state, "paused": null,
        "alt": "A wide picture, mostly green", "heading": "A wide picture, mostly green", "caption": ready.then_some("A wide picture, mostly green"),
        "caption_parts": if ready { json!([
            { "text": "A wide picture, ", "marked": false }, { "text": "mostly", "marked": true },
            { "text": " green", "marked": false },
        ]) } else { json!([]) },
        "caption_note": ready.then_some("Described without AI"), "caption_language": ready.then_some("en"),
        "decorative": false, "checked": !ready, "paragraph": HOSTILE,
        "release": { "state": if ready { "released" } else { "review" }, "text": "Released" },
        "width": 1600, "height": 900,
        "thumbnail_url": ready.then_some("/api/images/0197/thumbnail"),
        "thumbnail_src": ready.then_some("/api/images/0197/thumbnail"),
        "placeholder": "data:image/png;base64,AAAA",
        "uploaded_at": "2026-11-21T07:09:58Z", "uploaded_text": "21 Nov 2026, 07:09 UTC", "uploaded_day": "21 Nov 2026",
        "steps": [step("thumbnail", step_state), step("anonymise", step_state), step("annotate", step_state)],
    })
}

fn images() -> Vec<Value> {
    let mut bare = image("working", "queued");
    bare["placeholder"] = Value::Null;
    vec![
        image("ready", "done"),
        image("working", "running"),
        image("failed", "failed"),
        image("blocked", "blocked"),
        bare,
    ]
}

/// Renders, and holds every page to what the content security policy and decency ask.
fn render(name: &str, values: &Value) -> String {
    let html = Templates::new().unwrap().render(name, values).unwrap();
    for (position, _) in html.match_indices('<') {
        let tag = html[position..].split('>').next().unwrap();
        assert!(!tag.contains(" style="), "{name}: {tag}");
        // Every other piece is a quoted value, in which quotes are escaped.
        let handler = tag
            .split('"')
            .step_by(2)
            .flat_map(str::split_whitespace)
            .find(|word| word.starts_with("on") && word.contains('='));
        assert_eq!(handler, None, "{name}: {tag}");
        if tag.starts_with("<script") {
            assert!(tag.contains(" src="), "{name}: inline script");
        }
        if tag.starts_with("<img") {
            assert!(tag.contains(" alt="), "{name}: {tag}");
        }
    }
    html
}

fn gallery(role: &str, images: &[Value], query: Option<&str>, is_home: bool) -> String {
    let next = (!images.is_empty()).then_some("/gallery?after=c1");
    let card = |image| render("card.html", &json!({ "page": page(role), "image": image }));
    let cards: Vec<_> = images.iter().map(card).collect();
    render(
        "gallery.html",
        &json!({ "page": page(role), "cards": cards, "next_url": next, "query": query, "is_home": is_home }),
    )
}

fn image_page(role: &str, image: &Value) -> String {
    let admin = role == "admin";
    let ready = image["state"] == "ready";
    let rendition = |name: &str, shown: bool| {
        let url = shown.then(|| format!("/api/images/0197/{name}"));
        json!({
            "name": name, "label": name, "save_label": format!("Save the {name}"),
            "url": url, "src": url, "save_url": url,
            "state": if ready || name == "original" { "done" } else { "running" },
            "width": shown.then_some(1600), "height": shown.then_some(900),
            "bytes_text": shown.then_some("1.2 MB"),
            "rare_type": null, "fallback_src": null,
        })
    };
    let mut values = json!({
        "page": page(role), "image": image, "html": ready.then_some(HOSTILE),
        "previous_url": null, "next_url": "/images/0198",
    });
    if !admin {
        values["picture"] = rendition("anonymised", ready);
        values["thats_me_url"] = "/images/0197/thats-me".into();
        return render("image.html", &values);
    }
    values["renditions"] = json!([rendition("anonymised", ready), rendition("original", true)]);
    values["faces"] = json!([{ "x": 10, "y": 20, "width": 30, "height": 40, "score": 0.9 }]);
    values["facts"] = json!([{ "label": "Camera", "value": HOSTILE, "at": null }]);
    values["tags"] = json!(["green"]);
    values["release"] = json!({
        "state": if ready { "released" } else { "review" }, "legacy": false, "by": "admin",
        "at": "2026-11-21T07:10:00Z", "text": "yesterday", "uncertain": 2,
    });
    values["records"] = json!([{
        "action": "Released", "by": "admin", "at": "2026-11-21T07:10:00Z", "text": "yesterday",
        "facts": "3 boxes, version 1", "caption": HOSTILE,
    }]);
    values["captions"] = json!([{
        "text": HOSTILE, "paragraph": HOSTILE, "by": "describe",
        "created_at": "2026-11-21T07:10:00Z", "created_text": "yesterday",
    }]);
    values["form"] =
        json!({ "caption": HOSTILE, "paragraph": HOSTILE, "tags": HOSTILE, "error": HOSTILE });
    values["context"] = HOSTILE.into();
    values["translations"] = json!([{ "language": "de", "text": HOSTILE }]);
    values["offer"] =
        json!({ "caption": HOSTILE, "paragraph": HOSTILE, "tags": HOSTILE, "credit": HOSTILE });
    values["api_url"] = "/api/images/0197".into();
    render("image_tasks.html", &values)
}

#[test]
fn a_gallery_shows_every_state_of_a_picture() {
    let html = gallery("admin", &images(), None, false);
    for state in ["ready", "working", "failed", "blocked"] {
        assert!(
            html.contains(&format!(r#"data-state="{state}""#)),
            "{state}"
        );
    }
    assert!(html.contains("Step thumbnail failed"));
    assert!(html.contains("Step thumbnail refused"));
    assert!(html.contains(r#"action="/images/0197/steps/thumbnail/retry""#));
    assert!(html.contains(r#"rel="next""#));
    assert!(html.contains(r#"<div class="empty" id="empty" hidden>"#));
}

#[test]
fn a_picture_whose_caption_is_paused_says_why() {
    let mut waiting = image("working", "queued");
    waiting["paused"] = "Not described yet: paused (budget)".into();
    waiting["steps"][2]["paused"] = true.into();
    let card = render(
        "card.html",
        &json!({ "page": page("admin"), "image": waiting }),
    );
    assert!(card.contains("paused (budget)") && !card.contains("Describing"));
    let shown = image_page("admin", &waiting);
    assert!(shown.contains("paused (budget)") && shown.contains("Paused</span>"));
}

#[test]
fn the_captions_page_shows_days_and_the_pause() {
    let day = json!({
        "day": "2026-11-21", "requests": 120, "captions": 100, "blocked": 2, "failed": 8,
        "turned_away": 10, "tokens_in": 1290, "tokens_out": 100, "cost_micros": null, "cost": null,
        "millis": 1400,
    });
    let row = json!({
        "by": "machine", "provider": "gemini", "model": "gemini-3.5-flash",
        "prompt_version": "0123456789ab", "language": null, "images": 100,
    });
    let report = |paused: Value| {
        json!({
            "asks": {
                "provider": "gemini", "model": "gemini-3.5-flash", "daily_limit": 500,
                "per_minute": null, "has_price": false,
            },
            "paused": paused, "days": [day], "written": [row],
            "counted_at": "2026-11-21T12:00:00Z",
        })
    };
    let paused = |cause: &str, can_resume: bool| json!({ "cause": cause, "detail": HOSTILE, "until": "2026-11-22T00:00:00Z", "can_resume": can_resume });
    let shown = |report: Value| {
        let values = json!({ "page": page("admin"), "until": "22 Nov 2026, 00:00 UTC", "detail": HOSTILE, "more": null, "report": report, "counted": "21 Nov 2026, 12:00 UTC" });
        render("captions.html", &values)
    };
    let rejected = shown(report(paused("rejected", true)));
    assert!(rejected.contains("Paused: rejected") && rejected.contains("Try again now"));
    assert!(rejected.contains("VITRINE_CAPTION_PRICE"));
    assert!(!rejected.contains("<script>alert"));
    let budget = shown(report(paused("budget", false)));
    assert!(!budget.contains("Try again now"));
    let mut nothing = report(Value::Null);
    nothing["asks"] = Value::Null;
    nothing["days"] = json!([]);
    nothing["written"] = json!([]);
    let nothing = shown(nothing);
    assert!(nothing.contains("without AI") && nothing.contains("There are no captions yet"));
}

#[test]
fn a_picture_without_thumbnail_or_placeholder_still_has_its_text() {
    let mut bare = image("working", "queued");
    bare["placeholder"] = Value::Null;
    let html = render(
        "card.html",
        &json!({ "page": page("visitor"), "image": bare }),
    );
    assert!(html.contains(r#"role="img" aria-label="A wide picture, mostly green""#));
    assert!(!html.contains("<img"));
}

#[test]
fn only_uploaders_see_the_form() {
    assert!(gallery("admin", &[], None, true).contains("multipart/form-data"));
    let visitor = gallery("visitor", &[], None, true);
    assert!(!visitor.contains("multipart/form-data"));
    assert!(visitor.contains("No pictures yet"));
    assert!(visitor.contains(r#"href="/login""#));
}

#[test]
fn a_search_without_a_match_says_so() {
    assert!(gallery("visitor", &[], Some("<b>"), false).contains("Nothing matches “&lt;b&gt;”"));
}

#[test]
fn a_hostile_file_name_is_escaped() {
    for image in images() {
        for role in ["admin", "visitor"] {
            let html = image_page(role, &image);
            assert!(!html.contains("<script>"));
            assert!(html.contains("&lt;script&gt;alert(1)"));
        }
    }
    assert!(!gallery("admin", &images(), None, true).contains("<img src=x"));
}

#[test]
fn an_image_page_says_its_words_once_to_screen_readers() {
    let words = "A wide picture, mostly green";
    for role in ["admin", "visitor"] {
        let html = image_page(role, &image("ready", "done"));
        let (_, heading) = html.split_once("<h1 id=\"caption\" lang=\"en\">").unwrap();
        assert!(heading.starts_with(words), "{role}");
        for (at, _) in html.match_indices(&format!("alt=\"{words}\"")) {
            let rest = html[at..].split('>').next().unwrap();
            assert!(rest.contains("aria-hidden=\"true\""), "{role}: {rest}");
        }
    }
}

#[test]
fn a_visitors_page_has_no_technical_details() {
    let html = image_page("visitor", &image("ready", "done"));
    for word in ["Technical", "JSON of", " ms", "attempt", "Step thumbnail"] {
        assert!(!html.contains(word), "{word}");
    }
}

#[test]
fn an_image_page_offers_the_decisions_that_change_something() {
    let decisions = |html: &str| {
        let all = ["release", "withdraw", "hold"];
        let offered = |name: &&str| html.contains(&format!("value=\"{name}\""));
        all.into_iter().filter(offered).collect::<Vec<_>>()
    };
    let released = image_page("admin", &image("ready", "done"));
    assert_eq!(decisions(&released), ["withdraw", "hold"]);
    let waiting = image_page("admin", &image("working", "running"));
    assert_eq!(decisions(&waiting), ["release", "hold"]);
    let visitor = image_page("visitor", &image("ready", "done"));
    assert!(decisions(&visitor).is_empty() && visitor.contains("/thats-me"));
}

#[test]
fn an_image_page_offers_only_what_the_viewer_may_do() {
    let image = image("ready", "done");
    let admin = image_page("admin", &image);
    assert!(admin.contains("/delete\""));
    assert!(admin.contains("class=\"boxes\""));
    let visitor = image_page("visitor", &image);
    assert!(!visitor.contains("/delete\""));
    assert!(!visitor.contains("class=\"boxes\""));
    assert!(!visitor.contains("/original"));
}

#[test]
fn a_failed_step_shows_its_reason_and_a_retry() {
    let html = image_page("admin", &image("failed", "failed"));
    assert!(html.contains("in the middle &lt;of&gt; a line"));
    assert!(html.contains("steps/annotate/retry"));
}

#[test]
fn messages_can_be_written_and_are_escaped() {
    let message = json!({
        "id": 7, "author": "Ada", "body": "one\n<b>two</b>",
        "created_at": "2026-11-21T07:10:00Z", "created_text": "21 Nov 2026, 07:10 UTC",
    });
    for (messages, error) in [
        (json!([]), Some("Say something.")),
        (json!([message]), None),
    ] {
        let html = render(
            "messages.html",
            &json!({
                "page": page("admin"), "messages": messages, "next_url": "/messages?after=c",
                "form": { "author": "Ada", "body": "", "error": error },
            }),
        );
        assert_eq!(html.contains("Say something."), error.is_some());
        assert_eq!(
            html.contains("one\n&lt;b&gt;two&lt;/b&gt;"),
            error.is_none()
        );
    }
}

#[test]
fn the_plain_upload_shows_the_result_of_each_file() {
    let html = render(
        "uploaded.html",
        &json!({ "page": page("admin"), "results": [
            { "file_name": "a.jpg", "ok": true, "url": "/images/1", "existing": false, "error": null },
            { "file_name": "b.jpg", "ok": true, "url": "/images/2", "existing": true, "error": null },
            { "file_name": HOSTILE, "ok": false, "url": null, "existing": false, "error": "Not an image." },
        ] }),
    );
    for text in ["Added", "Already here", "Not an image."] {
        assert!(html.contains(text), "{text}");
    }
    let none = render(
        "uploaded.html",
        &json!({ "page": page("admin"), "results": [] }),
    );
    assert!(none.contains("No file arrived"));
}

#[test]
fn signing_in_returns_to_the_earlier_page() {
    let html = render(
        "login.html",
        &json!({ "page": page("visitor"), "next": "/images/1", "error": "Wrong password." }),
    );
    assert!(html.contains(r#"name="next" value="/images/1""#));
    assert!(html.contains("Wrong password."));
}

#[test]
fn the_page_of_tokens_shows_a_new_one_and_lets_one_revoke_those_in_use() {
    let row = |state: &str| {
        json!({
            "id": "0197", "name": HOSTILE, "scope": "read", "created_by": "admin",
            "created_at": "2026-11-21T07:10:00Z", "created_text": "yesterday",
            "used_at": null, "used_text": null, "end_at": null, "end_text": null, "state": state,
        })
    };
    for token in [None, Some("vt_0123")] {
        let html = render(
            "tokens.html",
            &json!({
                "page": page("admin"), "error": null, "token": token,
                "form": { "name": "", "may": "upload", "days": "" },
                "valid": [row("valid")], "ended": [row("revoked")],
            }),
        );
        assert_eq!(html.contains("vt_0123"), token.is_some());
        assert_eq!(html.matches("action=\"/tokens/0197/revoke\"").count(), 1);
    }
}

#[test]
fn the_trash_offers_to_bring_back_and_to_remove() {
    let image = json!({
        "id": "0197", "file_name": HOSTILE, "caption": null, "deleted_by": "admin",
        "deleted_at": "2026-11-21T07:10:00Z", "deleted_text": "yesterday",
        "purge_at": "2026-12-21T07:10:00Z", "purge_text": "next month",
    });
    for (images, next, forms) in [(vec![], None, 0), (vec![image], Some("MDE5Nw"), 1)] {
        let html = render(
            "trash.html",
            &json!({ "page": page("admin"), "images": images, "next": next }),
        );
        for action in ["restore", "remove"] {
            let action = format!("action=\"/trash/0197/{action}\"");
            assert_eq!(html.matches(&action).count(), forms);
        }
        assert_eq!(html.contains("/trash?after=MDE5Nw"), next.is_some());
        assert_eq!(html.contains("The trash is empty."), forms == 0);
    }
}

#[test]
fn an_error_page_gives_the_trace_only_when_there_is_one() {
    for (status, trace) in [(404, None), (403, None), (500, Some("4bf92f35"))] {
        let html = render(
            "error.html",
            &json!({
                "page": page("visitor"), "status": status, "heading": "Not here",
                "detail": "There is no such page.", "trace_id": trace,
            }),
        );
        assert_eq!(html.contains("4bf92f35"), trace.is_some());
        assert_eq!(
            html.contains(r#"<a class="button" href="/login">"#),
            status == 403
        );
    }
}
