//! A Secrets Manager for one test.

use aws_sdk_secretsmanager::Client;
use platform::settings::{SettingError, Settings};
use platform::testing::Moto;

pub(crate) struct Vault {
    pub(crate) moto: Moto,
    client: Client,
}

impl Vault {
    /// None if moto is not installed.
    pub(crate) async fn start() -> Option<Self> {
        let moto = Moto::start().await?;
        let client = Client::new(&moto.sdk_config().await);
        Some(Self { moto, client })
    }

    /// Rotates the secret.
    pub(crate) async fn change(&self, arn: &str, secret: &str) {
        let put = self.client.put_secret_value().secret_id(arn);
        put.secret_string(secret).send().await.unwrap();
    }

    /// The settings of these variables, with this Secrets Manager.
    pub(crate) async fn settings(
        &self,
        variables: &[(&str, &str)],
    ) -> Result<Settings, SettingError> {
        let variables = variables
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        Settings::load_from(self.moto.variables().into_iter().chain(variables)).await
    }
}
