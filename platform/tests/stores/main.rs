//! Object stores. The contract runs against each; tests of a single adapter are in a file of their
//! own.

#![allow(clippy::unwrap_used)]

mod contract;
mod homes;
mod presigned;

mod s3;
mod trouble;

macro_rules! contract {
    ($($promise:ident,)+) => {
        mod on_a_folder {
            $(#[tokio::test]
            async fn $promise() {
                super::contract::$promise(&super::homes::folder()).await;
            })+
        }
        mod on_s3 {
            $(#[tokio::test]
            async fn $promise() {
                if let Some(home) = super::homes::s3().await {
                    super::contract::$promise(&home).await;
                }
            })+
        }
    };
}

contract! {
    objects_round_trip,
    put_replaces_an_existing_object,
    replacing_is_atomic_for_readers,
    ranges_are_cut_at_the_end,
    streams_have_a_size,
    missing_objects_are_not_found_and_deletable,
    deleted_objects_are_gone,
    list_has_exactly_the_objects_of_its_area,
    lists_are_paginated,
    unusual_keys_round_trip,
    only_originals_send_one_event,
    storing_consumes_the_scratch_file,
}
