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
        "Addresses or networks of proxies and load balancers in front. Only from them do `Forwarded` and `X-Forwarded-For`, `-Proto` and `-Host` count; limits, logs and cookies go by what they say.",
    ),
    entry(
        "VITRINE_PUBLIC_URL",
        "what the request says",
        "https://photos.example.org",
        "The address under which people know this server. With https, cookies are sent over HTTPS only and browsers are told to use nothing else.",
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
        "Another database: sqlite:, postgres: or mysql:. `sslmode` (`ssl-mode` for MySQL) says how TLS is used.",
    ),
    entry(
        "DATABASE_SECRET_ARN",
        "none",
        "arn:aws:secretsmanager:eu-central-1:123456789012:secret:vitrine/database-AbCdEf",
        "Secret in AWS Secrets Manager with name and password for the database, as RDS keeps it: JSON with `username` and `password`, and `engine`, `host`, `port` and `dbname` unless DATABASE_URL, without name and password, says those. Fetched again when the database refuses the password. The certificate of the server is verified unless DATABASE_URL has another `sslmode`.",
    ),
    entry(
        "DATABASE_CA_FILE",
        "those of Amazon RDS with DATABASE_SECRET_ARN",
        "/etc/ssl/rds-global-bundle.pem",
        "Certificates, in PEM, of those whose signature on the database server's certificate counts. The certificate is verified if this is set, unless DATABASE_URL has another `sslmode`.",
    ),
    entry(
        "DATABASE_MAX_CONNECTIONS",
        "10; 2 in AWS Lambda",
        "20",
        "Connections of one process at most (1 to 1000). On AWS, all instances and functions together have to stay below what the database takes.",
    ),
    entry(
        "VITRINE_STORAGE",
        "objects in the data folder",
        "s3://my-photos",
        "Where originals and renditions are kept: a folder, or a bucket of S3 that is Vitrine's alone. A bucket's pictures are handed out by S3 itself, under presigned addresses.",
    ),
    entry(
        "AWS_REGION",
        "what the AWS SDK finds",
        "eu-central-1",
        "Region of everything on AWS. Who we are there, the SDK finds out by itself: from AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, a profile, or the role of the machine.",
    ),
    entry(
        "AWS_ENDPOINT_URL",
        "AWS's own",
        "http://127.0.0.1:5000",
        "Another place that speaks AWS's protocols: Garage for S3, or moto for tests.",
    ),
    entry(
        "VITRINE_QUEUE",
        "the database",
        "https://sqs.eu-central-1.amazonaws.com/123456789012/vitrine-{step}",
        "Where work is queued that is to be done again: in the database, or in queues of SQS, in whose address `{step}` stands for the function.",
    ),
    entry(
        "VITRINE_MAX_RECEIVES",
        "5",
        "5",
        "On Lambda: how often a queue delivers a message before it goes to the dead-letter queue. The last time is kept for writing down that a step has failed.",
    ),
    entry(
        "VITRINE_WORKERS",
        "number of cores",
        "4",
        "Images worked on at once by this process; 0 leaves the work to others. With VITRINE_QUEUE it is 0.",
    ),
    entry(
        "VITRINE_CAPTIONER",
        "auto",
        "describe",
        "Who writes captions: `gemini`, `openai` (any server that speaks its chat completions, as Ollama, vLLM and LM Studio do), or `describe`, which works offline and without AI. `auto` takes Gemini if GEMINI_API_KEY is set, else such a server if OPENAI_BASE_URL is set, else `describe`.",
    ),
    entry(
        "VITRINE_CAPTION_LANGUAGE",
        "en",
        "de-CH",
        "Language of captions as a BCP 47 tag. The offline describer writes English whatever this says.",
    ),
    entry(
        "VITRINE_CAPTION_SOURCE",
        "anonymised",
        "original",
        "What captioners get to see: `anonymised`, with the faces that were found made unrecognisable before anything is sent, or `original`.",
    ),
    entry(
        "VITRINE_CAPTION_PROMPT",
        "the built-in prompt",
        "/etc/vitrine/prompt.txt",
        "File with a prompt of your own; see docs/captions.md. `{language}` in it stands for the language of captions.",
    ),
    entry(
        "VITRINE_CAPTION_DAILY_LIMIT",
        "none",
        "500",
        "Requests to a captioning provider a day (by UTC), of all workers together. Beyond it captions wait for the next day.",
    ),
    entry(
        "VITRINE_CAPTION_PER_MINUTE",
        "none",
        "15",
        "Requests to a captioning provider in any minute, of all workers together.",
    ),
    entry(
        "VITRINE_CAPTION_PRICE",
        "none",
        "USD 0.30 2.50",
        "What the provider charges for a million tokens sent and for a million received, after the currency. Costs are estimated from it.",
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
        "Where Gemini is: the address before `/v1beta`.",
    ),
    entry(
        "OPENAI_BASE_URL",
        "none",
        "http://localhost:11434/v1",
        "Where an OpenAI-compatible server is: the address before `/chat/completions`. Needs OPENAI_MODEL.",
    ),
    entry(
        "OPENAI_MODEL",
        "none",
        "gemma3",
        "Model of that server. It has to see pictures.",
    ),
    entry(
        "OPENAI_API_KEY",
        "none",
        "sk-example",
        "Key for that server, if it wants one. It is sent in a header and never logged.",
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
        "What visitors see: `anonymised` or `original`.",
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
        "VITRINE_INSTANCE_ID",
        "the host's name",
        "web-1",
        "What this instance is called in logs and by /load-balancer-test.",
    ),
    entry(
        "VITRINE_LOG",
        "info",
        "info,functions=debug",
        "What is logged: a level for everything, and others for single crates.",
    ),
    entry(
        "VITRINE_LOG_FORMAT",
        "text; json on Lambda",
        "json",
        "`text` for people or `json`, one object per line, for machines.",
    ),
    entry(
        "OTEL_EXPORTER_OTLP_ENDPOINT",
        "none",
        "http://localhost:4318",
        "Collector of traces and metrics, which are sent there over OTLP (HTTP and Protobuf). None of it is recorded without one. For the other OTEL names see docs/telemetry.md.",
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
