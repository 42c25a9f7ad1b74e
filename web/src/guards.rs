//! What every request passes on its way to a handler, and every answer on its way back. These are plain
//! functions that call each other, not layers of the router: each layer clones and boxes all within it for
//! every request, and a dozen of them cost more than most answers.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, header};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};

use crate::access::{authenticate, identify, refuse_strangers};
use crate::answer_cache::{self, Lookup};
use crate::connections::Stalled;
use crate::openapi::{Api, unknown_parameter};
use crate::problem::Problem;
use crate::state::AppState;
use crate::{pages, request_id, response_headers};

/// Around all routes: an id for the request, and the headers that every answer has.
pub(crate) async fn around_all(
    State(missing): State<Arc<HeaderMap>>,
    request: Request,
    next: Next,
) -> Response {
    let mut response = request_id::assign(request, next).await;
    response_headers::add_missing(&missing, &mut response);
    response
}

/// What the guards of handlers know.
#[derive(Clone)]
pub(crate) struct Guards {
    pub(crate) state: AppState,
    pub(crate) api: Arc<Api>,
}

/// Around all routes that do not answer every client: who sends the request, whether they may, and whether
/// the answer is known already.
pub(crate) async fn around_handlers(
    State(guards): State<Guards>,
    mut request: Request,
    next: Next,
) -> Response {
    let state = &guards.state;
    let is_https = identify(&state.proxies, &mut request);
    let mut response = match authenticate(&state.tokens, &mut request).await {
        Ok(()) => {
            let reader = pages::errors::reader(state, &mut request).await;
            let response = admitted(&guards, request, next).await;
            pages::errors::as_page(state, reader, response)
        }
        Err(problem) => problem.into_response(),
    };
    if is_https {
        response_headers::strict_transport(&mut response);
    }
    response
}

async fn admitted(guards: &Guards, mut request: Request, next: Next) -> Response {
    let state = &guards.state;
    if let Err(problem) = refuse_strangers(&state.policy, &state.proxies, &request) {
        return problem.into_response();
    }
    let stalled = Stalled::of(&request);
    let response = match answer_cache::look_up(state, &mut request).await {
        Lookup::Known(response) => response,
        Lookup::Wanted(place) => place.fill(handled(guards, request, next).await).await,
        Lookup::NotKept => handled(guards, request, next).await,
    };
    match stalled {
        Some(stalled) => stalled.judge(response),
        None => response,
    }
}

async fn handled(guards: &Guards, mut request: Request, next: Next) -> Response {
    let mut response = match unknown_parameter(&guards.api, &request) {
        None => {
            request.extensions_mut().insert(Arc::clone(&guards.api));
            rejection_as_problem(next.run(request).await)
        }
        Some(problem) => problem.into_response(),
    };
    response_headers::private_by_default(&mut response);
    response
}

/// Rejections that axum makes by itself (a path that is no id, a query that cannot be read) are plain
/// text; programs are promised problems, and people pages.
fn rejection_as_problem(response: Response) -> Response {
    let is_text = response
        .headers()
        .get(header::CONTENT_TYPE)
        .is_some_and(|kind| kind.as_bytes().starts_with(b"text/plain"));
    if is_text && response.status().is_client_error() {
        return Problem::new(
            response.status(),
            "this request cannot be read; see the documentation",
        )
        .into_response();
    }
    response
}
