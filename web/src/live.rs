//! Live updates as server-sent events, fed from the table `change`, so that any instance can
//! serve any browser. One task for the whole process reads the table, and only while somebody
//! listens.

use std::collections::HashSet;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::response::sse::Event;
use entity::change::{self, Kind};
use futures::{Stream, StreamExt as _, TryStreamExt as _, future, stream};
use platform::objects::ObjectStore;
use sea_orm::{DatabaseConnection, DbErr};
use tokio::sync::Mutex;
use tokio::sync::broadcast::{self, error::RecvError};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use tracing::error;
use uuid::Uuid;

use crate::access::Viewer;
use crate::api::image_json::ImageJson;
use crate::caption_pause::CaptionPause;
use crate::image_rows::ImageRows;
use crate::picture_urls::UrlSource;

/// How often the table is read.
const POLL: Duration = Duration::from_millis(200);

/// Changes read at once.
const BATCH: u64 = 500;

/// How long a stream lasts: then the browser comes back, and is asked again who it is.
const LIFETIME: Duration = Duration::from_secs(15 * 60);

/// Updates that a slow browser may be behind.
const BACKLOG: usize = 1024;

/// Something happened to an image.
#[derive(Debug)]
struct Update {
    seq: i64,
    id: Uuid,
    /// None if the image is gone.
    rows: Option<ImageRows>,
}

/// The live updates of this process. Cheap to clone.
#[derive(Clone)]
pub struct Live {
    db: DatabaseConnection,
    caption_pause: CaptionPause,
    store: Arc<dyn ObjectStore>,
    sender: broadcast::Sender<Arc<Update>>,
    /// How far the table was read; none while nobody listens.
    position: Arc<Mutex<Option<i64>>>,
    stop: CancellationToken,
}

impl Live {
    /// Live updates until `stop`.
    pub fn new(
        db: DatabaseConnection,
        store: Arc<dyn ObjectStore>,
        caption_pause: CaptionPause,
        stop: CancellationToken,
    ) -> Self {
        Self {
            db,
            store,
            caption_pause,
            sender: broadcast::channel(BACKLOG).0,
            position: Arc::default(),
            stop,
        }
    }

    /// Reads changes and hands them out, until stopped.
    pub async fn run(self) {
        while !self.stop.is_cancelled() {
            if let Err(error) = self.hand_out().await {
                error!(%error, "changes cannot be read");
            }
            tokio::select! {
                () = sleep(POLL) => {}
                () = self.stop.cancelled() => {}
            }
        }
    }

    async fn hand_out(&self) -> Result<(), DbErr> {
        let mut position = self.position.lock().await;
        if self.sender.receiver_count() == 0 {
            *position = None;
        }
        if let Some(seq) = *position {
            let (updates, end) = self.updates(seq).await?;
            for update in updates {
                // It fails only if nobody listens any more.
                let _ = self.sender.send(Arc::new(update));
            }
            *position = Some(end);
        }
        Ok(())
    }

    async fn latest(&self) -> Result<i64, DbErr> {
        let change = change::latest().one(&self.db).await?;
        Ok(change.map_or(0, |change| change.seq))
    }

    /// What happened behind `seq`, each image once, in the order of the last thing that
    /// happened to it; and how far that reaches.
    async fn updates(&self, seq: i64) -> Result<(Vec<Update>, i64), DbErr> {
        let changes = change::since(seq, BATCH).all(&self.db).await?;
        let end = changes.last().map_or(seq, |change| change.seq);
        let mut seen = HashSet::new();
        let mut changes: Vec<_> = changes
            .into_iter()
            .rev()
            .filter(|change| seen.insert(change.image_id))
            .collect();
        changes.reverse();
        let changed: Vec<_> = changes
            .iter()
            .filter(|change| change.kind == Kind::Image)
            .map(|change| change.image_id)
            .collect();
        let mut rows = ImageRows::load(&self.db, &self.caption_pause, &changed).await?;
        let updates = changes.into_iter().filter_map(|change| {
            let position = rows
                .iter()
                .position(|rows| rows.image.id == change.image_id);
            let rows = position.map(|position| rows.swap_remove(position));
            // An upload that is not complete yet is nothing to tell of.
            (rows.is_some() || change.kind == Kind::Deleted).then_some(Update {
                seq: change.seq,
                id: change.image_id,
                rows,
            })
        });
        Ok((updates.collect(), end))
    }

    /// What happened behind `last` up to `latest`, however much that is: read as fast as the
    /// browser takes it.
    fn missed(self, last: i64, latest: i64) -> impl Stream<Item = Result<Arc<Update>, DbErr>> {
        stream::try_unfold((self, last), move |(live, last)| async move {
            if last >= latest {
                return Ok::<_, DbErr>(None);
            }
            let (updates, end) = live.updates(last).await?;
            // Changes up to `latest` may have been swept meanwhile.
            let next = if end == last { latest } else { end };
            let updates = updates.into_iter().map(|update| Ok(Arc::new(update)));
            Ok(Some((stream::iter(updates), (live, next))))
        })
        .try_flatten()
    }

    /// The updates behind `seen` (of `Last-Event-ID`) or from now on, as this viewer may see
    /// them. The stream ends by itself after a while.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn listen(
        &self,
        viewer: Viewer,
        seen: Option<i64>,
    ) -> Result<impl Stream<Item = Result<Event, Infallible>> + use<>, DbErr> {
        // First listen, then look: nothing can happen unheard between the two.
        let receiver = self.sender.subscribe();
        let latest = self.latest().await?;
        self.position.lock().await.get_or_insert(latest);
        // Who saw more than there is saw another database.
        let last = seen.map_or(latest, |seq| seq.min(latest));
        let missed = self.clone().missed(last, latest);
        let end = {
            let stop = self.stop.clone();
            async move {
                tokio::select! {
                    () = stop.cancelled() => {}
                    () = sleep(LIFETIME) => {}
                }
            }
        };
        let hello = Event::default()
            .comment("listening")
            .retry(Duration::from_secs(2));
        let store = Arc::clone(&self.store);
        let updates = missed
            .chain(heard(receiver, latest).map(Ok))
            .scan((), |(), update| future::ready(or_end(update)))
            .then(move |update| {
                let (store, viewer) = (Arc::clone(&store), viewer.clone());
                async move { event(&update, &viewer, &UrlSource::of(store.as_ref()).await) }
            });
        Ok(stream::iter([hello]).chain(updates).map(Ok).take_until(end))
    }
}

/// The browser comes back, and asks from where it was.
fn or_end(update: Result<Arc<Update>, DbErr>) -> Option<Arc<Update>> {
    if let Err(error) = &update {
        error!(%error, "changes that a browser missed cannot be read");
    }
    update.ok()
}

/// What comes over the channel, without what was seen before. It ends for whoever is too slow:
/// their browser comes back and says what it saw last.
fn heard(receiver: broadcast::Receiver<Arc<Update>>, last: i64) -> impl Stream<Item = Arc<Update>> {
    stream::unfold((receiver, last), |(mut receiver, last)| async move {
        loop {
            match receiver.recv().await {
                Ok(update) if update.seq <= last => {}
                Ok(update) => {
                    let seq = update.seq;
                    return Some((update, (receiver, seq)));
                }
                Err(RecvError::Lagged(_) | RecvError::Closed) => return None,
            }
        }
    })
}

fn event(update: &Update, viewer: &Viewer, urls: &UrlSource) -> Event {
    let event = Event::default().id(update.seq.to_string());
    let filled = match &update.rows {
        Some(rows) => event
            .event("image")
            .json_data(ImageJson::new(rows, viewer, urls)),
        None => event
            .event("deleted")
            .json_data(serde_json::json!({ "id": update.id })),
    };
    filled.unwrap_or_else(|error| {
        error!(%error, "an update cannot be written as JSON");
        Event::default().comment("skipped")
    })
}
