//! The pages' templates, compiled into the binary and parsed once at start, so that a mistake in
//! one is found before the first request. Everything is escaped; nothing uses `safe`.

use std::sync::Arc;

use serde::Serialize;
use tera::{Context, Error, Kwargs, State, Tera, TeraResult};

use crate::assets;

macro_rules! sources {
    ($($name:literal),+ $(,)?) => {
        [$(($name, include_str!(concat!("../templates/", $name)))),+]
    };
}

/// All templates, ready to render. Shared, because every request clones what handlers reach.
#[derive(Clone)]
pub struct Templates(Arc<Tera>);

impl Templates {
    /// Parses every template.
    ///
    /// # Errors
    /// When a template does not parse or names another that is not there.
    pub fn new() -> TeraResult<Self> {
        let mut tera = Tera::new();
        tera.register_function("asset_url", asset_url);
        tera.add_raw_templates(sources![
            "base.html",
            "captions.html",
            "card.html",
            "components.html",
            "error.html",
            "gallery.html",
            "image.html",
            "login.html",
            "messages.html",
            "renditions.html",
            "timeline.html",
            "tokens.html",
            "upload_form.html",
            "uploaded.html",
        ])?;
        Ok(Self(Arc::new(tera)))
    }

    /// Renders the template `name` with `values`, which must hold every field the template
    /// names: a missing one is an error, an absent value is `null`.
    ///
    /// # Errors
    /// When a field is missing.
    pub fn render(&self, name: &str, values: &impl Serialize) -> TeraResult<String> {
        self.0.render(name, &Context::from_serialize(values)?)
    }
}

/// `asset_url(file="base.css")` in a template; a name that is not an asset is an error.
fn asset_url(arguments: Kwargs, _: &State) -> TeraResult<String> {
    let file: String = arguments.must_get("file")?;
    assets::asset_url(&file).ok_or_else(|| Error::message(format!("no static file `{file}`")))
}

#[cfg(test)]
#[path = "templates_tests.rs"]
mod tests;
