//! The templates of the pages, compiled into the binary and parsed at start, so that a mistake in
//! one is found before the first request. Every value is escaped; nothing uses `safe`.

use std::sync::Arc;

use serde::Serialize;
use tera::{Context, Error, Kwargs, State, Tera, TeraResult};

use crate::assets;
use crate::dev;

macro_rules! sources {
    ($($name:literal),+ $(,)?) => {
        &[$(($name, include_str!(concat!("../templates/", $name)))),+]
    };
}

/// Name and text.
static SOURCES: &[(&str, &str)] = sources![
    "around.html",
    "base.html",
    "captions.html",
    "status.html",
    "card.html",
    "components.html",
    "desk.html",
    "docs.html",
    "embed.html",
    "error.html",
    "gallery.html",
    "image.html",
    "image_tasks.html",
    "login.html",
    "messages.html",
    "problems.html",
    "removal.html",
    "removal_requests.html",
    "renditions.html",
    "review.html",
    "review_certain.html",
    "review_empty.html",
    "thats_me.html",
    "timeline.html",
    "tokens.html",
    "trash.html",
    "trouble.html",
    "upload_form.html",
    "uploaded.html",
    "zoom.html",
];

/// All templates. Cheap to clone.
#[derive(Clone)]
pub struct Templates(Arc<Tera>);

impl Templates {
    pub fn new() -> TeraResult<Self> {
        Ok(Self(Arc::new(parse(|_| None)?)))
    }

    /// Renders a template. `values` must have every field that the template names; a missing
    /// field is an error.
    pub fn render(&self, name: &str, values: &impl Serialize) -> TeraResult<String> {
        let context = Context::from_serialize(values)?;
        if dev::is_on() {
            let page = parse(dev::template)?.render(name, &context)?;
            return Ok(dev::with_reload(&page));
        }
        self.0.render(name, &context)
    }
}

/// Parses every template, from `current` where that has it.
fn parse(current: impl Fn(&str) -> Option<String>) -> TeraResult<Tera> {
    let mut tera = Tera::new();
    tera.register_function("asset_url", asset_url);
    let sources = SOURCES.iter().map(|&(name, embedded)| {
        let text = current(name).unwrap_or_else(|| embedded.to_owned());
        (name, text)
    });
    tera.add_raw_templates(sources)?;
    Ok(tera)
}

/// `asset_url(file="base.css")` in a template; a name that is not an asset is an error.
fn asset_url(arguments: Kwargs, _: &State) -> TeraResult<String> {
    let file: String = arguments.must_get("file")?;
    assets::asset_url(&file).ok_or_else(|| Error::message(format!("no static file `{file}`")))
}

#[cfg(test)]
#[path = "templates_tests.rs"]
mod tests;
