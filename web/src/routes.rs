//! The list of routes while it is written: pages, which need no description, and the API, whose
//! handlers describe themselves.

use axum::Router;
use axum::handler::Handler;
use axum::http::Method;
use axum::routing::{MethodRouter, get, post};
use utoipa_axum::router::{OpenApiRouter, UtoipaMethodRouter};

use crate::openapi::{document, operations};
use crate::state::AppState;

/// A method and a path that lead to a handler.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route {
    /// GET routes answer HEAD too.
    pub method: Method,
    /// As in `/images/{id}`.
    pub path: String,
}

pub(crate) struct Routes {
    guarded: OpenApiRouter<AppState>,
    unguarded: OpenApiRouter<AppState>,
    pages: Vec<Route>,
}

impl Routes {
    pub(crate) fn new() -> Self {
        Self {
            guarded: OpenApiRouter::with_openapi(document()),
            unguarded: OpenApiRouter::new(),
            pages: Vec::new(),
        }
    }

    /// A page, or something that only pages use.
    pub(crate) fn get<H, T>(self, path: &str, handler: H) -> Self
    where
        H: Handler<T, AppState>,
        T: 'static,
    {
        self.page(Method::GET, path, get(handler))
    }

    /// What a form on a page sends.
    pub(crate) fn post<H, T>(self, path: &str, handler: H) -> Self
    where
        H: Handler<T, AppState>,
        T: 'static,
    {
        self.page(Method::POST, path, post(handler))
    }

    fn page(mut self, method: Method, path: &str, handler: MethodRouter<AppState>) -> Self {
        self.pages.push(Route {
            method,
            path: path.to_owned(),
        });
        self.guarded = self.guarded.route(path, handler);
        self
    }

    /// Handlers of one path that describe themselves, from `routes!`.
    pub(crate) fn api(mut self, handlers: UtoipaMethodRouter<AppState>) -> Self {
        self.guarded = self.guarded.routes(handlers);
        self
    }

    /// The same for routes that answer every client, under any host name. Their answers must not
    /// depend on the viewer.
    pub(crate) fn unguarded(mut self, handlers: UtoipaMethodRouter<AppState>) -> Self {
        self.unguarded = self.unguarded.routes(handlers);
        self
    }

    /// Every route.
    pub(crate) fn list(mut self) -> Vec<Route> {
        let mut list = std::mem::take(&mut self.pages);
        let mut document = self.split().document;
        for (path, item) in &mut document.paths.paths {
            list.extend(operations(item).map(|(method, _)| Route {
                method,
                path: path.clone(),
            }));
        }
        list
    }

    /// The routers, and the OpenAPI document of what is in them.
    pub(crate) fn split(self) -> Split {
        let (guarded, mut document) = self.guarded.split_for_parts();
        let (unguarded, more) = self.unguarded.split_for_parts();
        document.merge(more);
        Split {
            guarded,
            unguarded,
            document,
        }
    }
}

pub(crate) struct Split {
    pub(crate) guarded: Router<AppState>,
    pub(crate) unguarded: Router<AppState>,
    pub(crate) document: utoipa::openapi::OpenApi,
}
