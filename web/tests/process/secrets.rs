//! The program with secrets in AWS Secrets Manager.

use functions::testing::provider::{KEY, Provider};
use platform::testing::Moto;
use reqwest::StatusCode;

use crate::harness::Home;

const PASSWORD: &str = "correct horse";

// The provider answers while the program runs.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_password_from_secrets_manager_works_and_is_never_logged() {
    let Some(moto) = Moto::start().await else {
        return;
    };
    let provider = Provider::start().await;
    let mut home = at(&moto);
    home.set("GEMINI_BASE_URL", &provider.gemini_url());
    let (password, key) = (moto.secret(PASSWORD).await, moto.secret(KEY).await);
    home.set("VITRINE_ADMIN_PASSWORD_SECRET_ARN", &password);
    home.set("GEMINI_API_KEY_SECRET_ARN", &key);
    home.set("VITRINE_LOG", "debug");

    let doctor = home.run(["doctor"]).succeeded();
    assert!(doctor.stdout.contains("password set"), "{doctor:#?}");
    assert!(doctor.stdout.contains("gemini"), "{doctor:#?}");
    for shown in [&doctor.stdout, &doctor.stderr] {
        assert!(!shown.contains(PASSWORD) && !shown.contains(KEY), "{shown}");
    }

    let server = home.serve();
    let client = reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .build()
        .unwrap();
    let status = async |password: &str| {
        let request = client
            .post(format!("{}/login", server.url))
            .header("content-type", "application/x-www-form-urlencoded")
            .body(format!("password={}", password.replace(' ', "+")));
        request.send().await.unwrap().status()
    };
    assert_eq!(status(PASSWORD).await, StatusCode::SEE_OTHER);
    assert_ne!(status("another").await, StatusCode::SEE_OTHER);
    assert!(server.terminate().await.success());
}

#[tokio::test]
async fn a_secret_that_cannot_be_fetched_stops_the_start_and_says_what_to_check() {
    let Some(moto) = Moto::start().await else {
        return;
    };
    let nowhere = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:nowhere";
    for setting in [
        "VITRINE_ADMIN_PASSWORD_SECRET_ARN",
        "GEMINI_API_KEY_SECRET_ARN",
        "DATABASE_SECRET_ARN",
    ] {
        let mut home = at(&moto);
        home.set(setting, nowhere);

        let refused = home.run(["serve"]);

        let message = refused.refusal();
        let expected = format!("{setting}={nowhere} cannot be used: ResourceNotFoundException");
        assert!(message.starts_with(&expected), "{message}");
        assert!(
            message.ends_with("check the ARN and AWS_REGION"),
            "{message}"
        );
        assert!(!home.data().exists());
    }
}

fn at(moto: &Moto) -> Home {
    let mut home = Home::new();
    for (name, value) in moto.variables() {
        home.set(&name, &value);
    }
    home
}
