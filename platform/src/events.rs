//! Events of the object store: an object was created. They have the same shape locally and on AWS,
//! for every transport.

mod envelope;

use async_trait::async_trait;

pub use envelope::{
    CARRIED, Ignored, Malformed, Message, StoreEvents, announcement, parse, parse_invocation,
};

use crate::objects::ObjectKey;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ObjectCreated {
    pub key: ObjectKey,
}

/// A listener of the store.
#[async_trait]
pub trait ObjectEvents: Send + Sync + 'static {
    /// Called after an original is stored. The listener handles its own errors: the object stays,
    /// and the sweeper finds the steps that were not queued.
    async fn created(&self, event: ObjectCreated);
}
