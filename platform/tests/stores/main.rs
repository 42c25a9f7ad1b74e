//! Object stores. What all of them promise is in `contract`, and runs against each; what only
//! one of them can get wrong is in a file of its own.

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
    what_was_put_comes_back_byte_for_byte,
    a_later_put_replaces_an_earlier_one,
    somebody_who_reads_sees_one_whole_object_while_it_is_replaced,
    a_range_ends_where_the_object_does,
    a_stream_says_its_size_beforehand,
    what_is_not_there_is_not_found_and_may_be_deleted,
    what_was_deleted_is_gone,
    a_list_has_every_object_of_its_area_and_no_other,
    a_list_is_read_page_by_page,
    any_key_will_do,
    an_original_is_announced_once_and_a_rendition_never,
    a_scratch_file_is_gone_once_it_is_stored,
}
