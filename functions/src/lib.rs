//! What happens to an image: it is put into words, made small, and made safe to show. The work
//! itself is synchronous and knows neither database nor network nor where it runs.

#![cfg_attr(test, allow(clippy::unwrap_used))]

pub mod annotate;
pub mod anonymise;
pub mod faces;
pub mod picture;
pub mod thumbnail;
