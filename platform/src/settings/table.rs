//! Every setting with its default, an example and its meaning. The documentation is made from
//! this table.

use std::fmt::Write as _;

/// One setting.
#[derive(Debug, Clone, Copy)]
pub struct Entry {
    /// The environment variable.
    pub name: &'static str,
    /// What holds if it is not set.
    pub default: &'static str,
    /// A good value.
    pub example: &'static str,
    /// What it does.
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

/// All settings, in the order in which people meet them.
pub const TABLE: &[Entry] = &[
    entry(
        "VITRINE_BIND",
        "127.0.0.1:8080",
        "0.0.0.0:8080",
        "Address and port to listen on. Any address but loopback needs VITRINE_ADMIN_PASSWORD.",
    ),
    entry(
        "VITRINE_ADMIN_PASSWORD",
        "none",
        "four random plain words",
        "Password of the admin. Without one, whoever is at this machine is the admin.",
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
        "Another database: sqlite:, postgres: or mysql:.",
    ),
    entry(
        "VITRINE_STORAGE",
        "objects in the data folder",
        "/srv/pictures",
        "Folder for originals and renditions.",
    ),
    entry(
        "VITRINE_WORKERS",
        "number of cores",
        "4",
        "Images worked on at once by this process; 0 leaves the work to others.",
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
        "GEMINI_API_KEY",
        "none",
        "key-from-aistudio.google.com",
        "Key for Gemini. It is sent in a header and never logged.",
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
        "VITRINE_INSTANCE_ID",
        "the host's name",
        "web-1",
        "What this instance is called in logs and by /load-balancer-test.",
    ),
    entry(
        "VITRINE_LOG",
        "info",
        "vitrine=debug,warn",
        "What is logged, in the syntax of tracing-subscriber's EnvFilter.",
    ),
    entry(
        "VITRINE_LOG_FORMAT",
        "text",
        "json",
        "`text` for people or `json`, one object per line, for machines.",
    ),
];

/// The entry of a setting.
pub(super) fn find(name: &str) -> Option<&'static Entry> {
    TABLE.iter().find(|entry| entry.name == name)
}

/// What stands above the table.
const INTRODUCTION: &str = "\
# Settings

All settings are environment variables. An empty value counts as none. A bad value stops the start
with a message that names the variable, the value and an example.

This page is made from the code by `make settings`.

| variable | default | example | meaning |
|---|---|---|---|
";

/// All settings as a page in Markdown: `docs/settings.md`.
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
