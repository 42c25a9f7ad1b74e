//! Signing in and out. The password is checked with argon2id; the browser gets a random token,
//! and the database keeps a hash of it keyed with the password, so that neither a copy of the
//! database nor an old password opens a session.

use argon2::Argon2;
use entity::session::{self, ActiveModel, Entity};
use hmac::{Hmac, KeyInit as _, Mac as _};
use rand::TryRng as _;
use rand::rngs::SysRng;
use sea_orm::ActiveValue::Set;
use sea_orm::{DatabaseConnection, DbErr, EntityTrait as _};
use secrecy::{ExposeSecret as _, SecretBox, SecretString};
use sha2::Sha256;
use std::net::IpAddr;
use std::sync::Arc;
use tokio::sync::Semaphore;

use super::throttle::{Guesser, Throttle};
use crate::problem::Problem;
use crate::problem_kind::ProblemKind;

/// How long a session lasts.
pub(crate) const LIFETIME: chrono::TimeDelta = chrono::TimeDelta::days(14);

/// The name of the only account.
const ADMIN: &str = "admin";

/// Fixed, because the same password must give the same key on every instance. It only has to
/// differ from the salts of other programs.
const SALT: &[u8] = b"vitrine session key, version 1";

/// The key derived from a password.
type Key = SecretBox<[u8; 32]>;

/// Opens, finds and closes sessions. Cheap to clone.
#[derive(Clone)]
pub struct Sessions {
    db: DatabaseConnection,
    key: Option<Arc<Key>>,
    throttle: Arc<Throttle>,
    /// One check at a time: each takes 19 MiB of memory and some 20 ms.
    checks: Arc<Semaphore>,
}

impl Sessions {
    /// Sessions for this password. Without one, signing in is impossible.
    ///
    /// # Errors
    /// If there is no memory for argon2.
    pub fn new(db: DatabaseConnection, password: Option<&SecretString>) -> Result<Self, String> {
        let key = password.map(derive).transpose()?;
        Ok(Self {
            db,
            key: key.map(Arc::new),
            throttle: Arc::new(Throttle::new("passwords")),
            checks: Arc::new(Semaphore::new(1)),
        })
    }

    /// Checks the password and opens a session. Returns its token.
    ///
    /// # Errors
    /// 401 if the password is wrong, 429 after many wrong ones.
    pub async fn sign_in(
        &self,
        from: IpAddr,
        browser: Option<&str>,
        password: SecretString,
    ) -> Result<String, Problem> {
        let wrong = || {
            Problem::new(
                ProblemKind::NotSignedIn,
                "this is not the password; try again",
            )
        };
        let expected = self.key.clone().ok_or_else(wrong)?;
        let from = match browser.and_then(|browser| self.known_browser(browser)) {
            Some(name) => &Guesser::KnownBrowser(name),
            None => &Guesser::at(from),
        };
        self.throttle.admit(from)?;
        let permit = self.checks.acquire().await.map_err(Problem::internal)?;
        // Guesses that waited for the permit before this one are counted by now.
        self.throttle.admit(from)?;
        let given = tokio::task::spawn_blocking(move || derive(&password))
            .await
            .map_err(Problem::internal)?
            .map_err(Problem::internal)?;
        if !same(expected.expose_secret(), given.expose_secret()) {
            self.throttle.failed(from);
            return Err(wrong());
        }
        self.throttle.succeeded(from);
        drop(permit);
        let token = new_secret()?;
        let now = entity::now();
        let row = ActiveModel {
            id: Set(hash(&expected, &token)),
            user_name: Set(ADMIN.to_owned()),
            created_at: Set(now),
            expires_at: Set(now + LIFETIME),
        };
        Entity::insert(row).exec_without_returning(&self.db).await?;
        Ok(token)
    }

    /// A signed name for a browser that has just signed in. Later, wrong passwords from other
    /// clients do not delay this browser.
    ///
    /// # Errors
    /// 500 if the system has no random numbers.
    pub fn name_browser(&self) -> Result<String, Problem> {
        let name = new_secret()?;
        let proof = self.proof_of(&name).unwrap_or_default();
        Ok(format!("{name}.{proof}"))
    }

    fn known_browser(&self, cookie: &str) -> Option<String> {
        let (name, proof) = cookie.split_once('.')?;
        let expected = self.proof_of(name)?;
        // Comparing hashes: their timing tells nothing about the proof.
        let key = self.key.as_ref()?.expose_secret();
        let same = mac(key, proof.as_bytes()) == mac(key, expected.as_bytes());
        same.then(|| name.to_owned())
    }

    fn proof_of(&self, browser: &str) -> Option<String> {
        let key = self.key.as_ref()?;
        Some(hash(key, &format!("browser {browser}")))
    }

    /// The session with this token.
    pub(super) async fn find(&self, token: &str) -> Result<Option<session::Model>, DbErr> {
        let Some(key) = &self.key else {
            return Ok(None);
        };
        session::live(&hash(key, token), entity::now())
            .one(&self.db)
            .await
    }

    /// Whether the session with this id has neither ended nor expired.
    pub(super) async fn is_open(&self, id: &str) -> Result<bool, DbErr> {
        let found = session::live(id, entity::now()).one(&self.db).await?;
        Ok(found.is_some())
    }

    /// Ends the session with this token.
    pub async fn sign_out(&self, token: &str) -> Result<(), DbErr> {
        if let Some(key) = &self.key {
            Entity::delete_by_id(hash(key, token))
                .exec(&self.db)
                .await?;
        }
        Ok(())
    }
}

/// argon2id with the crate's defaults, which are OWASP's: 19 MiB, two passes, one lane.
fn derive(password: &SecretString) -> Result<Key, String> {
    let mut key = [0; 32];
    Argon2::default()
        .hash_password_into(password.expose_secret().as_bytes(), SALT, &mut key)
        .map_err(|error| format!("argon2: {error}"))?;
    Ok(SecretBox::new(Box::new(key)))
}

fn hash(key: &Key, token: &str) -> String {
    hex::encode(mac(key.expose_secret(), token.as_bytes()))
}

fn mac(key: &[u8; 32], text: &[u8]) -> Vec<u8> {
    #[allow(clippy::expect_used)]
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes keys of any length");
    mac.update(text);
    mac.finalize().into_bytes().to_vec()
}

/// Compares hashes of the keys, so that the time it takes tells nothing about the keys.
fn same(a: &[u8; 32], b: &[u8; 32]) -> bool {
    mac(a, b"compare") == mac(b, b"compare")
}

/// 256 random bits, in hexadecimal.
pub(super) fn new_secret() -> Result<String, Problem> {
    let mut bytes = [0; 32];
    SysRng
        .try_fill_bytes(&mut bytes)
        .map_err(Problem::internal)?;
    Ok(hex::encode(bytes))
}
