//! Empty databases: files of SQLite, or databases of a scratch server.

use migration::testing::{Kind, ScratchServer};
use platform::database;
use platform::settings::Settings;
use sea_orm::DatabaseConnection;
use tempfile::TempDir;

/// The location of the databases, deleted when this is dropped.
pub(crate) struct Databases {
    place: Place,
    made: u32,
}

enum Place {
    Folder(TempDir),
    Server(ScratchServer),
}

impl Databases {
    pub(crate) fn of_sqlite() -> Self {
        Self::at(Place::Folder(tempfile::tempdir().unwrap()))
    }

    /// None if the server is not installed, see [`ScratchServer::start`].
    pub(crate) fn of(kind: Kind) -> Option<Self> {
        ScratchServer::start(kind).map(|server| Self::at(Place::Server(server)))
    }

    fn at(place: Place) -> Self {
        Self { place, made: 0 }
    }

    /// The address of a new, empty database, as for `DATABASE_URL`.
    pub(crate) async fn address(&mut self) -> String {
        self.made += 1;
        match &self.place {
            Place::Folder(folder) => {
                let file = folder.path().join(format!("{}.sqlite", self.made));
                format!("sqlite://{}?mode=rwc", file.display())
            }
            Place::Server(server) => server.empty_database().await,
        }
    }

    /// One connection to a new, empty database. Tests change the schema, so no other connection of
    /// SQLite may have read it before, see [`migration::up`].
    pub(crate) async fn empty(&mut self) -> DatabaseConnection {
        connect(&self.address().await, 1).await
    }
}

/// Connects with at most this many connections.
pub(crate) async fn connect(address: &str, connections: u32) -> DatabaseConnection {
    let settings = Settings::from_variables([
        ("DATABASE_URL".to_owned(), address.to_owned()),
        (
            "DATABASE_MAX_CONNECTIONS".to_owned(),
            connections.to_string(),
        ),
    ]);
    database::connect(&settings.unwrap().database)
        .await
        .unwrap()
}
