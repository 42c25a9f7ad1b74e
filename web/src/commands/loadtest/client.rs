//! Sends one request and tells what became of it.

use std::time::Duration;

use reqwest::multipart::{Form, Part};
use reqwest::{RequestBuilder, Response, redirect};
use serde::Deserialize;

use super::answer::Failure;
use super::photos::Photos;
use super::plan::Plan;
use super::target::Target;

/// What a request does.
pub(super) enum Work {
    Get,
    Upload(Photos),
}

pub(super) struct Client {
    http: reqwest::Client,
    target: Target,
    work: Work,
    token: Option<String>,
}

/// The end of a request.
#[derive(Debug, Default)]
pub(super) struct Reply {
    pub(super) status: Option<u16>,
    pub(super) failure: Option<Failure>,
    pub(super) bytes: u64,
    pub(super) instance: Option<String>,
}

/// What the load balancer test answers.
#[derive(Deserialize)]
struct AnsweredBy {
    instance_id: String,
}

impl Client {
    pub(super) fn new(
        target: Target,
        work: Work,
        token: Option<String>,
        timeout: Duration,
        plan: &Plan,
    ) -> reqwest::Result<Self> {
        let mut builder = reqwest::Client::builder()
            .user_agent(concat!("vitrine-loadtest/", env!("CARGO_PKG_VERSION")))
            .timeout(timeout)
            // A proxy or a redirect would lead to hosts that nobody allowed.
            .no_proxy()
            .redirect(redirect::Policy::none())
            .pool_max_idle_per_host(plan.concurrency);
        if let Some((name, addresses)) = target.pinned() {
            builder = builder.resolve_to_addrs(name, &addresses);
        }
        Ok(Self {
            http: builder.build()?,
            target,
            work,
            token,
        })
    }

    /// Reads a photo into memory, so that the disk is no part of what is measured.
    ///
    /// # Errors
    /// If it cannot be read.
    pub(super) async fn prepare(
        &self,
        number: u64,
        trace_id: &str,
        traceparent: &str,
    ) -> std::io::Result<RequestBuilder> {
        let request = match &self.work {
            Work::Get => self.get(trace_id),
            Work::Upload(photos) => {
                let path = photos.of(number);
                let name = path.file_name().unwrap_or_default().to_string_lossy();
                let part = Part::bytes(tokio::fs::read(path).await?).file_name(name.into_owned());
                let form = Form::new().part("file", part);
                self.http.post(self.target.uploads()).multipart(form)
            }
        };
        let request = request.header("traceparent", traceparent);
        Ok(match &self.token {
            Some(token) => request.bearer_auth(token),
            None => request,
        })
    }

    fn get(&self, trace_id: &str) -> RequestBuilder {
        let mut url = self.target.url.clone();
        if self.target.names_instance {
            url.query_pairs_mut().append_pair("trace_id", trace_id);
        }
        self.http.get(url)
    }

    pub(super) async fn send(&self, request: RequestBuilder) -> Reply {
        match request.send().await {
            Ok(response) => self.read(response).await,
            Err(error) => Reply {
                failure: Some(failure(&error)),
                ..Reply::default()
            },
        }
    }

    async fn read(&self, response: Response) -> Reply {
        let status = response.status().as_u16();
        let mut reply = Reply {
            status: Some(status),
            failure: Failure::of_status(status),
            ..Reply::default()
        };
        match response.bytes().await {
            Ok(body) => {
                reply.bytes = body.len() as u64;
                if self.target.names_instance {
                    let said = serde_json::from_slice::<AnsweredBy>(&body);
                    reply.instance = said.ok().map(|said| said.instance_id);
                }
            }
            Err(error) => reply.failure = Some(failure(&error)),
        }
        reply
    }
}

fn failure(error: &reqwest::Error) -> Failure {
    // A connection may time out too.
    if error.is_connect() {
        Failure::Connect
    } else if error.is_timeout() {
        Failure::Timeout
    } else {
        Failure::Broken
    }
}
