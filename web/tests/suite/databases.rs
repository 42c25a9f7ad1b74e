//! The database of test servers: SQLite, or the one that `VITRINE_TEST_DATABASE` names. All tests
//! share one database server, and each has its own database.

use migration::testing::{Kind, ScratchServer};
use tokio::sync::OnceCell;

const CHOICE: &str = "VITRINE_TEST_DATABASE";

/// Never dropped; it ends when this process does.
static SERVER: OnceCell<Option<ScratchServer>> = OnceCell::const_new();

/// The address of an empty database; none for SQLite, which makes its own file.
pub(crate) async fn empty() -> Option<String> {
    let kind = match std::env::var(CHOICE).as_deref() {
        Err(_) | Ok("" | "sqlite") => return None,
        Ok("postgresql") => Kind::Postgres,
        Ok("mariadb") => Kind::MariaDb,
        Ok(other) => panic!("{CHOICE}={other} is none of sqlite, postgresql and mariadb"),
    };
    let server = SERVER
        .get_or_init(async || ScratchServer::start(kind))
        .await;
    let server = server
        .as_ref()
        .unwrap_or_else(|| panic!("{CHOICE}={kind}, which is not installed"));
    Some(server.empty_database().await)
}
