//! What people see and call: pages, API, live updates, and the command `vitrine`.
//!
//! [`app`] puts it together, [`router`] lists every address, [`access`] decides who may do what.

#![cfg_attr(test, allow(clippy::unwrap_used))]

pub mod access;
pub mod api;
pub mod app;
pub mod assets;
pub mod captioning;
mod causes;
pub mod commands;
mod cursor;
pub mod intake;
pub mod links;
pub mod live;
pub mod media;
mod multipart;
pub mod operations;
pub mod pages;
pub mod parts;
pub mod problem;
mod request_id;
mod router;
pub mod state;
pub mod templates;
pub mod view;
