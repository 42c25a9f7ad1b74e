//! What people see and call: pages, API, live updates, and the command `vitrine`.
//!
//! [`app`] builds the server, [`router`] lists every route, [`access`] decides who may do what.

#![cfg_attr(test, allow(clippy::unwrap_used))]

pub mod access;
pub mod actions;
pub mod answer_cache;
pub mod api;
pub mod app;
pub mod assets;
pub mod backup;
pub mod box_json;
mod byte_range;
pub mod caption_pause;
pub mod check;
pub mod commands;
mod compression;
mod connections;
mod cursor;
mod dev;
mod error_chain;
pub mod event_streams;
pub mod export;
mod extract;
#[cfg(feature = "fuzzing")]
pub mod fuzzing;
mod guards;
pub mod image_json;
pub mod image_rows;
pub mod ingest;
mod json_enum;
pub mod live;
mod measurements;
mod metrics_endpoint;
pub mod openapi;
pub mod operations;
pub mod pages;
pub mod paging;
mod photo_form;
pub mod picture_urls;
pub mod problem;
pub mod problem_kind;
pub mod remembered;
mod request_id;
mod request_log;
mod response_headers;
pub mod router;
mod routes;
pub mod services;
pub mod site;
pub mod state;
mod sweeping;
pub mod templates;
mod work_lock;
