//! What people do, whether they do it on a page or by the API: both call these.

pub mod boxes;
pub mod caption_report;
pub mod delete_image;
pub mod direct_upload;
pub mod edit_caption;
pub mod image_notes;
pub mod list_images;
pub mod messages;
pub mod release_image;
pub mod removal_requests;
pub mod retry_step;
pub mod review_images;
pub mod status_report;
pub mod step_counts;
pub mod tokens;
pub mod trash;
