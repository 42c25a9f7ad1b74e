//! The settings that decide about access.

use platform::settings::{PublicRendition, Settings, Uploads};

/// The settings that decide about access.
#[derive(Clone, Copy, Debug)]
pub struct Policy {
    pub(super) public_rendition: PublicRendition,
    pub(super) uploads: Uploads,
    pub(super) needs_password: bool,
}

impl From<&Settings> for Policy {
    fn from(settings: &Settings) -> Self {
        Self {
            public_rendition: settings.public_rendition,
            uploads: settings.uploads,
            needs_password: !settings.is_keyboard_admin(),
        }
    }
}

impl Policy {
    /// Whether the admin has to sign in.
    pub(crate) fn needs_password(&self) -> bool {
        self.needs_password
    }
}
