//! The contract of every store.

use bytes::Bytes;
use futures::{StreamExt as _, TryStreamExt as _, stream};
use platform::Format;
use platform::objects::{Area, Body, ListedObject, ObjectKey, StoreError};
use uuid::Uuid;

use crate::homes::{Home, noise};

fn original() -> ObjectKey {
    ObjectKey::original(Uuid::new_v4(), Format::Jpeg)
}

fn bytes(content: &[u8]) -> Body {
    Body::Bytes(Bytes::copy_from_slice(content))
}

async fn listed(home: &Home, area: Area) -> Vec<ListedObject> {
    let mut listed: Vec<_> = home.store.list(area).try_collect().await.unwrap();
    listed.sort_by_key(|object| object.key.path());
    listed
}

pub(crate) async fn objects_round_trip(home: &Home) {
    for length in [0, 1, 65_535, 65_537, 7_000_000] {
        let content = noise(length);
        for body in [bytes(&content), home.file_of(&content).await] {
            let key = original();
            home.store.put(&key, body).await.unwrap();

            assert!(home.store.get(&key).await.unwrap() == content, "{length}");
            assert_eq!(home.store.size(&key).await.unwrap(), Some(length as u64));
        }
    }
}

pub(crate) async fn put_replaces_an_existing_object(home: &Home) {
    let key = original();
    home.store.put(&key, bytes(b"the first")).await.unwrap();
    home.store.put(&key, bytes(b"another")).await.unwrap();

    assert_eq!(home.store.get(&key).await.unwrap(), b"another"[..]);
    assert_eq!(home.store.size(&key).await.unwrap(), Some(7));
}

pub(crate) async fn replacing_is_atomic_for_readers(home: &Home) {
    let key = original();
    let of = |letter: u8| vec![letter; 300_000];
    home.store.put(&key, bytes(&of(b'a'))).await.unwrap();
    let writing = async {
        for letter in b'b'..b'n' {
            home.store.put(&key, bytes(&of(letter))).await.unwrap();
        }
    };
    let reading = async {
        for _ in 0..12 {
            let seen = home.store.get(&key).await.unwrap();
            assert_eq!(seen.len(), 300_000);
            assert!(seen.iter().all(|letter| *letter == seen[0]));
        }
    };
    tokio::join!(writing, reading);
}

pub(crate) async fn ranges_are_cut_at_the_end(home: &Home) {
    let key = original();
    home.store.put(&key, bytes(b"0123456789")).await.unwrap();
    for (range, expected) in [
        (0..4, "0123"),
        (4..5, "4"),
        (7..100, "789"),
        (10..20, ""),
        (50..60, ""),
        (3..3, ""),
    ] {
        let part = home.store.get_range(&key, range.clone()).await.unwrap();
        assert_eq!(part, expected.as_bytes(), "{range:?}");
    }
}

pub(crate) async fn streams_have_a_size(home: &Home) {
    let key = original();
    let content = noise(500_000);
    home.store.put(&key, bytes(&content)).await.unwrap();

    let object = home.store.open(&key).await.unwrap();

    assert_eq!(object.bytes, 500_000);
    let chunks: Vec<Bytes> = object.stream.try_collect().await.unwrap();
    assert!(chunks.concat() == content);
}

pub(crate) async fn missing_objects_are_not_found_and_deletable(home: &Home) {
    let key = original();
    let is_not_found = |error| matches!(error, StoreError::NotFound(found) if found == key);

    assert!(is_not_found(home.store.get(&key).await.unwrap_err()));
    assert!(is_not_found(
        home.store.get_range(&key, 0..9).await.unwrap_err()
    ));
    assert!(is_not_found(home.store.open(&key).await.err().unwrap()));
    assert_eq!(home.store.size(&key).await.unwrap(), None);
    home.store.delete(&key).await.unwrap();
}

pub(crate) async fn deleted_objects_are_gone(home: &Home) {
    let (key, other) = (original(), original());
    home.store.put(&key, bytes(b"x")).await.unwrap();
    home.store.put(&other, bytes(b"y")).await.unwrap();

    home.store.delete(&key).await.unwrap();

    assert_eq!(home.store.size(&key).await.unwrap(), None);
    assert_eq!(home.store.size(&other).await.unwrap(), Some(1));
}

pub(crate) async fn list_has_exactly_the_objects_of_its_area(home: &Home) {
    for area in Area::ALL {
        assert_eq!(listed(home, area).await, []);
    }
    let id = Uuid::new_v4();
    let nested = ObjectKey::parse("uploads/2026/11/nested.jpg").unwrap();
    let original = ObjectKey::original(id, Format::Png);
    home.store.put(&nested, bytes(b"123")).await.unwrap();
    home.store.put(&original, bytes(b"1")).await.unwrap();
    let thumbnail = ObjectKey::thumbnail(id);
    home.store.put(&thumbnail, bytes(b"12")).await.unwrap();

    let uploads = listed(home, Area::Uploads).await;

    let mut keys = [(nested, 3), (original, 1)];
    keys.sort_by_key(|(key, _)| key.path());
    let found: Vec<_> = uploads.into_iter().map(|o| (o.key, o.bytes)).collect();
    assert_eq!(found, keys);
    let thumbnails = listed(home, Area::Thumbnails).await;
    assert_eq!(thumbnails.len(), 1);
    let age = thumbnails[0].stored_at.elapsed().unwrap_or_default();
    assert!(age.as_secs() < 600, "{age:?}");
    assert_eq!(listed(home, Area::Anonymised).await, []);
}

pub(crate) async fn lists_are_paginated(home: &Home) {
    // S3's pages have a thousand.
    const OBJECTS: usize = 1_005;
    stream::iter(0..OBJECTS)
        .for_each_concurrent(8, |_| async {
            home.store.put(&original(), bytes(b"")).await.unwrap();
        })
        .await;

    assert_eq!(listed(home, Area::Uploads).await.len(), OBJECTS);
}

pub(crate) async fn unusual_keys_round_trip(home: &Home) {
    for path in [
        "uploads/with space.jpg",
        "uploads/a+b=c&d.jpg",
        "uploads/100%.jpg",
        "uploads/already%20encoded.jpg",
        "uploads/Zürich/日本.png",
        "uploads/question?.jpg",
        "uploads/hash#tag.jpg",
        "uploads/'quoted' \"twice\".jpg",
        "uploads/~(tilde)*.jpg",
    ] {
        let key = ObjectKey::parse(path).unwrap();
        home.store.put(&key, bytes(path.as_bytes())).await.unwrap();

        assert_eq!(home.store.get(&key).await.unwrap(), path.as_bytes());
        let listed = listed(home, Area::Uploads).await;
        assert_eq!(listed.len(), 1, "{listed:?}");
        assert_eq!(listed[0].key, key);
        home.store.delete(&key).await.unwrap();
        assert_eq!(home.store.size(&key).await.unwrap(), None, "{path}");
    }
}

pub(crate) async fn only_originals_send_one_event(home: &Home) {
    let id = Uuid::new_v4();
    let original = ObjectKey::original(id, Format::Jpeg);
    for key in [
        &ObjectKey::thumbnail(id),
        &original,
        &ObjectKey::anonymised(id, None),
    ] {
        home.store.put(key, bytes(b"x")).await.unwrap();
    }

    let heard = home.heard.0.lock().unwrap();
    let keys: Vec<_> = heard.iter().map(|event| &event.key).collect();
    assert_eq!(keys, [&original]);
}

pub(crate) async fn storing_consumes_the_scratch_file(home: &Home) {
    let body = home.file_of(b"a photo").await;
    let Body::File(file) = &body else {
        unreachable!();
    };
    let path = file.path().to_owned();
    assert!(path.exists());

    home.store.put(&original(), body).await.unwrap();

    assert!(!path.exists());
}
