//! Names of exported files: a folder for the day, the file's own name, and a mark that makes it
//! unique and leads back to the image.

use entity::image::Model;
use platform::Format;

/// Characters of a name at most, so that every file system takes it with its endings.
const LONGEST: usize = 80;

/// Some of the names that Windows keeps for itself.
const RESERVED: [&str; 4] = ["con", "prn", "aux", "nul"];

/// Where an image is in an export, without an ending: `2026-11-26/Harbour (5f3a9c10)`. It stays the
/// same, whatever its caption.
pub(super) fn stem(image: &Model) -> String {
    let taken = image.taken_at.map(|taken_at| taken_at.date());
    let day = taken.unwrap_or_else(|| image.uploaded_at.date_naive());
    let id = image.id.simple().to_string();
    let (_, mark) = id.split_at(id.len() - 8);
    format!("{}/{} ({mark})", day.format("%Y-%m-%d"), own_name(image))
}

/// The ending of the original.
pub(super) fn extension(image: &Model) -> &'static str {
    Format::from_content_type(&image.content_type).map_or("bin", Format::extension)
}

fn own_name(image: &Model) -> String {
    let name = &image.file_name;
    let name = name.rsplit_once('.').map_or(&**name, |(name, _)| name);
    let harmless = |c: char| match c {
        '/' | '\\' | ':' | '*' | '?' | '"' | '<' | '>' | '|' => '-',
        c if c.is_control() => '-',
        c => c,
    };
    let name: String = name.chars().map(harmless).take(LONGEST).collect();
    let name = name.trim_matches(|c: char| c == '.' || c.is_whitespace());
    let is_reserved = RESERVED.contains(&name.to_lowercase().as_str());
    match name {
        "" => "photo".to_owned(),
        name if is_reserved => format!("{name}-"),
        name => shortened(name),
    }
}

/// File systems count bytes: 255 at most.
fn shortened(name: &str) -> String {
    name[..name.floor_char_boundary(200)].to_owned()
}
