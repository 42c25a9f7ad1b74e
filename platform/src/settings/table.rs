//! Every setting with its default, an example and its meaning. `docs/settings.md` is generated from
//! this table.

use std::fmt::Write as _;

#[derive(Debug, Clone, Copy)]
pub struct Entry {
    pub name: &'static str,
    /// The default.
    pub default: &'static str,
    /// A valid value.
    pub example: &'static str,
    pub meaning: &'static str,
}

const fn entry(
    name: &'static str,
    default: &'static str,
    example: &'static str,
    meaning: &'static str,
) -> Entry {
    Entry {
        name,
        default,
        example,
        meaning,
    }
}

/// All settings, in the order of the documentation.
pub const TABLE: &[Entry] = &[
    entry(
        "VITRINE_BIND",
        "127.0.0.1:8080",
        "0.0.0.0:8080",
        "Address and port to listen on. Any address but loopback needs VITRINE_ADMIN_PASSWORD.",
    ),
    entry(
        "VITRINE_TRUSTED_PROXIES",
        "none",
        "127.0.0.1, 10.0.0.0/16",
        "Addresses or networks of proxies and load balancers in front. `Forwarded` and `X-Forwarded-For`, `-Proto` and `-Host` count only if one of these sent them; limits, logs and cookies use the result.",
    ),
    entry(
        "VITRINE_PUBLIC_URL",
        "the address of each request",
        "https://photos.example.org",
        "The URL that people use for this server. With https, cookies are sent over HTTPS only, and browsers are told to use HTTPS only (HSTS).",
    ),
    entry(
        "VITRINE_ADMIN_PASSWORD",
        "none",
        "four random plain words",
        "Password of the admin. Without one, programs of the same user on this machine are the admin.",
    ),
    entry(
        "VITRINE_ADMIN_PASSWORD_SECRET_ARN",
        "none",
        "arn:aws:secretsmanager:eu-central-1:123456789012:secret:vitrine/admin-AbCdEf",
        "Secret in AWS Secrets Manager that holds the password, as plain text, instead of VITRINE_ADMIN_PASSWORD. Read at the start.",
    ),
    entry(
        "VITRINE_DATA",
        "./data",
        "/var/lib/vitrine",
        "Folder for the database and the pictures.",
    ),
    entry(
        "DATABASE_URL",
        "SQLite in the data folder",
        "postgres://vitrine:password@localhost/vitrine",
        "Another database: sqlite:, postgres: or mysql: (MariaDB; never run on MySQL). TLS is set by `sslmode` (`ssl-mode` for MySQL).",
    ),
    entry(
        "DATABASE_SECRET_ARN",
        "none",
        "arn:aws:secretsmanager:eu-central-1:123456789012:secret:vitrine/database-AbCdEf",
        "Secret in AWS Secrets Manager with the login for the database, in the format of RDS: JSON with `username` and `password`, and `engine`, `host`, `port` and `dbname` unless a DATABASE_URL without name and password has them. Fetched again when the database refuses the password. The server's certificate is verified unless DATABASE_URL has another `sslmode`.",
    ),
    entry(
        "DATABASE_CA_FILE",
        "those of Amazon RDS with DATABASE_SECRET_ARN",
        "/etc/ssl/rds-global-bundle.pem",
        "File with the certificate authorities, in PEM, that the database server's certificate is verified with. If this is set, it is verified unless DATABASE_URL has another `sslmode`.",
    ),
    entry(
        "DATABASE_MAX_CONNECTIONS",
        "10; 2 in AWS Lambda",
        "20",
        "Most database connections of one process (1 to 1000). On AWS, all instances and functions together must stay below the database's own limit.",
    ),
    entry(
        "VITRINE_STORAGE",
        "objects in the data folder",
        "s3://my-photos",
        "Where originals and renditions are stored: a folder, or an S3 bucket that only Vitrine uses. Pictures in a bucket are served by S3 itself, under presigned URLs.",
    ),
    entry(
        "AWS_REGION",
        "as the AWS SDK finds it",
        "eu-central-1",
        "Region of everything on AWS. The SDK finds credentials by itself: in AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, a profile, or the role of the machine.",
    ),
    entry(
        "AWS_ENDPOINT_URL",
        "AWS's own",
        "http://127.0.0.1:5000",
        "Another server with AWS's protocols: Garage for S3, or moto for tests.",
    ),
    entry(
        "VITRINE_QUEUE",
        "the database",
        "https://sqs.eu-central-1.amazonaws.com/123456789012/vitrine-{step}",
        "Where steps that run again are queued: in the database, or in SQS queues; `{step}` in the URL stands for the step.",
    ),
    entry(
        "VITRINE_MAX_RECEIVES",
        "5",
        "5",
        "On Lambda: how often a queue delivers a message before it goes to the dead-letter queue. The last delivery only records that the step has failed.",
    ),
    entry(
        "VITRINE_WORKERS",
        "number of cores",
        "4",
        "Steps that this process works on at once; 0 leaves the work to other processes. With VITRINE_QUEUE it is 0.",
    ),
    entry(
        "VITRINE_CAPTIONER",
        "auto",
        "describe",
        "What writes captions: `gemini`, `openai` (any server with its chat completions API, such as Ollama, vLLM and LM Studio), or `describe`, which works offline and without AI. `auto` is `gemini` if GEMINI_API_KEY is set, else `openai` if OPENAI_BASE_URL is set, else `describe`.",
    ),
    entry(
        "VITRINE_CAPTION_LANGUAGE",
        "en",
        "de-CH",
        "Language of captions as a BCP 47 tag. The offline describer writes English, or German for `de`.",
    ),
    entry(
        "VITRINE_CAPTION_LANGUAGES",
        "VITRINE_CAPTION_LANGUAGE alone",
        "de,en,de-x-simple",
        "Languages of captions, at most 6, all from one request; visitors see the one that their browsers ask for, else the first. `-x-simple` behind a language means plain language.",
    ),
    entry(
        "VITRINE_CAPTION_SOURCE",
        "anonymised",
        "original",
        "The picture that captioners get: `anonymised`, in which faces that were found are made unrecognisable before anything is sent, or `original`.",
    ),
    entry(
        "VITRINE_OCR",
        "auto",
        "off",
        "Whether the offline describer reads large text in pictures: `auto`, with Tesseract if it is installed, or `off`.",
    ),
    entry(
        "VITRINE_CAPTION_PROMPT",
        "the built-in prompt",
        "/etc/vitrine/prompt.txt",
        "File with a custom prompt; see docs/captions.md. `{language}` in it stands for the language of captions.",
    ),
    entry(
        "VITRINE_CAPTION_DAILY_LIMIT",
        "none",
        "500",
        "Most requests to a captioning provider per day (UTC), of all workers together. Further captions wait for the next day.",
    ),
    entry(
        "VITRINE_CAPTION_PER_MINUTE",
        "none",
        "15",
        "Most requests to a captioning provider in any minute, of all workers together.",
    ),
    entry(
        "VITRINE_CAPTION_TIMEOUT",
        "5m for OPENAI_BASE_URL, 60s for Gemini",
        "10m",
        "How long an answer of a captioning provider is waited for, in seconds, or in minutes with an `m` behind the number; an hour at most. The other steps go on meanwhile.",
    ),
    entry(
        "VITRINE_CAPTION_CONCURRENCY",
        "1 for an OPENAI_BASE_URL on this machine or in a private network, else 4",
        "2",
        "Requests that a captioning provider answers at once (1 to 256), of all processes together. A server that works on one picture at a time should get one request at a time.",
    ),
    entry(
        "VITRINE_CAPTION_PRICE",
        "none",
        "USD 0.30 2.50",
        "The currency, and the provider's price for a million tokens sent and for a million received. Costs are estimated from it.",
    ),
    entry(
        "VITRINE_CREDIT",
        "none",
        "Photo: Hill Street School",
        "Credit line that every public copy carries (IPTC `Credit Line`).",
    ),
    entry(
        "VITRINE_LICENCE",
        "none",
        "https://creativecommons.org/licenses/by-nc/4.0/",
        "Licence that every public copy carries: its address, or its terms in words.",
    ),
    entry(
        "GEMINI_API_KEY",
        "none",
        "key-from-aistudio.google.com",
        "Key for Gemini. It is sent in a header and never logged.",
    ),
    entry(
        "GEMINI_API_KEY_SECRET_ARN",
        "none",
        "arn:aws:secretsmanager:eu-central-1:123456789012:secret:vitrine/gemini-AbCdEf",
        "Secret in AWS Secrets Manager that holds the key, as plain text, instead of GEMINI_API_KEY. Read at the start.",
    ),
    entry(
        "GEMINI_MODEL",
        "gemini-3.5-flash",
        "gemini-3.5-flash",
        "Model of Gemini.",
    ),
    entry(
        "GEMINI_BASE_URL",
        "https://generativelanguage.googleapis.com",
        "https://gateway.example.org/gemini",
        "Base URL of Gemini: the part before `/v1beta`.",
    ),
    entry(
        "OPENAI_BASE_URL",
        "none",
        "http://localhost:11434/v1",
        "Base URL of an OpenAI-compatible server: the part before `/chat/completions`. Needs OPENAI_MODEL.",
    ),
    entry(
        "OPENAI_MODEL",
        "none",
        "gemma3",
        "Model of that server. It must accept pictures.",
    ),
    entry(
        "OPENAI_API_KEY",
        "none",
        "sk-example",
        "Key for that server, if it needs one. It is sent in a header and never logged.",
    ),
    entry(
        "OPENAI_API_KEY_SECRET_ARN",
        "none",
        "arn:aws:secretsmanager:eu-central-1:123456789012:secret:vitrine/openai-AbCdEf",
        "Secret in AWS Secrets Manager that holds the key, as plain text, instead of OPENAI_API_KEY. Read at the start.",
    ),
    entry(
        "VITRINE_THUMBNAIL_SIZE",
        "400",
        "200",
        "Side, in pixels, of the square that thumbnails fit into (16 to 4096).",
    ),
    entry(
        "VITRINE_MAX_UPLOAD_MB",
        "50",
        "20",
        "Largest upload in megabytes of 1,048,576 bytes.",
    ),
    entry(
        "VITRINE_MAX_MEGAPIXELS",
        "100",
        "50",
        "Largest picture in megapixels (millions of pixels).",
    ),
    entry(
        "VITRINE_RELEASE",
        "review",
        "at-once",
        "Who makes a picture public: `review` (a person, each of them, at /review or by the API) or `at-once` (the program, where its second look at the copy found nothing that may be a face; a person the others).",
    ),
    entry(
        "VITRINE_PUBLIC_RENDITION",
        "anonymised",
        "original",
        "The picture that visitors see: `anonymised` or `original`.",
    ),
    entry(
        "VITRINE_UPLOADS",
        "members",
        "anyone",
        "Who may upload and write messages: `members` (those who are signed in) or `anyone`.",
    ),
    entry(
        "VITRINE_REMOVAL_REQUESTS",
        "on",
        "off",
        "Whether visitors who find themselves on a picture can have the place covered at once: `on` or `off`. It is off where VITRINE_PUBLIC_RENDITION is `original`.",
    ),
    entry(
        "VITRINE_TRASH_DAYS",
        "30",
        "0",
        "Days for which deleted images can be brought back, 0 to 3650. Then they are removed for good, with everything made from them. With 0, at once.",
    ),
    entry(
        "VITRINE_TITLE",
        "Vitrine",
        "Summer Fair 2026",
        "What pages call this instance: in the header, in titles and on the home page. At most 60 characters.",
    ),
    entry(
        "VITRINE_CONTACT",
        "none",
        "photos@example.org",
        "A mail address or web address where visitors reach those who answer for the pictures. It is at the foot of every page.",
    ),
    entry(
        "VITRINE_SEARCH_ENGINES",
        "refuse",
        "allow",
        "Whether search engines may list the pages: `refuse` (`X-Robots-Tag: noindex`, and a robots.txt that says so) or `allow`.",
    ),
    entry(
        "VITRINE_INSTANCE_ID",
        "made up at each start; on AWS the instance's id",
        "web-1",
        "Name of this instance in logs and in the answer of /load-balancer-test.",
    ),
    entry(
        "VITRINE_DRAIN_SECONDS",
        "0",
        "20",
        "Seconds (0 to 3600) for which a server that is told to stop still takes requests, while /health answers 503: as long as a load balancer needs to notice. A second signal ends it at once.",
    ),
    entry(
        "VITRINE_LOG",
        "info",
        "info,functions=debug",
        "Log level for everything, and others for single crates.",
    ),
    entry(
        "VITRINE_LOG_FORMAT",
        "text; json on Lambda",
        "json",
        "`text` for people or `json`, one object per line, for machines.",
    ),
    entry(
        "VITRINE_METRICS_BIND",
        "none",
        "127.0.0.1:9464",
        "Address and port at which Prometheus reads metrics, at /metrics. Nobody is asked for a password there, so keep it inside your network.",
    ),
    entry(
        "VITRINE_HOST_PROC",
        "/host/proc if it is there, else /proc",
        "/host/proc",
        "Where the machine's /proc is mounted in a container, for metrics of the machine.",
    ),
    entry(
        "OTEL_EXPORTER_OTLP_ENDPOINT",
        "none",
        "http://localhost:4318",
        "Collector to which traces and metrics are sent over OTLP (HTTP and Protobuf). Without one, none are recorded. For the other OTEL names see docs/telemetry.md.",
    ),
];

pub(super) fn find(name: &str) -> Option<&'static Entry> {
    TABLE.iter().find(|entry| entry.name == name)
}

/// The text above the table.
const INTRODUCTION: &str = "\
# Settings

All settings are environment variables. An empty value counts as none. A bad value stops the start
with a message that names the variable, the value and an example.

This page is made from the code by `make settings`.

| variable | default | example | meaning |
|---|---|---|---|
";

/// The content of `docs/settings.md`.
pub fn markdown() -> String {
    let mut text = INTRODUCTION.to_owned();
    for entry in TABLE {
        // Writing into a string cannot fail.
        let _ = writeln!(
            text,
            "| `{}` | {} | `{}` | {} |",
            entry.name, entry.default, entry.example, entry.meaning
        );
    }
    text
}
