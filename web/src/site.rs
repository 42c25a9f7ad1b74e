//! What every page says about this instance: its title, and whom to ask.

use std::sync::Arc;

use platform::settings::{Contact, Settings};

/// Cheap to clone.
#[derive(Clone, Debug)]
pub struct Site(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    title: String,
    contact: Option<Contact>,
}

impl From<&Settings> for Site {
    fn from(settings: &Settings) -> Self {
        Self(Arc::new(Inner {
            title: settings.title.clone(),
            contact: settings.contact.clone(),
        }))
    }
}

impl Site {
    pub fn title(&self) -> &str {
        &self.0.title
    }

    pub fn contact(&self) -> Option<&Contact> {
        self.0.contact.as_ref()
    }
}
