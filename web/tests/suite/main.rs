//! The server as its clients use it. Each test has a whole server in this process, with its own
//! folder and port. No worker runs unless a test starts one: a test drains the queue when the work
//! has to be done.
//!
//! `VITRINE_TEST_DATABASE` chooses the database; `make test` runs the suite on each.

#![allow(clippy::unwrap_used)]

mod access;
mod adoption;
mod alt_text;
mod answer_cache;
mod api_docs;
mod app;
mod backup;
mod boxes;
mod budget;
mod captions;
mod check;
mod client;
mod cross_site;
mod databases;
mod direct;
mod disclosure;
mod driver;
mod export;
mod image_notes;
mod instances;
mod lambda;
mod listing;
mod live;
mod media;
mod messages;
mod operations;
mod outbox;
mod pages;
mod ports;
mod providers;
mod races;
mod refusals;
mod release;
mod removal;
mod review;
mod s3;
mod search;
mod signing_in;
mod slow_captions;
mod sqs;
mod sse;
mod status;
mod tokens;
mod trash;
mod uploads;
mod visitors;
mod wait;
mod wire;
