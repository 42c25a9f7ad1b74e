//! `moto_server` stands in for S3, SQS, SNS, EventBridge and Secrets Manager: one server for each
//! test, on a free port. `make setup-test` installs it below cargo's target folder.

use std::io::{BufRead as _, BufReader, Read as _, Seek as _};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use aws_config::SdkConfig;
use secrecy::ExposeSecret as _;
use uuid::Uuid;

use crate::aws::{self, AccessKeys, AwsSettings};

/// moto's own command line needs a port; this script takes a free one, prints it, and ends with the
/// test.
const SCRIPT: &str = include_str!("moto.py");

/// A server without queues, buckets or secrets. It is stopped when this is dropped, and when this
/// process ends.
pub struct Moto {
    process: Child,
    endpoint: String,
}

impl Moto {
    /// Starts a server. None if moto is not installed, which is printed; with `CI=true` that is a
    /// failure.
    ///
    /// # Panics
    /// If it is installed and does not start.
    pub async fn start() -> Option<Self> {
        let Some(python) = python() else {
            let must = std::env::var("CI").is_ok_and(|ci| ci == "true");
            assert!(!must, "moto is not installed, and CI=true");
            println!("SKIPPED: moto is not installed; `make setup-test` does that");
            return None;
        };
        let started = tokio::task::spawn_blocking(move || Self::start_with(python)).await;
        Some(started.unwrap())
    }

    fn start_with(python: PathBuf) -> Self {
        let mut log = tempfile::tempfile().unwrap();
        let mut process = Command::new(python)
            .args(["-I", "-c", SCRIPT])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(log.try_clone().unwrap())
            .spawn()
            .unwrap();
        let mut port = String::new();
        BufReader::new(process.stdout.take().unwrap())
            .read_line(&mut port)
            .unwrap();
        let mut said = String::new();
        if port.is_empty() {
            log.rewind().unwrap();
            log.read_to_string(&mut said).unwrap();
        }
        let port: u16 = port.trim().parse().expect(&said);
        Self {
            process,
            endpoint: format!("http://127.0.0.1:{port}"),
        }
    }

    /// Its address, as for `AWS_ENDPOINT_URL`.
    pub fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// Settings for it, with keys that it accepts.
    pub fn settings(&self) -> AwsSettings {
        AwsSettings {
            endpoint: Some(self.endpoint.clone()),
            region: Some("eu-central-1".to_owned()),
            keys: Some(AccessKeys {
                id: "AKIAIOSFODNN7EXAMPLE".to_owned(),
                secret: "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY".into(),
                session_token: None,
            }),
        }
    }

    /// The same as environment variables, for another process or for `Settings`.
    pub fn variables(&self) -> Vec<(String, String)> {
        let settings = self.settings();
        let keys = settings.keys.unwrap();
        let pairs = [
            ("AWS_ENDPOINT_URL", self.endpoint.clone()),
            ("AWS_REGION", settings.region.unwrap()),
            ("AWS_ACCESS_KEY_ID", keys.id),
            (
                "AWS_SECRET_ACCESS_KEY",
                keys.secret.expose_secret().to_owned(),
            ),
        ];
        pairs
            .map(|(name, value)| (name.to_owned(), value))
            .into_iter()
            .collect()
    }

    pub async fn sdk_config(&self) -> SdkConfig {
        aws::config(&self.settings()).await
    }

    /// Keeps a secret in Secrets Manager and returns its ARN.
    pub async fn secret(&self, secret: &str) -> String {
        let client = aws_sdk_secretsmanager::Client::new(&self.sdk_config().await);
        let create = client.create_secret().name(Uuid::new_v4().to_string());
        let made = create.secret_string(secret).send().await.unwrap();
        made.arn.unwrap()
    }

    /// Creates an empty bucket and returns its name.
    pub async fn bucket(&self) -> String {
        use aws_sdk_s3::types::{BucketLocationConstraint, CreateBucketConfiguration};
        let name = format!("vitrine-{}", Uuid::new_v4());
        let config = aws_sdk_s3::config::Builder::from(&self.sdk_config().await)
            .force_path_style(true)
            .build();
        let here = CreateBucketConfiguration::builder()
            .location_constraint(BucketLocationConstraint::EuCentral1)
            .build();
        aws_sdk_s3::Client::from_conf(config)
            .create_bucket()
            .bucket(&name)
            .create_bucket_configuration(here)
            .send()
            .await
            .unwrap();
        name
    }
}

impl Drop for Moto {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// The Python with moto, below the target folder.
fn python() -> Option<PathBuf> {
    let program = std::env::current_exe().unwrap();
    program
        .ancestors()
        .map(|folder| folder.join("moto/bin/python"))
        .find(|python| python.exists())
}
