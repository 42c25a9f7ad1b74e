//! What providers are asked. The template is a file, and its hash is kept with every caption, so
//! that one can tell which captions a better prompt should write anew.

use std::sync::LazyLock;

use sha2::{Digest as _, Sha256};

const TEMPLATE: &str = include_str!("prompt.txt");

/// The first 12 hexadecimal digits of the template's SHA-256.
static VERSION: LazyLock<String> = LazyLock::new(|| {
    let hash = Sha256::digest(TEMPLATE);
    hex::encode(&hash[..6])
});

/// The version of the prompt, as it is kept with captions.
pub(super) fn version() -> String {
    VERSION.clone()
}

/// The prompt for captions in this language, a BCP 47 tag.
pub(super) fn in_language(language: &str) -> String {
    TEMPLATE.replace("{language}", language)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_language_is_part_of_the_prompt_and_not_of_its_version() {
        assert!(in_language("de-CH").contains("BCP 47 tag de-CH"));
        assert!(!in_language("de-CH").contains('{'));
        assert_eq!(version().len(), 12);
        assert!(version().chars().all(|c| c.is_ascii_hexdigit()));
    }
}
