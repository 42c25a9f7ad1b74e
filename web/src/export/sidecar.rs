//! What is known about an exported image, as JSON for people and programs.

use entity::image::Model;
use entity::image_box;
use entity::publication_record::RecordedBox;
use serde_json::json;

/// The text of the file. It changes only if something about the image does.
pub(super) fn text<'a>(
    image: &Model,
    boxes: impl Iterator<Item = &'a image_box::Model>,
) -> Vec<u8> {
    let boxes: Vec<RecordedBox> = boxes.map(RecordedBox::from).collect();
    let known = json!({
        "id": image.id,
        "file_name": image.file_name,
        "content_type": image.content_type,
        "bytes": image.bytes,
        "width": image.width,
        "height": image.height,
        "sha256": image.sha256,
        "taken_at": image.taken_at,
        "camera": image.camera,
        "uploaded_at": image.uploaded_at,
        "uploaded_by": image.uploaded_by,
        "caption": {
            "text": image.caption_text,
            "paragraph": image.caption_paragraph,
            "language": image.caption_language,
            "translations": image.caption_translations,
            "by": image.caption_by,
            "provider": image.caption_provider,
            "model": image.caption_model,
            "prompt_version": image.caption_prompt_version,
            "at": image.caption_at,
            "checked_by": image.caption_checked_by,
            "checked_at": image.caption_checked_at,
        },
        "decorative": image.decorative,
        "tags": image.tags,
        "context": image.context,
        "embedded": image.embedded,
        "review": image.review,
        "released_at": image.released_at,
        "released_by": image.released_by,
        "boxes": boxes,
    });
    let mut text = format!("{known:#}").into_bytes();
    text.push(b'\n');
    text
}
