//! What calls the pipeline: [`local`] leases jobs from the database, [`lambda`] receives batches of
//! messages.

pub mod lambda;
pub mod local;
