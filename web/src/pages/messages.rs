//! `/messages`

use axum::extract::State;
use axum::http::header::RETRY_AFTER;
use axum::response::{IntoResponse, Redirect, Response};
use axum::{Extension, Form};
use entity::message::Model;
use serde::Serialize;
use serde_json::json;
use uuid::Uuid;

use super::{Page, date_and_time, html, or_login, sentence};
use crate::access::{Action, Client, Viewer};
use crate::actions::messages::{NewMessage, delete_message, newest_messages, post_message};
use crate::extract::Path;
use crate::paging::Paging;
use crate::problem::Problem;
use crate::state::AppState;

#[derive(Debug, Serialize)]
struct MessageView {
    id: String,
    author: String,
    body: String,
    created_at: String,
    created_text: String,
}

impl From<Model> for MessageView {
    fn from(row: Model) -> Self {
        Self {
            id: row.id.to_string(),
            author: row.author,
            body: row.body,
            created_at: row.created_at.to_rfc3339(),
            created_text: date_and_time(row.created_at),
        }
    }
}

/// `GET /messages`
pub async fn show(
    State(state): State<AppState>,
    viewer: Viewer,
    paging: Paging,
) -> Result<Response, Problem> {
    page(&state, &viewer, &paging, &NewMessage::default(), None).await
}

/// `POST /messages`
pub async fn post(
    State(state): State<AppState>,
    viewer: Viewer,
    Extension(client): Extension<Client>,
    paging: Paging,
    Form(new): Form<NewMessage>,
) -> Result<Response, Problem> {
    if let Err(problem) = viewer.require(Action::PostMessage) {
        return Ok(or_login(problem, "/messages"));
    }
    let posted = match state.admit(&viewer, &client, Action::PostMessage) {
        Ok(()) => post_message(&state.db, &new).await,
        Err(problem) => Err(problem),
    };
    match posted {
        Ok(_) => Ok(Redirect::to("/messages").into_response()),
        // What was written stays in the form.
        Err(problem) if problem.status().is_client_error() => {
            let shown = page(&state, &viewer, &paging, &new, Some(problem.detail())).await?;
            let mut answer = (problem.status(), shown).into_response();
            if let Some(seconds) = problem.retry_after() {
                answer.headers_mut().insert(RETRY_AFTER, seconds.into());
            }
            Ok(answer)
        }
        Err(problem) => Err(problem),
    }
}

/// `POST /messages/{id}/delete`
pub async fn delete(
    State(state): State<AppState>,
    viewer: Viewer,
    Path(id): Path<Uuid>,
) -> Response {
    match delete_message(&state.db, &viewer, id).await {
        // It may have been deleted before.
        Ok(true | false) => Redirect::to("/messages").into_response(),
        Err(problem) => or_login(problem, "/messages"),
    }
}

async fn page(
    state: &AppState,
    viewer: &Viewer,
    paging: &Paging,
    form: &NewMessage,
    error: Option<&str>,
) -> Result<Response, Problem> {
    let (rows, next) = newest_messages(&state.db, paging).await?;
    let messages: Vec<_> = rows.into_iter().map(MessageView::from).collect();
    let context = json!({
        "page": Page::new(state, viewer, "/messages", "Messages"),
        "messages": messages,
        "next_url": next.map(|cursor| format!("/messages?after={cursor}")),
        "form": { "author": form.author, "body": form.body, "error": error.map(sentence) },
    });
    html(state, "messages.html", &context)
}
