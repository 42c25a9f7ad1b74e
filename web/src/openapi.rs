//! The OpenAPI document: what each handler says of itself, and here what holds for all of them.
//! What is documented is what is accepted: query parameters are checked against it.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use axum::Extension;
use axum::extract::{MatchedPath, Request};
use axum::http::{Method, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use utoipa::openapi::example::ExampleBuilder;
use utoipa::openapi::header::HeaderBuilder;
use utoipa::openapi::path::{Operation, ParameterIn, PathItem};
use utoipa::openapi::schema::{Schema, SchemaType, Type};
use utoipa::openapi::security::{ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::{ContentBuilder, Ref, RefOr, ResponseBuilder};
use utoipa::{OpenApi, PartialSchema as _};

use crate::access::COOKIE;
use crate::problem::{Problem, ProblemJson};
use crate::problem_kind::ProblemKind;

/// Statuses with which every address of the API may answer; 429 after wrong tokens, whatever was asked
/// for.
const COMMON: [&str; 6] = ["400", "401", "403", "429", "500", "503"];
/// The same for addresses that neither ask who is there nor need the database.
const COMMON_OPERATIONS: [&str; 2] = ["400", "403"];

const DESCRIPTION: &str = "Photos in; thumbnails, captions and anonymised copies out.

**Who may what.** Without a password, programs of the server's user on its machine are the admin. With \
one, programs send a token made with `vitrine token add NAME --may read|upload|manage`, as in \
`Authorization: Bearer vt_…`; browsers have a session cookie from `/login`; everybody else is a \
visitor.

**Problems** are `application/problem+json` (RFC 9457). Their `type` leads to \
[an explanation](/docs/problems). Every answer has a header `X-Request-Id`, under which the \
server logs the request.

**Lists** come in pages: follow the header `Link`, or send `next` as `after`. Unknown query \
parameters are refused.";

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Vitrine",
        description = DESCRIPTION,
        license(name = "Apache-2.0", identifier = "Apache-2.0"),
    ),
    tags(
        (name = "Images", description = "Photos and what is made of them."),
        (name = "Release", description = "What is covered, and what is public."),
        (name = "Captions", description = "What captions cost, and why they wait."),
        (name = "Direct uploads", description = "Uploads that go straight into S3."),
        (name = "Messages", description = "The message board."),
        (name = "Operations", description = "For load balancers and operators."),
        (name = "Documentation", description = "This document."),
    ),
    components(schemas(ProblemJson)),
)]
struct Document;

/// The document before any handler is in it.
pub(crate) fn document() -> utoipa::openapi::OpenApi {
    Document::openapi()
}

/// The document with every handler.
#[derive(Debug)]
pub struct Api {
    json: Bytes,
    /// The query parameters of each method and path.
    parameters: HashMap<(Method, String), Vec<String>>,
}

impl Api {
    /// Completes the document with what holds for all handlers.
    pub(crate) fn new(mut document: utoipa::openapi::OpenApi) -> serde_json::Result<Self> {
        let mut parameters = HashMap::new();
        for (path, item) in &mut document.paths.paths {
            for (method, operation) in operations(item) {
                add_common_problems(path, operation);
                forbid_null_parameters(operation);
                parameters.insert((method, path.clone()), query_parameters(operation));
            }
        }
        let components = document.components.get_or_insert_default();
        for kind in ProblemKind::ALL {
            let response = problem_response(kind.advice(), &[*kind]);
            components
                .responses
                .insert(kind.slug().to_owned(), response);
        }
        for status in COMMON {
            let kinds: Vec<_> = ProblemKind::ALL
                .iter()
                .copied()
                .filter(|kind| kind.status().as_str() == status)
                .collect();
            let titles: Vec<_> = kinds.iter().map(|kind| kind.title()).collect();
            let response = problem_response(&format!("{}.", titles.join(", or: ")), &kinds);
            components.responses.insert(common_name(status), response);
        }
        for (name, scheme) in security_schemes() {
            components.add_security_scheme(name, scheme);
        }
        Ok(Self {
            json: serde_json::to_vec_pretty(&document)?.into(),
            parameters,
        })
    }
}

fn security_schemes() -> [(&'static str, SecurityScheme); 2] {
    let token = HttpBuilder::new()
        .scheme(HttpAuthScheme::Bearer)
        .bearer_format("vt_…")
        .description(Some(
            "A token, made with `vitrine token add NAME --may read|upload|manage`.",
        ))
        .build();
    let session = ApiKeyValue::with_description(COOKIE, "The session of a browser, from /login.");
    [
        ("token", SecurityScheme::Http(token)),
        ("session", SecurityScheme::ApiKey(ApiKey::Cookie(session))),
    ]
}

/// The operations of a path, by method.
pub(crate) fn operations(item: &mut PathItem) -> impl Iterator<Item = (Method, &mut Operation)> {
    [
        (Method::GET, &mut item.get),
        (Method::POST, &mut item.post),
        (Method::PUT, &mut item.put),
        (Method::PATCH, &mut item.patch),
        (Method::DELETE, &mut item.delete),
    ]
    .into_iter()
    .filter_map(|(method, operation)| Some((method, operation.as_mut()?)))
}

fn query_parameters(operation: &Operation) -> Vec<String> {
    let parameters = operation.parameters.iter().flatten();
    parameters
        .filter_map(|parameter| match parameter {
            RefOr::T(parameter) if parameter.parameter_in == ParameterIn::Query => {
                Some(parameter.name.clone())
            }
            _ => None,
        })
        .collect()
}

/// An optional parameter can be left out. utoipa describes it as one that may be null too, which
/// neither a query nor a header can express.
fn forbid_null_parameters(operation: &mut Operation) {
    for parameter in operation.parameters.iter_mut().flatten() {
        if let RefOr::T(parameter) = parameter
            && let Some(RefOr::T(Schema::Object(object))) = &mut parameter.schema
            && let SchemaType::Array(types) = &mut object.schema_type
        {
            types.retain(|kind| *kind != Type::Null);
            if let [kind] = types.as_slice() {
                object.schema_type = SchemaType::Type(kind.clone());
            }
        }
    }
}

fn add_common_problems(path: &str, operation: &mut Operation) {
    let statuses: &[&str] = match path {
        // It is outside of everything that could refuse a request.
        "/health" => &[],
        path if path.starts_with("/api/") => &COMMON,
        _ => &COMMON_OPERATIONS,
    };
    for status in statuses {
        let reference = Ref::from_response_name(common_name(status));
        let responses = &mut operation.responses.responses;
        responses
            .entry((*status).to_owned())
            .or_insert_with(|| reference.into());
    }
}

fn common_name(status: &str) -> String {
    format!("problem-{status}")
}

/// The answer with one of these kinds of problems, which share a status.
fn problem_response(description: &str, kinds: &[ProblemKind]) -> RefOr<utoipa::openapi::Response> {
    let examples: BTreeMap<_, _> = kinds
        .iter()
        .map(|kind| {
            let example = ExampleBuilder::new()
                .summary(kind.title())
                .value(serde_json::to_value(example(*kind)).ok())
                .build();
            (kind.slug(), example)
        })
        .collect();
    let content = ContentBuilder::new()
        .schema(Some(Ref::from_schema_name("Problem")))
        .examples_from_iter(examples)
        .build();
    let mut response = ResponseBuilder::new()
        .description(description)
        .content("application/problem+json", content);
    let text = |description: &str| {
        HeaderBuilder::new()
            .schema(Some(String::schema()))
            .description(Some(description))
            .build()
    };
    for kind in kinds {
        response = match kind {
            ProblemKind::TooManyRequests | ProblemKind::Unavailable | ProblemKind::StoreFull => {
                response.header("Retry-After", text("Seconds to wait."))
            }
            ProblemKind::RangeNotSatisfiable => {
                response.header("Content-Range", text("As in `bytes */2048`."))
            }
            _ => response,
        };
    }
    response.build().into()
}

fn example(kind: ProblemKind) -> ProblemJson {
    ProblemJson {
        kind: kind.uri(),
        title: kind.title().to_owned(),
        status: kind.status().as_u16(),
        detail: kind.example().to_owned(),
        trace_id: Some("4bf92f3577b34da6a3ce929d0e0e4736".to_owned()),
    }
}

/// OpenAPI document
///
/// For everybody. This document, in OpenAPI 3.1; [/docs](/docs) shows it.
#[utoipa::path(
    get, path = "/api/openapi.json", operation_id = "openApi", tag = "Documentation",
    responses((status = 200, description = "The document.", body = serde_json::Value,
        content_type = "application/json", example = json!({"openapi": "3.1.0"}))),
    security(()),
)]
pub async fn show(Extension(api): Extension<Arc<Api>>) -> Response {
    let headers = [
        (header::CONTENT_TYPE, "application/json"),
        (header::CACHE_CONTROL, "no-cache"),
    ];
    (headers, api.json.clone()).into_response()
}

/// The refusal of a query parameter that the API does not know: a client that misspells one, or sends
/// `cursor` for `after`, would take the same page for ever. Pages ignore them, because others add theirs to
/// links (`utm_source`).
pub(crate) fn unknown_parameter(api: &Api, request: &Request) -> Option<Problem> {
    let query = request.uri().query()?;
    let path = request.extensions().get::<MatchedPath>()?.as_str();
    let method = match request.method() {
        &Method::HEAD => Method::GET,
        method => method.clone(),
    };
    let known = api.parameters.get(&(method, path.to_owned()))?;
    if !path.starts_with("/api/") {
        return None;
    }
    let unknown = url::form_urlencoded::parse(query.as_bytes())
        .find(|(name, _)| !known.iter().any(|known| known == name))?
        .0;
    let names: Vec<_> = known.iter().map(|name| format!("`{name}`")).collect();
    let those = match names.as_slice() {
        [] => "this address takes none".to_owned(),
        [one] => format!("there is {one}"),
        [all @ .., last] => format!("there are {} and {last}", all.join(", ")),
    };
    Some(Problem::new(
        ProblemKind::UnknownParameter,
        format!("there is no query parameter `{unknown}` here; {those}"),
    ))
}
