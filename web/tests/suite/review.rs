//! The release desk without scripts, and what the pages say about a picture's release.

use entity::image::Review;
use entity::image_box::State;
use functions::testing;

use crate::app::TestApp;

#[tokio::test]
async fn the_form_of_the_desk_saves_words_and_boxes_and_releases() {
    let app = TestApp::spawn().await;
    let id = app
        .upload("one.jpg", testing::photo(1, 240, 160))
        .await
        .id();
    app.drain().await;
    let page = app.page("/review").await.expect(200).text();
    assert!(page.contains("1 picture left") && page.contains(&format!("action=\"/review/{id}\"")));
    let version = app.row(id).await.unwrap().boxes_version.to_string();
    let fields = [
        ("version", version.as_str()),
        ("back", "filter=unreviewed"),
        ("caption", "Ada cuts the cake"),
        ("tags", "Party, cake"),
        ("id", ""),
        ("x", "10"),
        ("y", "20"),
        ("width", "30"),
        ("height", "40"),
        ("state", "cover"),
        ("do", "release"),
    ];

    let workers = app.workers(1);
    let answer = app
        .post_form(&format!("/review/{id}"), &fields)
        .await
        .expect(303);
    workers.stop().await;

    assert_eq!(
        answer.header("location"),
        "/review?filter=unreviewed&said=released"
    );
    let row = app.row(id).await.unwrap();
    assert_eq!(row.review, Review::Released);
    assert_eq!(row.caption_text.as_deref(), Some("Ada cuts the cake"));
    let boxes = entity::image_box::of(id).all(&app.state.db).await.unwrap();
    assert_eq!((boxes[0].x, boxes[0].state), (10, State::Cover));
    let page = app.page(answer.header("location")).await.expect(200).text();
    assert!(page.contains("Released.") && page.contains("Nothing is left here"));
}

#[tokio::test]
async fn a_release_that_the_copy_is_not_ready_for_says_so_and_keeps_what_was_saved() {
    let app = TestApp::spawn().await;
    let id = app.upload("one.jpg", testing::photo(1, 64, 48)).await.id();

    let fields = [("caption", "Ada"), ("tags", ""), ("do", "release")];
    let answer = app
        .post_form(&format!("/review/{id}"), &fields)
        .await
        .expect(303);

    assert!(answer.header("location").contains("said=waiting"));
    let page = app.page(answer.header("location")).await.expect(200).text();
    assert!(page.contains("the copy is still being made"));
    let row = app.row(id).await.unwrap();
    assert_eq!(
        (row.review, row.caption_text.as_deref()),
        (Review::Review, Some("Ada"))
    );
}

#[tokio::test]
async fn the_desk_is_filtered_by_state_uploader_and_day() {
    let app = TestApp::spawn().await;
    let ids = app.upload_photos(0..3).await;
    app.drain().await;
    app.post(&format!("/api/images/{}/hold", ids[0]))
        .await
        .expect(200);
    app.release(ids[1]).await;
    let day = app
        .row(ids[0])
        .await
        .unwrap()
        .uploaded_at
        .format("%Y-%m-%d")
        .to_string();
    for (query, count) in [
        ("", 1),
        ("filter=held", 1),
        ("filter=released", 1),
        ("filter=failed", 0),
        ("filter=&by=admin&day=", 1),
        ("by=somebody", 0),
        ("day=2001-01-01", 0),
        (&format!("filter=held&day={day}"), 1),
    ] {
        let page = app
            .page(&format!("/review?{query}"))
            .await
            .expect(200)
            .text();
        assert_eq!(page.matches("<li data-queue-id=").count(), count, "{query}");
        assert!(page.contains(&format!("data-left=\"{count}\"")), "{query}");
    }
    app.page("/review?filter=nonsense").await.expect(400);
    app.page("/review?day=yesterday").await.expect(400);
}

#[tokio::test]
async fn everything_without_an_uncertain_box_is_released_from_the_contact_sheet() {
    let app = TestApp::spawn().await;
    for seed in 0..3 {
        app.upload("photo.jpg", testing::photo(seed, 32, 32))
            .await
            .id();
    }
    app.drain().await;
    let unfinished = app.upload("late.jpg", testing::photo(9, 32, 32)).await.id();
    let sheet = app.page("/review/certain").await.expect(200).text();
    assert!(sheet.contains("3 pictures are finished"), "{sheet}");
    assert!(!sheet.contains(&unfinished.to_string()));

    let answer = app.post_form("/review/certain", &[]).await.expect(303);

    assert_eq!(answer.header("location"), "/review?said=certain");
    let released = |row: &&entity::image::Model| row.review == Review::Released;
    assert_eq!(app.rows().await.iter().filter(released).count(), 3);
}

#[tokio::test]
async fn those_who_manage_see_the_state_of_each_picture_and_visitors_only_what_is_released() {
    let app = TestApp::builder()
        .password("four random plain words")
        .spawn()
        .await;
    let admin = app.sign_in("four random plain words").await;
    let mut ids = Vec::new();
    for seed in 0..3 {
        ids.push(
            admin
                .upload("photo.jpg", testing::photo(seed, 32, 32))
                .await
                .id(),
        );
    }
    app.drain().await;
    admin
        .post(&format!("/api/images/{}/hold", ids[0]))
        .await
        .expect(200);
    app.release(ids[1]).await;

    let page = admin.page("/gallery").await.expect(200).text();
    for (state, text) in [
        ("held", "Held"),
        ("released", "Released"),
        ("review", "In review"),
    ] {
        assert!(
            page.contains(&format!("release release-{state}")) && page.contains(text),
            "{state}"
        );
    }
    let page = app.visitor().page("/gallery").await.expect(200).text();
    assert_eq!(page.matches("<li class=\"card\"").count(), 1);
    assert!(page.contains(&ids[1].to_string()) && !page.contains("Released"));
}

#[tokio::test]
async fn a_picture_can_be_viewed_as_visitors_see_it() {
    let app = TestApp::spawn().await;
    let id = app
        .upload("ada-lovelace.jpg", testing::photo(1, 64, 48))
        .await
        .id();
    app.drain().await;
    let preview = format!("/images/{id}?as=visitor");
    let hidden = app.page(&preview).await.expect(200).text();
    assert!(hidden.contains("Visitors do not see this picture"));

    let answer = app
        .post_form(&format!("/images/{id}/decide"), &[("do", "release")])
        .await;
    assert_eq!(
        answer.expect(303).header("location"),
        format!("/images/{id}")
    );

    let shown = app.page(&preview).await.expect(200).text();
    assert!(shown.contains("class=\"picture\"") && !shown.contains("ada-lovelace"));
    let own = app.page(&format!("/images/{id}")).await.expect(200).text();
    assert!(own.contains("Visitors see it") && own.contains("Publication record"));
}
