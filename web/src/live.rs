//! Live updates as server-sent events, fed from the table `change`, so that any instance can serve any
//! browser. One task per process reads the table, and only while a stream is open.

use std::collections::HashSet;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::response::sse::Event;
use entity::change::{self, Kind};
use entity::image::Audience;
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
use crate::caption_pause::CaptionPause;
use crate::image_json::ImageJson;
use crate::image_rows::ImageRows;
use crate::picture_urls::UrlSource;

const POLL: Duration = Duration::from_millis(200);

/// Changes per query.
const BATCH: u64 = 500;

/// How long a stream lasts. The browser then reconnects, and is authorised anew.
const LIFETIME: Duration = Duration::from_secs(15 * 60);

/// How many updates a slow browser may lag behind.
const BACKLOG: usize = 1024;

#[derive(Debug)]
struct Update {
    seq: i64,
    id: Uuid,
    /// None if the image was deleted.
    rows: Option<ImageRows>,
    /// Whether visitors saw it and now may not.
    is_withdrawn: bool,
}

/// The live updates of this process. Cheap to clone.
#[derive(Clone)]
pub struct Live {
    db: DatabaseConnection,
    caption_pause: CaptionPause,
    store: Arc<dyn ObjectStore>,
    sender: broadcast::Sender<Arc<Update>>,
    /// The last change that was read; none while no stream is open.
    position: Arc<Mutex<Option<i64>>>,
    stop: CancellationToken,
}

impl Live {
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

    /// Reads changes and broadcasts them, until stopped.
    pub async fn run(self) {
        while !self.stop.is_cancelled() {
            if let Err(error) = self.broadcast().await {
                error!(%error, "changes cannot be read");
            }
            tokio::select! {
                () = sleep(POLL) => {}
                () = self.stop.cancelled() => {}
            }
        }
    }

    async fn broadcast(&self) -> Result<(), DbErr> {
        let mut position = self.position.lock().await;
        if !self.is_listened_to() {
            *position = None;
        }
        if let Some(seq) = *position {
            let (updates, end) = self.updates(seq).await?;
            for update in updates {
                // Sending fails only once no stream is open.
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

    /// The changes after `seq`, each image once, ordered by its last change; and the last `seq`
    /// that was read.
    async fn updates(&self, seq: i64) -> Result<(Vec<Update>, i64), DbErr> {
        let changes = change::since(seq, BATCH).all(&self.db).await?;
        let end = changes.last().map_or(seq, |change| change.seq);
        let withdrawn: HashSet<_> = changes
            .iter()
            .filter(|change| change.kind == Kind::Withdrawn)
            .map(|change| change.image_id)
            .collect();
        let mut seen = HashSet::new();
        let mut changes: Vec<_> = changes
            .into_iter()
            .rev()
            .filter(|change| seen.insert(change.image_id))
            .collect();
        changes.reverse();
        let changed: Vec<_> = changes
            .iter()
            .filter(|change| change.kind != Kind::Deleted)
            .map(|change| change.image_id)
            .collect();
        let mut rows =
            ImageRows::load(&self.db, &self.caption_pause, &Audience::Staff, &changed).await?;
        let updates = changes.into_iter().filter_map(|change| {
            let position = rows
                .iter()
                .position(|rows| rows.image.id == change.image_id);
            let rows = position.map(|position| rows.swap_remove(position));
            // An upload that is not complete yet is not visible.
            (rows.is_some() || change.kind == Kind::Deleted).then_some(Update {
                seq: change.seq,
                id: change.image_id,
                rows,
                is_withdrawn: withdrawn.contains(&change.image_id),
            })
        });
        Ok((updates.collect(), end))
    }

    /// The changes after `last` up to `latest`, read batch by batch as fast as the browser takes
    /// them.
    fn missed(self, last: i64, latest: i64) -> impl Stream<Item = Result<Arc<Update>, DbErr>> {
        stream::try_unfold((self, last), move |(live, last)| async move {
            if last >= latest {
                return Ok::<_, DbErr>(None);
            }
            let (updates, end) = live.updates(last).await?;
            // Old changes may have been deleted meanwhile.
            let next = if end == last { latest } else { end };
            let updates = updates.into_iter().map(|update| Ok(Arc::new(update)));
            Ok(Some((stream::iter(updates), (live, next))))
        })
        .try_flatten()
    }

    /// Whether a stream or a request waits for changes.
    pub fn is_listened_to(&self) -> bool {
        self.sender.receiver_count() > 0
    }

    /// Waits until no step of this image is pending or the image is gone; at most for `patience`,
    /// and not while the server stops.
    pub async fn until_settled(
        &self,
        audience: &Audience,
        id: Uuid,
        patience: Duration,
    ) -> Result<(), DbErr> {
        let mut receiver = self.sender.subscribe();
        self.start_reading().await?;
        let settled = async {
            loop {
                let rows = ImageRows::load(&self.db, &self.caption_pause, audience, &[id]).await?;
                if !rows.first().is_some_and(ImageRows::is_pending) {
                    return Ok(());
                }
                while let Ok(update) = receiver.recv().await {
                    if update.id == id {
                        break;
                    }
                }
            }
        };
        tokio::select! {
            result = settled => result,
            () = sleep(patience) => Ok(()),
            () = self.stop.cancelled() => Ok(()),
        }
    }

    /// Starts reading the table if it was not being read. Returns the newest change.
    async fn start_reading(&self) -> Result<i64, DbErr> {
        let latest = self.latest().await?;
        self.position.lock().await.get_or_insert(latest);
        Ok(latest)
    }

    /// The updates after `seen` (from `Last-Event-ID`) or from now on, as this viewer may see
    /// them. The stream ends after [`LIFETIME`].
    pub async fn listen(
        &self,
        viewer: Viewer,
        seen: Option<i64>,
    ) -> Result<impl Stream<Item = Result<Event, Infallible>> + use<>, DbErr> {
        // Subscribe before reading the latest change, so that none is missed in between.
        let receiver = self.sender.subscribe();
        let latest = self.start_reading().await?;
        // An id beyond the newest belongs to another database.
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
        // A browser that reconnects before its first change sends this id, and misses nothing.
        let hello = Event::default()
            .id(last.to_string())
            .comment("listening")
            .retry(Duration::from_secs(2));
        let store = Arc::clone(&self.store);
        let updates = missed
            .chain(broadcast_after(receiver, latest).map(Ok))
            .scan((), |(), update| future::ready(or_end(update)))
            .then(move |update| {
                let (store, viewer) = (Arc::clone(&store), viewer.clone());
                async move { event(&update, &viewer, &UrlSource::of(store.as_ref()).await) }
            })
            .filter_map(future::ready);
        Ok(stream::iter([hello]).chain(updates).map(Ok).take_until(end))
    }
}

/// Ends the stream at an error: the browser reconnects and continues after its last event.
fn or_end(update: Result<Arc<Update>, DbErr>) -> Option<Arc<Update>> {
    if let Err(error) = &update {
        error!(%error, "changes that a browser missed cannot be read");
    }
    update.ok()
}

/// The broadcast updates after `last`. The stream ends for a browser that lags too far behind: it
/// reconnects and continues after the last update it saw.
fn broadcast_after(
    receiver: broadcast::Receiver<Arc<Update>>,
    last: i64,
) -> impl Stream<Item = Arc<Update>> {
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

/// An image as this viewer may see it, or that there is none any more. Visitors hear nothing of images
/// that were never public.
fn event(update: &Update, viewer: &Viewer, urls: &UrlSource) -> Option<Event> {
    let event = Event::default().id(update.seq.to_string());
    let seen = update.rows.as_ref().filter(|rows| viewer.sees(&rows.image));
    let filled = match seen {
        Some(rows) => event
            .event("image")
            .json_data(ImageJson::new(rows, viewer, urls)),
        None if update.is_withdrawn || viewer.audience() == Audience::Staff => event
            .event("deleted")
            .json_data(serde_json::json!({ "id": update.id })),
        None => return None,
    };
    Some(filled.unwrap_or_else(|error| {
        error!(%error, "an update cannot be written as JSON");
        Event::default().comment("skipped")
    }))
}
