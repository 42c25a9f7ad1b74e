//! What the object store tells: something new is there. The functions hear it in the same
//! shape in both homes, whoever carries it to them.

mod envelope;

use async_trait::async_trait;

pub use envelope::{
    CARRIED, Ignored, Malformed, Message, StoreEvents, announcement, parse, parse_invocation,
};

use crate::objects::ObjectKey;

/// An object was created.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ObjectCreated {
    /// Its key.
    pub key: ObjectKey,
}

/// Somebody who wants to know.
#[async_trait]
pub trait ObjectEvents: Send + Sync + 'static {
    /// Called after an original is safely stored. What goes wrong in here is the listener's
    /// own: the object stays, and the sweeper finds the work that nobody was told of.
    async fn created(&self, event: ObjectCreated);
}
