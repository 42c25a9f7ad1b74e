//! The prompt for providers. The template is a file, and its hash is stored with every caption, to
//! find the captions that a better prompt should write again.

use sha2::{Digest as _, Sha256};

const BUILT_IN: &str = include_str!("prompt.txt");

/// The placeholder of the language.
const LANGUAGE: &str = "{language}";

/// In characters; the template is sent with every picture.
const MAX_LENGTH: usize = 20_000;

/// A prompt for captions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Prompt {
    template: String,
    version: String,
}

/// A template cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PromptError {
    /// It has no placeholder for the language.
    #[error("the prompt has no {LANGUAGE} in it, which stands for the language of captions")]
    NoLanguage,
    /// It is too long.
    #[error("the prompt has more than {MAX_LENGTH} characters")]
    TooLong,
}

impl Prompt {
    /// A prompt from a template, in which `{language}` stands for the language as a BCP 47 tag.
    pub fn from_template(template: &str) -> Result<Self, PromptError> {
        if !template.contains(LANGUAGE) {
            return Err(PromptError::NoLanguage);
        }
        if template.chars().count() > MAX_LENGTH {
            return Err(PromptError::TooLong);
        }
        Ok(Self::new(template))
    }

    fn new(template: &str) -> Self {
        let hash = Sha256::digest(template);
        Self {
            template: template.to_owned(),
            version: hex::encode(&hash[..6]),
        }
    }

    /// The first 12 hexadecimal digits of the template's SHA-256.
    pub fn version(&self) -> &str {
        &self.version
    }

    /// The prompt for captions in this language, a BCP 47 tag.
    pub fn in_language(&self, language: &str) -> String {
        self.template.replace(LANGUAGE, language)
    }
}

/// The built-in prompt.
impl Default for Prompt {
    fn default() -> Self {
        Self::new(BUILT_IN)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn language_is_not_part_of_the_prompt_version() {
        let prompt = Prompt::default();
        assert!(prompt.in_language("de-CH").contains("BCP 47 tag de-CH"));
        assert!(!prompt.in_language("de-CH").contains('{'));
        assert_eq!(prompt.version().len(), 12);
        assert!(prompt.version().chars().all(|c| c.is_ascii_hexdigit()));
    }

    #[test]
    fn custom_template_has_its_own_version() {
        let own = Prompt::from_template("Describe this in {language}.").unwrap();
        assert_eq!(own.in_language("fr"), "Describe this in fr.");
        assert_ne!(own.version(), Prompt::default().version());
        let same = Prompt::from_template(BUILT_IN).unwrap();
        assert_eq!(same, Prompt::default());
    }

    #[test]
    fn templates_without_language_or_too_long_are_rejected() {
        assert_eq!(
            Prompt::from_template("Describe."),
            Err(PromptError::NoLanguage)
        );
        let endless = format!("{LANGUAGE}{}", "a".repeat(MAX_LENGTH));
        assert_eq!(Prompt::from_template(&endless), Err(PromptError::TooLong));
    }
}
