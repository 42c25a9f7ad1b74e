//! What people see and call: pages, API, live updates, and the command `vitrine`.
//!
//! [`app`] puts it together, [`router`] lists every address, [`access`] decides who may do what.

#![cfg_attr(test, allow(clippy::unwrap_used))]

pub mod access;
pub mod actions;
pub mod api;
pub mod app;
pub mod assets;
pub mod caption_pause;
pub mod commands;
mod cursor;
mod dev;
mod error_chain;
pub mod image_rows;
pub mod ingest;
pub mod live;
pub mod media;
pub mod operations;
pub mod pages;
pub mod paging;
mod photo_form;
pub mod picture_urls;
pub mod problem;
mod request_id;
mod router;
pub mod services;
pub mod state;
pub mod templates;
