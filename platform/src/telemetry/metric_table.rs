//! Every metric with its unit, attributes and meaning. The instruments are made from this table, and
//! so is the one in `docs/telemetry.md`.

use std::fmt::Write as _;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Counter,
    Gauge,
    Histogram,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Metric {
    pub(super) name: &'static str,
    pub(super) kind: Kind,
    /// In UCUM. Annotations in braces add nothing to the name that Prometheus sees, so that those of
    /// the machine are the same everywhere.
    pub(super) unit: &'static str,
    /// In Markdown.
    attributes: &'static str,
    pub(super) meaning: &'static str,
}

const fn metric(
    name: &'static str,
    kind: Kind,
    unit: &'static str,
    attributes: &'static str,
    meaning: &'static str,
) -> Metric {
    Metric {
        name,
        kind,
        unit,
        attributes,
        meaning,
    }
}

pub(super) const REQUESTS: Metric = metric(
    "http.server.request.duration",
    Kind::Histogram,
    "s",
    "`http.request.method`, `http.route`, `http.response.status_code`",
    "Time from a request to the beginning of its response; its count is the number of requests",
);
pub(super) const UPLOADS: Metric = metric(
    "vitrine.uploads",
    Kind::Counter,
    "",
    "`outcome`: `created`, `existing`, `refused`, `failed`",
    "Uploads, by outcome",
);
pub(super) const CACHED_ANSWERS: Metric = metric(
    "vitrine.cached_answers",
    Kind::Counter,
    "",
    "`outcome`: `hit`, `miss`",
    "Requests for pages and JSON that can be answered from memory, and whether they were",
);
pub(super) const STEPS: Metric = metric(
    "vitrine.step.duration",
    Kind::Histogram,
    "s",
    "`step`, `outcome`: `done`, `failed`, `blocked`, `retried`, `postponed`, `superseded`",
    "Duration of attempts at steps, by step and outcome",
);
pub(super) const QUEUE_AGE: Metric = metric(
    "vitrine.queue.age",
    Kind::Gauge,
    "s",
    "",
    "Age of the oldest claimable job, every ten seconds; of the local queue only (SQS has `ApproximateAgeOfOldestMessage`)",
);
pub(super) const CAPTIONS: Metric = metric(
    "vitrine.caption.request.duration",
    Kind::Histogram,
    "s",
    "`gen_ai.provider.name`, `gen_ai.request.model`, `outcome`: `caption`, `blocked`, `failed`, `turned_away`",
    "Duration of requests to captioning providers, by outcome",
);
pub(super) const TOKENS: Metric = metric(
    "vitrine.caption.tokens",
    Kind::Counter,
    "{token}",
    "the same and `gen_ai.token.type`: `input`, `output`",
    "Tokens counted by captioning providers",
);
pub(super) const COST: Metric = metric(
    "vitrine.caption.cost",
    Kind::Counter,
    "",
    "the same and `currency`",
    "Cost of captions at the prices of `VITRINE_CAPTION_PRICE`, in the currency of the attribute",
);
pub(super) const EVENT_STREAMS: Metric = metric(
    "vitrine.event_streams",
    Kind::Gauge,
    "{stream}",
    "",
    "Open event streams (`/api/events`) of this process, every ten seconds",
);
pub(super) const POOL: Metric = metric(
    "db.client.connection.count",
    Kind::Gauge,
    "{connection}",
    "`db.client.connection.state`: `used`, `idle`",
    "Connections in the pool of the database, every ten seconds",
);
pub(super) const MEMORY_USAGE: Metric = metric(
    "memory_usage",
    Kind::Gauge,
    "{percent}",
    "",
    "Share of the machine's memory that programs cannot get any more",
);
pub(super) const TCP_CONNECTIONS: Metric = metric(
    "tcp_connections",
    Kind::Gauge,
    "{connection}",
    "",
    "Established TCP connections of the machine, IPv4 and IPv6",
);
pub(super) const TCP_CONNECTIONS_HTTP: Metric = metric(
    "tcp_connections_http",
    Kind::Gauge,
    "{connection}",
    "",
    "Established TCP connections to ports 80, 443 and that of `VITRINE_BIND`",
);
pub(super) const TCP_CONNECTIONS_SSH: Metric = metric(
    "tcp_connections_ssh",
    Kind::Gauge,
    "{connection}",
    "",
    "Established TCP connections to port 22 of the machine",
);
pub(super) const IO_WAIT: Metric = metric(
    "io_wait",
    Kind::Gauge,
    "{percent}",
    "",
    "Share of the processors' time since the last reading in which they waited for disks; at first since the machine started",
);
pub(super) const CPU_STEAL: Metric = metric(
    "cpu_steal",
    Kind::Gauge,
    "{percent}",
    "",
    "Share of the processors' time since the last reading that the hypervisor gave to other machines; at first since the machine started",
);
pub(super) const AVAILABLE_VIRTUAL_STORAGE: Metric = metric(
    "available_virtual_storage",
    Kind::Gauge,
    "{GB}",
    "",
    "Free space on the disk of the data folder, in gigabytes of 1,000,000,000 bytes",
);
pub(super) const MEMORY_BOTTLENECK: Metric = metric(
    "memory_bottleneck",
    Kind::Gauge,
    "",
    "",
    "1 if `memory_usage` is at least 80 and `io_wait` at least 20, else 0",
);
pub(super) const MULTIPLE_SSH_CONNECTIONS: Metric = metric(
    "multiple_ssh_connections",
    Kind::Gauge,
    "",
    "",
    "1 if `tcp_connections_ssh` is more than 1, else 0",
);
pub(super) const LOW_VIRTUAL_STORAGE: Metric = metric(
    "low_virtual_storage",
    Kind::Gauge,
    "",
    "",
    "1 if `available_virtual_storage` is less than 2, else 0",
);

/// In the order of the documentation.
const TABLE: [Metric; 20] = [
    REQUESTS,
    UPLOADS,
    CACHED_ANSWERS,
    STEPS,
    QUEUE_AGE,
    CAPTIONS,
    TOKENS,
    COST,
    EVENT_STREAMS,
    POOL,
    MEMORY_USAGE,
    TCP_CONNECTIONS,
    TCP_CONNECTIONS_HTTP,
    TCP_CONNECTIONS_SSH,
    IO_WAIT,
    CPU_STEAL,
    AVAILABLE_VIRTUAL_STORAGE,
    MEMORY_BOTTLENECK,
    MULTIPLE_SSH_CONNECTIONS,
    LOW_VIRTUAL_STORAGE,
];

impl Metric {
    /// What Prometheus calls it, by the rules of the specification of OpenTelemetry ("Prometheus and
    /// OpenMetrics Compatibility").
    fn name_in_prometheus(&self) -> String {
        let mut name = self.name.replace('.', "_");
        if self.unit == "s" {
            name += "_seconds";
        }
        if self.kind == Kind::Counter {
            name += "_total";
        }
        name
    }

    fn unit_in_words(&self) -> &'static str {
        match self.unit {
            "{percent}" => "%",
            "{GB}" => "GB",
            unit if unit.starts_with('{') => "",
            unit => unit,
        }
    }
}

/// The table in `docs/telemetry.md`.
pub fn markdown() -> String {
    let mut text = "| metric | in Prometheus | kind | unit | attributes | meaning |\n\
                    |---|---|---|---|---|---|\n"
        .to_owned();
    for metric in TABLE {
        let kind = match metric.kind {
            Kind::Counter => "counter",
            Kind::Gauge => "gauge",
            Kind::Histogram => "histogram",
        };
        // Writing into a string cannot fail.
        let _ = writeln!(
            text,
            "| `{}` | `{}` | {kind} | {} | {} | {} |",
            metric.name,
            metric.name_in_prometheus(),
            metric.unit_in_words(),
            metric.attributes,
            metric.meaning
        );
    }
    text
}

#[cfg(test)]
pub(super) fn names_in_prometheus() -> Vec<String> {
    TABLE.iter().map(Metric::name_in_prometheus).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::{LONG_IO_WAIT, LOW_STORAGE, SCARCE_MEMORY};

    const BEGIN: &str = "<!-- made by `make telemetry` -->\n";
    const END: &str = "<!-- end -->\n";

    #[test]
    fn the_metric_table_in_the_documentation_is_that_of_the_code() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/telemetry.md");
        let text = std::fs::read_to_string(path).unwrap();
        let (before, rest) = text.split_once(BEGIN).unwrap();
        let (found, after) = rest.split_once(END).unwrap();
        if std::env::var_os("VITRINE_UPDATE_DOCS").is_some() {
            let updated = [before, BEGIN, &markdown(), END, after].concat();
            std::fs::write(path, updated).unwrap();
            return;
        }
        assert_eq!(
            found,
            markdown(),
            "docs/telemetry.md is out of date; run `make telemetry`"
        );
    }

    #[test]
    fn documented_limits_are_those_of_the_code() {
        assert!(MEMORY_BOTTLENECK.meaning.contains(&format!(
            "at least {SCARCE_MEMORY} and `io_wait` at least {LONG_IO_WAIT},"
        )));
        let low = format!("less than {LOW_STORAGE},");
        assert!(LOW_VIRTUAL_STORAGE.meaning.contains(&low));
    }

    #[test]
    fn prometheus_names_have_the_usual_endings() {
        assert_eq!(
            REQUESTS.name_in_prometheus(),
            "http_server_request_duration_seconds"
        );
        assert_eq!(UPLOADS.name_in_prometheus(), "vitrine_uploads_total");
        assert_eq!(MEMORY_USAGE.name_in_prometheus(), "memory_usage");
    }
}
