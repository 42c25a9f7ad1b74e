//! Databases as RDS runs them: with TLS, a certificate authority of their own, and a password that
//! Secrets Manager rotates.

use std::io::Write as _;
use std::time::{Duration, Instant};

use migration::testing::{Certificate, Kind, ScratchServer};
use platform::database;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use sea_orm::{
    ConnectionTrait as _, DatabaseConnection, DbBackend, DbErr, Statement, TransactionTrait as _,
};
use serde_json::json;
use tempfile::NamedTempFile;
use url::Url;

use crate::kept::Vault;

const PATIENCE: Duration = Duration::from_secs(60);

/// Passwords as RDS makes them, with characters that have a meaning in addresses.
const FIRST: &str = "f%41rst:/?#[]@!$&()*+,;=";
const SECOND: &str = "second~%25^`{|}<>";

#[tokio::test]
async fn postgresql_certificate_is_verified() {
    certificate_is_verified(Kind::Postgres).await;
}

#[tokio::test]
async fn mariadb_certificate_is_verified() {
    certificate_is_verified(Kind::MariaDb).await;
}

#[tokio::test]
async fn rotated_postgresql_password_is_picked_up() {
    rotated_password_is_picked_up(Kind::Postgres).await;
}

#[tokio::test]
async fn rotated_mariadb_password_is_picked_up() {
    rotated_password_is_picked_up(Kind::MariaDb).await;
}

#[tokio::test]
async fn refused_postgresql_login_is_renewed_while_other_connections_work() {
    refused_login_is_renewed_while_other_connections_work(Kind::Postgres).await;
}

#[tokio::test]
async fn refused_mariadb_login_is_renewed_while_other_connections_work() {
    refused_login_is_renewed_while_other_connections_work(Kind::MariaDb).await;
}

async fn certificate_is_verified(kind: Kind) {
    let Some(rds) = Rds::start(kind).await else {
        return;
    };
    let authority = rds.authority.path().to_str().unwrap().to_owned();
    let authority = ("DATABASE_CA_FILE", authority.as_str());

    let db = rds.connect("localhost", &[authority]).await.unwrap();
    assert!(is_encrypted(&db).await);
    db.close().await.unwrap();

    // A wrong host name, and a certificate authority that is not one of RDS's.
    for refused in [
        rds.connect("127.0.0.1", &[authority]).await,
        rds.connect("localhost", &[]).await,
    ] {
        let said = refused.unwrap_err().to_string();
        assert!(said.contains("certificate"), "{said}");
        assert!(!said.contains("f%41rst"), "{said}");
    }
}

/// The password is rotated and all connections are cut, as in a failover, while queries run.
async fn rotated_password_is_picked_up(kind: Kind) {
    let Some(rds) = Rds::start(kind).await else {
        return;
    };
    let authority = rds.authority.path().to_str().unwrap().to_owned();
    let db = rds
        .connect("localhost", &[("DATABASE_CA_FILE", &authority)])
        .await
        .unwrap();
    let queries = {
        let db = db.clone();
        tokio::spawn(async move {
            let mut refused = 0;
            let deadline = Instant::now() + PATIENCE;
            // Until a query succeeds after others failed.
            while Instant::now() < deadline {
                match ask(&db, "SELECT 1").await {
                    Ok(_) if refused > 0 => return Some(refused),
                    Ok(_) => {}
                    Err(_) => refused += 1,
                }
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            None
        })
    };

    rds.set_password(SECOND).await;
    rds.cut_connections().await;

    // The database is not accessible before Secrets Manager has the new password.
    let begin = Instant::now();
    while ask(&db, "SELECT 1").await.is_ok() {
        assert!(begin.elapsed() < PATIENCE, "nothing was cut");
    }
    rds.vault.change(&rds.arn, &secret(SECOND)).await;
    let refused = queries.await.unwrap();
    assert!(refused.is_some(), "after {PATIENCE:?} nobody gets in");
    assert!(is_encrypted(&db).await);
    db.close().await.unwrap();
}

/// The password is rotated while a connection is open; then somebody needs another one, and is refused once.
async fn refused_login_is_renewed_while_other_connections_work(kind: Kind) {
    let Some(rds) = Rds::start(kind).await else {
        return;
    };
    let authority = rds.authority.path().to_str().unwrap().to_owned();
    let db = rds
        .connect("localhost", &[("DATABASE_CA_FILE", &authority)])
        .await
        .unwrap();
    let open = db.begin().await.unwrap();
    rds.set_password(SECOND).await;
    rds.vault.change(&rds.arn, &secret(SECOND)).await;

    let refused = ask(&db, "SELECT 1").await.unwrap_err();
    database::report_refused_login(&refused);
    let begin = Instant::now();
    while ask(&db, "SELECT 1").await.is_err() {
        assert!(
            begin.elapsed() < Duration::from_secs(3),
            "it was not reported"
        );
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    open.commit().await.unwrap();
    db.close().await.unwrap();
}

/// Of MariaDB alone, which counts connections at once; the other database takes the same code.
#[tokio::test]
async fn no_connection_is_opened_to_try_the_login_while_one_is_idle() {
    let Some(rds) = Rds::start(Kind::MariaDb).await else {
        return;
    };
    let authority = rds.authority.path().to_str().unwrap().to_owned();
    let db = rds
        .connect("localhost", &[("DATABASE_CA_FILE", &authority)])
        .await
        .unwrap();
    // The other tests report refused logins for a while, of which all of this process hear.
    let begin = Instant::now();
    let mut before = 0;
    while connections_so_far(&db).await != before {
        assert!(
            begin.elapsed() < PATIENCE,
            "connections are opened again and again"
        );
        before = connections_so_far(&db).await;
        tokio::time::sleep(Duration::from_secs(7)).await;
    }
    db.close().await.unwrap();
}

/// The number of connections that were opened to this MariaDB since it started.
async fn connections_so_far(db: &DatabaseConnection) -> i64 {
    let question = "SELECT CAST(variable_value AS SIGNED) AS number
        FROM information_schema.global_status WHERE variable_name = 'CONNECTIONS'";
    let question = Statement::from_string(db.get_database_backend(), question);
    let row = db.query_one_raw(question).await.unwrap().unwrap();
    row.try_get("", "number").unwrap()
}

/// A database with a certificate authority of its own, and a user whose password is in Secrets
/// Manager.
struct Rds {
    server: ScratchServer,
    vault: Vault,
    arn: String,
    authority: NamedTempFile,
    url: Url,
}

impl Rds {
    async fn start(kind: Kind) -> Option<Self> {
        let vault = Vault::start().await?;
        let (authority, certificate, key) = certificates();
        let server = ScratchServer::start_with(
            kind,
            Some(Certificate {
                certificate: &certificate,
                key: &key,
            }),
        )?;
        let mut url = Url::parse(&server.empty_database().await).unwrap();
        url.set_username("").unwrap();
        let owner = server.as_owner().await;
        let database = url.path().trim_matches('/');
        let statements = match kind {
            Kind::Postgres => [
                format!("CREATE USER ada PASSWORD '{FIRST}'"),
                format!("GRANT ALL ON DATABASE {database} TO ada"),
            ],
            Kind::MariaDb => [
                format!("CREATE USER ada IDENTIFIED BY '{FIRST}' REQUIRE SSL"),
                format!("GRANT ALL ON {database}.* TO ada"),
            ],
        };
        for statement in statements {
            owner.execute_unprepared(&statement).await.unwrap();
        }
        owner.close().await.unwrap();
        let arn = vault.moto.secret(&secret(FIRST)).await;
        let mut file = NamedTempFile::new().unwrap();
        file.write_all(authority.as_bytes()).unwrap();
        Some(Self {
            server,
            vault,
            arn,
            authority: file,
            url,
        })
    }

    async fn connect(
        &self,
        host: &str,
        more: &[(&str, &str)],
    ) -> Result<DatabaseConnection, DbErr> {
        let mut url = self.url.clone();
        url.set_host(Some(host)).unwrap();
        let mut variables = vec![
            ("DATABASE_SECRET_ARN", self.arn.as_str()),
            ("DATABASE_URL", url.as_str()),
        ];
        variables.extend(more);
        let settings = self.vault.settings(&variables).await.unwrap();
        database::connect(&settings.database).await
    }

    async fn set_password(&self, password: &str) {
        let owner = self.server.as_owner().await;
        let statement = match self.server.kind() {
            Kind::Postgres => format!("ALTER USER ada PASSWORD '{password}'"),
            Kind::MariaDb => format!("ALTER USER ada IDENTIFIED BY '{password}'"),
        };
        owner.execute_unprepared(&statement).await.unwrap();
        owner.close().await.unwrap();
    }

    async fn cut_connections(&self) {
        let owner = self.server.as_owner().await;
        let statement = match self.server.kind() {
            Kind::Postgres => {
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'ada'"
            }
            Kind::MariaDb => "KILL CONNECTION USER ada",
        };
        owner.execute_unprepared(statement).await.unwrap();
        owner.close().await.unwrap();
    }
}

/// As RDS keeps it: name and password only.
fn secret(password: &str) -> String {
    json!({"username": "ada", "password": password}).to_string()
}

/// A certificate authority, and a certificate for `localhost` with its key: all in PEM.
fn certificates() -> (String, String, String) {
    let mut params = CertificateParams::new([]).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
    let key = KeyPair::generate().unwrap();
    let certificate = CertificateParams::new(["localhost".to_owned()])
        .unwrap()
        .signed_by(&key, &authority)
        .unwrap();
    (authority.pem(), certificate.pem(), key.serialize_pem())
}

async fn is_encrypted(db: &DatabaseConnection) -> bool {
    let question = match db.get_database_backend() {
        DbBackend::Postgres => "SELECT 1 FROM pg_stat_ssl WHERE ssl AND pid = pg_backend_pid()",
        _ => {
            "SELECT 1 FROM information_schema.session_status
             WHERE variable_name = 'SSL_CIPHER' AND variable_value <> ''"
        }
    };
    ask(db, question).await.unwrap()
}

/// Whether a query succeeds.
async fn ask(db: &DatabaseConnection, question: &str) -> Result<bool, DbErr> {
    let question = Statement::from_string(db.get_database_backend(), question);
    Ok(db.query_one_raw(question).await?.is_some())
}
