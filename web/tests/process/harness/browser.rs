//! A real Chromium.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};

use serde::de::DeserializeOwned;
use serde_json::Value;
use tempfile::TempDir;
use thirtyfour::{
    By, ChromiumLikeCapabilities as _, DesiredCapabilities, LoggingPrefsLogLevel, WebDriver,
    WebElement,
};

use super::{Server, eventually, signal};

const ARGUMENTS: [&str; 10] = [
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--window-size=1280,1000",
    // Moving elements cannot be clicked.
    "--force-prefers-reduced-motion",
];

/// Whether pages may run scripts.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scripts {
    On,
    Off,
}

/// A browser for one server. It is closed when this is dropped. The order of the fields matters:
/// the driver closes the browser, and both write to the profile.
pub(crate) struct Browser {
    /// For calls that have no method here.
    pub(crate) driver: WebDriver,
    url: String,
    driver_url: String,
    _chromedriver: Chromedriver,
}

struct Chromedriver {
    process: Child,
    /// Kept open, because writing to a closed pipe would end it.
    _stdout: BufReader<ChildStdout>,
    profile: TempDir,
}

impl Browser {
    /// Opens a browser. If Chromium is not installed, prints that and returns none, or fails with
    /// `CI=true`.
    pub(crate) async fn open(server: &Server, scripts: Scripts) -> Option<Self> {
        let programs = ["/usr/bin/chromium", "/usr/bin/chromedriver"];
        if !programs.iter().all(|program| Path::new(program).exists()) {
            let must = std::env::var("CI").is_ok_and(|ci| ci == "true");
            assert!(
                !must,
                "chromium or chromedriver is not installed, and CI=true"
            );
            println!("SKIPPED: chromium or chromedriver is not installed");
            return None;
        }
        let (chromedriver, port) = Chromedriver::start();
        let mut wanted = DesiredCapabilities::chrome();
        wanted.set_binary(programs[0]).unwrap();
        for argument in ARGUMENTS {
            wanted.add_arg(argument).unwrap();
        }
        let profile = chromedriver.profile.path().display();
        wanted
            .add_arg(&format!("--user-data-dir={profile}"))
            .unwrap();
        wanted
            .set_browser_log_level(LoggingPrefsLogLevel::All)
            .unwrap();
        if scripts == Scripts::Off {
            let off = serde_json::json!({
                "profile.managed_default_content_settings.javascript": 2
            });
            wanted.add_experimental_option("prefs", off).unwrap();
        }
        let driver_url = format!("http://127.0.0.1:{port}");
        let driver = WebDriver::new(&driver_url, wanted).await;
        Some(Self {
            driver: driver.unwrap(),
            url: server.url.clone(),
            driver_url,
            _chromedriver: chromedriver,
        })
    }

    /// Opens a page.
    pub(crate) async fn goto(&self, path: &str) {
        let address = format!("{}{path}", self.url);
        self.driver.goto(address).await.unwrap();
    }

    /// The path of the current page.
    pub(crate) async fn path(&self) -> String {
        self.driver.current_url().await.unwrap().path().to_owned()
    }

    /// Waits until the page with this path is shown.
    pub(crate) async fn arrives_at(&self, path: &str) {
        eventually(path, async || (self.path().await == path).then_some(())).await;
    }

    /// Waits for a matching element and returns the first.
    pub(crate) async fn find(&self, selector: &str) -> WebElement {
        eventually(selector, async || {
            self.driver.find(By::Css(selector)).await.ok()
        })
        .await
    }

    /// The number of matching elements.
    pub(crate) async fn count(&self, selector: &str) -> usize {
        self.driver.find_all(By::Css(selector)).await.unwrap().len()
    }

    /// Runs a script and returns its result. It runs even where pages may not run scripts.
    pub(crate) async fn ask<T: DeserializeOwned>(&self, script: &str) -> T {
        let answer = self.driver.execute(script, vec![]).await.unwrap();
        serde_json::from_value(answer.json().clone()).unwrap()
    }

    /// Chooses files in the upload form.
    pub(crate) async fn choose(&self, files: &[&Path]) {
        let names: Vec<_> = files.iter().map(|file| file.to_str().unwrap()).collect();
        let input = self.find("#files").await;
        input.send_keys(names.join("\n")).await.unwrap();
    }

    /// What one finger does: `touchStart`, `touchMove` or `touchEnd`, in pixels of the window.
    pub(crate) async fn touch(&self, kind: &str, at: Option<[f64; 2]>) {
        let points: Vec<_> = at
            .iter()
            .map(|[x, y]| serde_json::json!({ "x": x, "y": y }))
            .collect();
        let touch = serde_json::json!({ "type": kind, "touchPoints": points });
        self.devtools("Input.dispatchTouchEvent", &touch).await;
    }

    /// Shows pages as in a window of this width, in CSS pixels: a window of 1280 pixels has 640 of them at
    /// 200 %, and 320 at 400 %.
    pub(crate) async fn set_width(&self, width: u32) {
        let size = serde_json::json!({
            "width": width, "height": 800, "deviceScaleFactor": 1, "mobile": false,
        });
        self.devtools("Emulation.setDeviceMetricsOverride", &size)
            .await;
    }

    /// `light` or `dark`.
    pub(crate) async fn prefer_colour_scheme(&self, scheme: &str) {
        let feature = serde_json::json!({ "name": "prefers-color-scheme", "value": scheme });
        let media = serde_json::json!({ "features": [feature] });
        self.devtools("Emulation.setEmulatedMedia", &media).await;
    }

    /// Sends a command of the Chrome DevTools Protocol.
    async fn devtools(&self, command: &str, parameters: &Value) {
        let body = serde_json::json!({ "cmd": command, "params": parameters });
        let session = self.driver.session_id();
        let address = format!("{}/session/{session}/goog/cdp/execute", self.driver_url);
        let sent = reqwest::Client::new().post(address).json(&body).send();
        assert!(sent.await.unwrap().status().is_success(), "{command}");
    }

    /// Asserts that the console has no errors and no warnings, violations of the
    /// Content-Security-Policy included.
    pub(crate) async fn assert_no_complaints(&self) {
        let log = self.driver.browser_log().await.unwrap();
        let complaints: Vec<_> = log
            .iter()
            .filter(|entry| entry.level == "SEVERE" || entry.level == "WARNING")
            .map(|entry| &entry.message)
            .collect();
        assert!(complaints.is_empty(), "{complaints:#?}");
    }
}

impl Chromedriver {
    /// Starts it on a port of its choice.
    fn start() -> (Self, u16) {
        let mut process = Command::new("chromedriver")
            .arg("--port=0")
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut stdout = BufReader::new(process.stdout.take().unwrap());
        let mut line = String::new();
        let port = loop {
            line.clear();
            assert!(
                stdout.read_line(&mut line).unwrap() > 0,
                "chromedriver does not start"
            );
            let port = line
                .trim()
                .strip_prefix("ChromeDriver was started successfully on port ");
            if let Some(port) = port {
                break port.trim_end_matches('.').parse().unwrap();
            }
        };
        let this = Self {
            process,
            _stdout: stdout,
            profile: tempfile::tempdir().unwrap(),
        };
        (this, port)
    }
}

impl Drop for Chromedriver {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
        // If the browser could not be closed, its processes are found by their profile folder.
        let profile = self.profile.path().to_str().unwrap();
        for process in std::fs::read_dir("/proc").unwrap().flatten() {
            let Ok(id) = process.file_name().to_string_lossy().parse() else {
                continue;
            };
            let line = std::fs::read(process.path().join("cmdline")).unwrap_or_default();
            if String::from_utf8_lossy(&line).contains(profile) {
                signal("KILL", id);
            }
        }
    }
}
