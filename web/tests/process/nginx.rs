//! Behind a real nginx: as its manual begins, as `docs/proxies.md` says, and twice.

use reqwest::multipart::{Form, Part};
use reqwest::{Client, RequestBuilder, Response};
use serde_json::Value;

use crate::harness::{Home, Nginx, Server};
use crate::photo;

const PASSWORD: &str = "four random plain words";

/// `proxy_pass` and nothing else: Host is the upstream's, and no header tells of a proxy.
fn plain(upstream: &str) -> String {
    format!("location / {{ proxy_pass {upstream}; }}")
}

/// What `docs/proxies.md` says, but for TLS.
fn documented(upstream: &str) -> String {
    let text = include_str!("../../../docs/proxies.md");
    let begin = text.find("    client_max_body_size").unwrap();
    let end = text[begin..].find("\n}\n").unwrap();
    let directives = &text[begin..begin + end];
    assert!(directives.contains("X-Forwarded-For $proxy_add_x_forwarded_for"));
    directives.replace("http://127.0.0.1:8080", upstream)
}

/// With a password, and trusting these proxies.
fn trusting(proxies: &str) -> Home {
    Home::with(&[
        ("VITRINE_ADMIN_PASSWORD", PASSWORD),
        ("VITRINE_TRUSTED_PROXIES", proxies),
    ])
}

/// A client at 127.0.0.9, which is no proxy, that guesses the password behind an nginx.
struct Stranger {
    client: Client,
    url: String,
}

impl Stranger {
    fn behind(nginx: &Nginx) -> Self {
        let client = Client::builder()
            .local_address(Some([127, 0, 0, 9].into()))
            .no_proxy()
            .build()
            .unwrap();
        Self {
            client,
            url: nginx.url().replace("localhost", "127.0.0.1"),
        }
    }

    fn guess(&self) -> RequestBuilder {
        self.client
            .post(format!("{}/login", self.url))
            .header("content-type", "application/x-www-form-urlencoded")
            .body("password=guess")
    }
}

/// A browser as nginx sees it.
struct Browser {
    client: Client,
    url: String,
}

impl Browser {
    fn at(url: String) -> Self {
        let client = Client::builder()
            .cookie_store(true)
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .unwrap();
        Self { client, url }
    }

    fn get(&self, path: &str) -> RequestBuilder {
        self.client.get(format!("{}{path}", self.url))
    }

    /// With what browsers add to a form of the same site.
    fn post(&self, path: &str) -> RequestBuilder {
        self.client
            .post(format!("{}{path}", self.url))
            .header("accept", "text/html")
            .header("origin", &self.url)
            .header("sec-fetch-site", "same-origin")
    }

    async fn try_sign_in(&self, password: &str) -> Response {
        let form = format!("password={}", password.replace(' ', "+"));
        self.post("/login")
            .header("content-type", "application/x-www-form-urlencoded")
            .body(form)
            .send()
            .await
            .unwrap()
    }

    async fn upload(&self, path: &str, seed: u64) -> Response {
        let part = Part::bytes(photo(seed)).file_name("photo.jpg");
        let form = Form::new().part("file", part);
        self.post(path).multipart(form).send().await.unwrap()
    }

    async fn images(&self) -> Vec<Value> {
        let answer = self.get("/api/images").send().await.unwrap();
        let page: Value = answer.json().await.unwrap();
        page["items"].as_array().unwrap().clone()
    }
}

async fn signs_in_and_uploads(browser: &Browser) {
    assert_eq!(browser.try_sign_in(PASSWORD).await.status(), 303);
    assert_eq!(browser.upload("/upload", 1).await.status(), 303);
    assert_eq!(browser.upload("/api/images", 2).await.status(), 201);
    let images = browser.images().await;
    assert_eq!(images.len(), 2);
    assert_eq!(images[0]["file_name"], "photo.jpg", "it is signed in");
}

/// The addresses in the log's lines about wrong passwords.
fn guessers(server: &Server) -> Vec<String> {
    let log = server.log();
    let wrong = log.lines().filter(|line| line.contains("wrong password"));
    wrong
        .map(|line| {
            let rest = line.split("address=").nth(1).unwrap_or(line);
            rest.split_whitespace().next().unwrap().to_owned()
        })
        .collect()
}

#[tokio::test]
async fn without_a_password_everything_through_a_plain_nginx_is_refused_and_the_setting_named() {
    let home = Home::new();
    let server = home.serve();
    let Some(nginx) = Nginx::start_as_another_user(&plain(&server.url)) else {
        return;
    };
    let browser = Browser::at(nginx.url());
    server.upload("ours.jpg", photo(1)).await;

    for path in ["/", "/gallery", "/api/images", "/api/events", "/tokens"] {
        let answer = browser.get(path).send().await.unwrap();
        assert_eq!(answer.status(), 403, "{path}");
        let text = answer.text().await.unwrap();
        assert!(text.contains("VITRINE_ADMIN_PASSWORD"), "{path}: {text}");
        assert!(!text.contains("ours.jpg"), "{path}");
    }
    let answer = browser.upload("/api/images", 2).await;
    assert_eq!(answer.status(), 403);
    // The same for those who get through without a proxy.
    assert_eq!(server.images().await.len(), 1);
}

#[tokio::test]
async fn with_a_password_uploads_work_behind_a_plain_nginx() {
    let home = Home::with(&[("VITRINE_ADMIN_PASSWORD", PASSWORD)]);
    let server = home.serve();
    let Some(nginx) = Nginx::start(&plain(&server.url)) else {
        return;
    };
    let stranger = Browser::at(nginx.url());
    assert_eq!(stranger.upload("/api/images", 3).await.status(), 401);

    signs_in_and_uploads(&Browser::at(nginx.url())).await;
}

#[tokio::test]
async fn uploads_work_behind_nginx_as_documented() {
    let home = trusting("127.0.0.1, ::1");
    let server = home.serve();
    let Some(nginx) = Nginx::start(&documented(&server.url)) else {
        return;
    };
    signs_in_and_uploads(&Browser::at(nginx.url())).await;
}

#[tokio::test]
async fn a_forged_header_does_not_hide_a_client_behind_nginx() {
    // The client comes from 127.0.0.9, and nginx calls from 127.0.0.1.
    let home = trusting("127.0.0.1");
    let server = home.serve();
    let Some(nginx) = Nginx::start(&documented(&server.url)) else {
        return;
    };
    let stranger = Stranger::behind(&nginx);
    for (name, value) in [
        ("x-forwarded-for", "198.51.100.7"),
        ("x-forwarded-for", "127.0.0.1"),
        ("x-real-ip", "198.51.100.7"),
    ] {
        let request = stranger.guess().header(name, value);
        assert_eq!(
            request.send().await.unwrap().status(),
            401,
            "{name}: {value}"
        );
    }

    assert_eq!(guessers(&server), ["127.0.0.9"; 3]);
}

#[tokio::test]
async fn behind_two_nginx_the_client_is_the_first_that_is_no_proxy() {
    let home = trusting("127.0.0.1");
    let server = home.serve();
    let Some(inner) = Nginx::start(&documented(&server.url)) else {
        return;
    };
    let upstream = inner.url().replace("localhost", "127.0.0.1");
    let Some(outer) = Nginx::start(&documented(&upstream)) else {
        return;
    };
    let request = Stranger::behind(&outer).guess();
    assert_eq!(request.send().await.unwrap().status(), 401);

    assert_eq!(guessers(&server), ["127.0.0.9"]);
    signs_in_and_uploads(&Browser::at(outer.url())).await;
}

#[tokio::test]
async fn a_guesser_behind_nginx_does_not_lock_others_out() {
    let home = trusting("127.0.0.1");
    let server = home.serve();
    let Some(nginx) = Nginx::start(&documented(&server.url)) else {
        return;
    };
    let guesser = Stranger::behind(&nginx);
    let mut statuses = Vec::new();
    for _ in 0..8 {
        let request = guesser.guess();
        statuses.push(request.send().await.unwrap().status().as_u16());
    }
    assert_eq!(statuses.last(), Some(&429), "{statuses:?}");

    let admin = Browser::at(nginx.url());
    assert_eq!(admin.try_sign_in(PASSWORD).await.status(), 303);
}
