//! The trash: nobody sees what is in it, and it comes back whole or goes for good.

use chrono::TimeDelta;
use entity::image;
use entity::publication_record::{self, Action};
use functions::testing;
use reqwest::Method;
use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait as _, EntityTrait as _, QueryFilter as _};
use uuid::Uuid;

use crate::app::TestApp;
use crate::client::{Client, send};
use crate::listing::ids;
use crate::ports::Finds;
use crate::s3::PASSWORD;

async fn app_with_trash() -> (TestApp, Client) {
    let mut app = TestApp::builder()
        .password(PASSWORD)
        .set("VITRINE_TRASH_DAYS", 30)
        .spawn()
        .await;
    app.find_faces_with(Finds::nothing());
    let admin = app.sign_in(PASSWORD).await;
    (app, admin)
}

async fn released(app: &TestApp, admin: &Client) -> Uuid {
    let photo = testing::photo(1, 64, 48);
    let id = admin.upload("a.jpg", photo).await.id();
    app.drain().await;
    app.release(id).await;
    id
}

async fn delete(admin: &Client, id: Uuid) {
    let path = format!("/api/images/{id}");
    admin.delete(&path).await.expect(204);
}

async fn trash(admin: &Client) -> Vec<Uuid> {
    ids(&admin.get("/api/trash").await.expect(200).json())
}

/// Moves the end of the images in the trash into the past.
async fn let_days_pass(app: &TestApp) {
    let past = entity::now() - TimeDelta::seconds(1);
    image::Entity::update_many()
        .filter(image::Column::PurgeAt.is_not_null())
        .col_expr(image::Column::PurgeAt, Expr::value(past))
        .exec(&app.state.db)
        .await
        .unwrap();
}

#[tokio::test]
async fn nobody_sees_what_is_in_the_trash() {
    let (app, admin) = app_with_trash().await;
    let id = released(&app, &admin).await;

    delete(&admin, id).await;

    let visitor = app.visitor();
    for client in [&admin, &visitor] {
        for path in [
            format!("/images/{id}"),
            format!("/api/images/{id}"),
            format!("/api/images/{id}/thumbnail"),
            format!("/api/images/{id}/anonymised"),
            format!("/api/images/{id}/original"),
        ] {
            let answer = client.get(&path).await;
            assert!([401, 404].contains(&answer.status), "{path}");
        }
        for path in ["/api/images", "/api/images?q=photo", "/gallery"] {
            let list = client.get(path).await.expect(200);
            assert!(!list.text().contains(&id.to_string()), "{path}");
        }
    }
    visitor.get("/api/trash").await.expect(401);
    assert_eq!(trash(&admin).await, [id]);
    let page = admin.page("/trash").await.expect(200).text();
    assert!(page.contains(&format!("/trash/{id}/restore")));
}

#[tokio::test]
async fn what_is_brought_back_is_whole_and_has_to_be_released_again() {
    let (app, admin) = app_with_trash().await;
    let id = released(&app, &admin).await;
    let objects = app.objects();
    delete(&admin, id).await;
    assert_eq!(app.objects(), objects);
    app.queue_what_is_owed().await;

    let path = format!("/api/trash/{id}/restore");
    admin.post(&path).await.expect(200);

    assert!(trash(&admin).await.is_empty());
    assert_eq!(app.objects(), objects);
    assert!(app.check(false).await.is_clean());
    let path = format!("/api/images/{id}");
    admin.get(&path).await.expect(200);
    app.visitor().get(&path).await.expect(404);
    app.release(id).await;
    app.visitor().get(&path).await.expect(200);
    let found = admin.get("/api/images?q=photo").await.json();
    assert_eq!(found["items"].as_array().unwrap().len(), 1);
    let records = publication_record::of(id).all(&app.state.db).await.unwrap();
    let actions: Vec<_> = records.iter().rev().map(|record| record.action).collect();
    assert_eq!(
        actions,
        [Action::Released, Action::Deleted, Action::Released]
    );
    let again = format!("/api/trash/{id}/restore");
    admin.post(&again).await.expect(404);
}

#[tokio::test]
async fn steps_that_a_deletion_interrupted_are_done_after_it_is_undone() {
    let (app, admin) = app_with_trash().await;
    let photo = testing::photo(1, 64, 48);
    let id = admin.upload("a.jpg", photo).await.id();
    delete(&admin, id).await;
    app.drain().await;

    admin.post_form(&format!("/trash/{id}/restore"), &[]).await;
    app.drain().await;

    let row = app.row(id).await.unwrap();
    assert!(row.thumbhash.is_some() && row.copy_version.is_some());
    assert!(app.check(false).await.is_clean());
}

#[tokio::test]
async fn after_its_time_everything_is_gone() {
    let (app, admin) = app_with_trash().await;
    let id = released(&app, &admin).await;
    delete(&admin, id).await;
    let_days_pass(&app).await;

    assert!(trash(&admin).await.is_empty());
    let path = format!("/api/trash/{id}/restore");
    admin.post(&path).await.expect(404);
    app.queue_what_is_owed().await;

    assert!(app.row(id).await.is_none());
    assert!(app.objects().is_empty(), "{:?}", app.objects());
    assert!(app.check(false).await.is_clean());
}

#[tokio::test]
async fn the_trash_can_be_emptied_by_hand() {
    let (app, admin) = app_with_trash().await;
    let id = released(&app, &admin).await;
    delete(&admin, id).await;

    let path = format!("/api/trash/{id}");
    send(app.visitor().request(Method::DELETE, &path))
        .await
        .expect(401);
    admin.delete(&path).await.expect(204);

    assert!(app.row(id).await.is_none());
    assert!(app.objects().is_empty());
    admin.delete(&path).await.expect(404);
}

#[tokio::test]
async fn the_same_bytes_again_are_a_new_image() {
    let (app, admin) = app_with_trash().await;
    let id = released(&app, &admin).await;
    delete(&admin, id).await;

    let photo = testing::photo(1, 64, 48);
    let again = admin.upload("again.jpg", photo).await.expect(201).id();

    assert_ne!(again, id);
    assert!(trash(&admin).await.is_empty());
}
