//! Metrics for Prometheus, in its text format, from the same instruments as those for a collector.

use opentelemetry_prometheus::{PrometheusExporter, exporter};
use prometheus::{Registry, TextEncoder};

/// The content type of the text format
/// (https://prometheus.io/docs/instrumenting/exposition_formats/).
pub const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// What Prometheus reads. Cheap to clone; all clones are the same.
#[derive(Clone, Debug)]
pub struct Scrape(Registry);

impl Scrape {
    /// The exporter belongs into the provider of the instruments.
    pub(super) fn new() -> Result<(Self, PrometheusExporter), String> {
        let registry = Registry::new();
        let exporter = exporter()
            .with_registry(registry.clone())
            // All instruments are of one scope.
            .scope_info_enabled(false)
            .build()
            .map_err(|error| format!("metrics cannot be kept for Prometheus: {error}"))?;
        Ok((Self(registry), exporter))
    }

    /// All metrics as text.
    ///
    /// # Errors
    /// If they cannot be written as text.
    pub fn text(&self) -> Result<String, String> {
        TextEncoder::new()
            .encode_to_string(&self.0.gather())
            .map_err(|error| error.to_string())
    }
}
