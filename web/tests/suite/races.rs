//! Requests that meet the deletion of their image.

use std::collections::BTreeMap;

use futures::future::join_all;
use reqwest::Method;
use serde_json::json;

use crate::app::TestApp;
use crate::client::{Client, send};

#[tokio::test(flavor = "multi_thread")]
async fn an_edit_or_a_retry_that_meets_a_deletion_is_a_404() {
    let app = TestApp::spawn().await;
    let ids = app.upload_photos(0..40).await;
    app.drain().await;

    let mut answers = Vec::new();
    for id in ids {
        let address = format!("/api/images/{id}");
        let patch = |client: Client| {
            let body = json!({ "tags": ["work"] });
            let request = client.request(Method::PATCH, &address).json(&body);
            async move { ("edit", send(request).await) }
        };
        let retry = |client: Client| {
            let request = client.request(Method::POST, &format!("{address}/steps/thumbnail/retry"));
            async move { ("retry", send(request).await) }
        };
        let delete = app.request(Method::DELETE, &address);
        let (edits, retries, deletion) = tokio::join!(
            join_all((0..3).map(|_| patch(app.visitor()))),
            join_all((0..3).map(|_| retry(app.visitor()))),
            send(delete),
        );
        deletion.expect(204);
        answers.extend(edits.into_iter().chain(retries));
    }

    let mut others: BTreeMap<String, usize> = BTreeMap::new();
    for (what, answer) in &answers {
        if !matches!(answer.status, 200 | 202 | 404) {
            *others
                .entry(format!("{what}: {} {}", answer.status, answer.text()))
                .or_default() += 1;
        }
    }
    assert!(others.is_empty(), "{others:#?}");
    assert!(answers.iter().any(|(_, answer)| answer.status == 404));
    assert!(app.rows().await.is_empty());
}
