//! What happens to an image: it is put into words, made small, and made safe to show.
//!
//! The work on pixels is synchronous and knows neither database nor network ([`picture`],
//! [`faces`], [`thumbnail`], [`anonymise`]); [`annotate`] may ask a provider. [`handle`] does one step of one image
//! and knows not where it runs. [`local`] drives it on one machine.

#![cfg_attr(test, allow(clippy::unwrap_used))]

mod adopt;
pub mod allowance;
pub mod annotate;
pub mod anonymise;
pub mod captions;
pub mod context;
pub mod cpu;
pub mod dispatch;
pub mod error;
pub mod faces;
pub mod handle;
pub mod lambda;
pub mod lifecycle;
pub mod local;
pub mod picture;
pub mod placeholder;
pub mod queues;
pub mod setup;
#[cfg(feature = "testing")]
pub mod testing;
pub mod thumbnail;
mod work;
