//! The server as its callers meet it: a whole one in this process for each test, on a folder and
//! a port of its own. Nothing works in the background unless a test asks for workers: a test
//! drains the queue when it wants the work done.

#![allow(clippy::unwrap_used)]

mod access;
mod app;
mod captions;
mod client;
mod cross_site;
mod driver;
mod listing;
mod live;
mod media;
mod messages;
mod operations;
mod pages;
mod ports;
mod providers;
mod refusals;
mod routes;
mod search;
mod signing_in;
mod sse;
mod uploads;
