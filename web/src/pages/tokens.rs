//! `/tokens`: making, listing and revoking tokens for programs. Only for people who are signed in:
//! a token makes no other tokens, so that one that leaked can be got rid of.

use axum::Form;
use axum::extract::{Path, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use chrono::{DateTime, Utc};
use entity::api_token::{Model, Scope};
use serde::{Deserialize, Serialize};
use serde_json::json;
use uuid::Uuid;

use super::{Page, date_and_time, html, or_login};
use crate::access::{Action, Viewer};
use crate::actions::tokens::{TokenRequest, add_token, list_tokens, revoke_token};
use crate::problem::Problem;
use crate::state::AppState;

#[derive(Debug, Serialize)]
struct TokenView {
    id: String,
    name: String,
    scope: &'static str,
    created_by: String,
    created_at: String,
    created_text: String,
    used_at: Option<String>,
    end_at: Option<String>,
    used_text: Option<String>,
    /// When it was revoked or expires or did so.
    end_text: Option<String>,
    state: &'static str,
}

impl TokenView {
    fn new(row: Model, now: DateTime<Utc>) -> Self {
        Self {
            id: row.id.to_string(),
            scope: row.scope.as_str(),
            created_at: row.created_at.to_rfc3339(),
            created_text: date_and_time(row.created_at),
            used_at: row.last_used_at.map(|at| at.to_rfc3339()),
            end_at: row.revoked_at.or(row.expires_at).map(|at| at.to_rfc3339()),
            used_text: row.last_used_at.map(date_and_time),
            end_text: row.revoked_at.or(row.expires_at).map(date_and_time),
            state: match row.revoked_at {
                Some(_) => "revoked",
                None if row.is_live(now) => "valid",
                None => "expired",
            },
            name: row.name,
            created_by: row.created_by,
        }
    }
}

/// What the form sends.
#[derive(Debug, Deserialize, Serialize)]
pub struct NewToken {
    name: String,
    may: String,
    /// Empty for a token that does not expire.
    #[serde(default)]
    days: String,
}

impl Default for NewToken {
    fn default() -> Self {
        Self {
            name: String::new(),
            may: Scope::Upload.as_str().to_owned(),
            days: String::new(),
        }
    }
}

/// What a form led to.
#[derive(Default)]
struct Outcome<'a> {
    form: NewToken,
    error: Option<&'a str>,
    token: Option<String>,
}

/// `GET /tokens`
pub async fn show(State(state): State<AppState>, viewer: Viewer) -> Result<Response, Problem> {
    if let Err(problem) = viewer.require(Action::ManageTokens) {
        return Ok(or_login(problem, "/tokens"));
    }
    page(&state, &viewer, Outcome::default()).await
}

/// `POST /tokens`
pub async fn add(
    State(state): State<AppState>,
    viewer: Viewer,
    Form(form): Form<NewToken>,
) -> Result<Response, Problem> {
    if let Err(problem) = viewer.require(Action::ManageTokens) {
        return Ok(or_login(problem, "/tokens"));
    }
    match add_for(&state, &viewer, &form).await {
        Ok(token) => {
            let outcome = Outcome {
                token: Some(token),
                ..Outcome::default()
            };
            let shown = page(&state, &viewer, outcome).await?;
            Ok((StatusCode::CREATED, shown).into_response())
        }
        Err(problem) if problem.status().is_client_error() => {
            let outcome = Outcome {
                form,
                error: Some(problem.detail()),
                token: None,
            };
            let shown = page(&state, &viewer, outcome).await?;
            Ok((problem.status(), shown).into_response())
        }
        Err(problem) => Err(problem),
    }
}

async fn add_for(state: &AppState, viewer: &Viewer, form: &NewToken) -> Result<String, Problem> {
    let unprocessable = |detail| Problem::new(StatusCode::UNPROCESSABLE_ENTITY, detail);
    let scope = Scope::parse(&form.may)
        .ok_or_else(|| unprocessable("choose what the token may do: read, upload or manage"))?;
    let days = match form.days.trim() {
        "" => None,
        days => Some(
            days.parse()
                .map_err(|_| unprocessable("give the days as a whole number, or leave it empty"))?,
        ),
    };
    let wanted = TokenRequest {
        name: &form.name,
        scope,
        days,
        created_by: viewer.name().unwrap_or_default(),
    };
    add_token(&state.db, &wanted).await
}

async fn page(
    state: &AppState,
    viewer: &Viewer,
    outcome: Outcome<'_>,
) -> Result<Response, Problem> {
    let now = entity::now();
    let rows = list_tokens(&state.db).await?.into_iter();
    let (valid, ended): (Vec<_>, Vec<_>) = rows.partition(|row| row.is_live(now));
    let views = |rows: Vec<Model>| -> Vec<_> {
        let views = rows.into_iter().map(|row| TokenView::new(row, now));
        views.collect()
    };
    let context = json!({
        "page": Page::new(state, viewer, "/tokens", "Tokens"),
        "form": outcome.form,
        "error": outcome.error,
        "token": outcome.token,
        "valid": views(valid),
        "ended": views(ended),
    });
    let mut response = html(state, "tokens.html", &context)?;
    // A new token is on it, once.
    response
        .headers_mut()
        .insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(response)
}

/// `POST /tokens/{id}/revoke`
pub async fn revoke(
    State(state): State<AppState>,
    viewer: Viewer,
    Path(id): Path<Uuid>,
) -> Result<Response, Problem> {
    if let Err(problem) = viewer.require(Action::ManageTokens) {
        return Ok(or_login(problem, "/tokens"));
    }
    revoke_token(&state.db, id).await?;
    Ok(Redirect::to("/tokens").into_response())
}
