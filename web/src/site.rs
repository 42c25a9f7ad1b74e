//! What every page says about this instance: its title, whom to ask, and how pictures become public.

use std::sync::Arc;

use platform::settings::{Contact, ReleaseRule, Settings};

/// Cheap to clone.
#[derive(Clone, Debug)]
pub struct Site(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    title: String,
    contact: Option<Contact>,
    release: ReleaseRule,
}

impl From<&Settings> for Site {
    fn from(settings: &Settings) -> Self {
        Self(Arc::new(Inner {
            title: settings.title.clone(),
            contact: settings.contact.clone(),
            release: settings.release,
        }))
    }
}

impl Site {
    pub fn title(&self) -> &str {
        &self.0.title
    }

    /// Whether a person looks at each picture before it becomes public.
    pub fn reviews_each(&self) -> bool {
        self.0.release == ReleaseRule::Review
    }

    pub fn contact(&self) -> Option<&Contact> {
        self.0.contact.as_ref()
    }
}
