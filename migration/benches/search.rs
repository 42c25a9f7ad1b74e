//! The time of a search over 100,000 images on each installed database: the ranking and the images
//! of one page, as the list of images queries them. `make bench` runs it.
//!
//! Captions are made of English function words and of 5,000 made-up words whose frequencies follow
//! Zipf's law. Queries are one to three words of some caption, so frequent words are searched more
//! often; in half of the queries the last word is cut short.

#![allow(clippy::unwrap_used)]

use std::time::{Duration, Instant};

use chrono::{DateTime, TimeDelta};
use entity::image::{self, Audience, Tags};
use entity::search::{self, Words};
use migration::testing::{Kind, ScratchServer};
use migration::{Migrator, PATIENCE};
use platform::database;
use platform::settings::{DatabaseSettings, Settings};
use sea_orm::ActiveValue::Set;
use sea_orm::{DatabaseConnection, EntityTrait as _, TransactionTrait as _};
use uuid::Uuid;

const IMAGES: u128 = 100_000;
const QUERIES: usize = 200;
/// The images of a page, and one to see whether another page follows.
const PAGE: u64 = 51;
const VOCABULARY: u64 = 5_000;
const FUNCTION_WORDS: [&str; 10] = [
    "a", "the", "in", "on", "with", "and", "of", "at", "near", "under",
];

#[tokio::main]
async fn main() {
    println!("{IMAGES} images, {QUERIES} queries; milliseconds");
    println!("{:<12}{:>8}{:>8}{:>8}", "", "median", "95 %", "worst");
    let folder = tempfile::tempdir().unwrap();
    let file = DatabaseSettings::sqlite(&folder.path().join("bench.sqlite"));
    measure("SQLite", &file).await;
    for kind in [Kind::Postgres, Kind::MariaDb] {
        if let Some(server) = ScratchServer::start(kind) {
            let url = server.empty_database().await;
            let settings = Settings::from_variables([("DATABASE_URL".to_owned(), url)]).unwrap();
            measure(&kind.to_string(), &settings.database).await;
        }
    }
}

async fn measure(name: &str, settings: &DatabaseSettings) {
    let db = database::connect(settings).await.unwrap();
    migration::up::<Migrator>(&db, PATIENCE).await.unwrap();
    let mut random = Random(1);
    let captions = fill(&db, &mut random).await;
    let mut times = Vec::new();
    let audience = Audience::Staff;
    for number in 0..QUERIES {
        let words = query(&captions, &mut random);
        let begin = Instant::now();
        let ids = search::best(&db, &words, &audience, number % 2 == 0, 0, PAGE)
            .await
            .unwrap();
        let images = image::visible_among(&audience, ids).all(&db).await.unwrap();
        times.push(begin.elapsed());
        assert!(!images.is_empty(), "nothing is found for {words:?}");
    }
    times.sort();
    let at = |percent: usize| milliseconds(times[(times.len() - 1) * percent / 100]);
    println!("{name:<12}{:>8}{:>8}{:>8}", at(50), at(95), at(100));
}

fn milliseconds(time: Duration) -> String {
    format!("{:.1}", time.as_secs_f64() * 1000.0)
}

/// Inserts the images and returns the words of their captions without function words.
async fn fill(db: &DatabaseConnection, random: &mut Random) -> Vec<Vec<String>> {
    let mut captions = Vec::new();
    let mut number = 0;
    while number < IMAGES {
        let transaction = db.begin().await.unwrap();
        for _ in 0..20 {
            let rows = (0..500).map(|_| {
                let words: Vec<_> = (0..8).map(|_| random.word()).collect();
                number += 1;
                let row = photo(number, &words, random);
                captions.push(words);
                row
            });
            image::Entity::insert_many(rows.collect::<Vec<_>>())
                .exec_without_returning(&transaction)
                .await
                .unwrap();
        }
        transaction.commit().await.unwrap();
    }
    captions
}

fn photo(number: u128, words: &[String], random: &mut Random) -> image::ActiveModel {
    let caption: Vec<_> = words
        .iter()
        .flat_map(|word| {
            let function = FUNCTION_WORDS[random.below(10) as usize];
            [function, word.as_str()]
        })
        .collect();
    let id = Uuid::from_u128(0x0192_0000_0000_7000_8000_0000_0000_0000 + number);
    let instant = DateTime::UNIX_EPOCH + TimeDelta::seconds(number as i64);
    image::ActiveModel {
        id: Set(id),
        object_key: Set(format!("uploads/{id}.jpg")),
        file_name: Set(format!("IMG_{number:06}.jpg")),
        content_type: Set("image/jpeg".to_owned()),
        bytes: Set(1),
        width: Set(1),
        height: Set(1),
        sha256: Set(format!("{number:064x}")),
        tags: Set(Some(Tags(vec![random.word(), random.word()]))),
        caption_text: Set(Some(caption.join(" "))),
        uploaded_at: Set(instant),
        stored_at: Set(Some(instant)),
        ..Default::default()
    }
}

fn query(captions: &[Vec<String>], random: &mut Random) -> Words {
    let caption = &captions[random.below(captions.len() as u64) as usize];
    let count = 1 + random.below(3) as usize;
    let mut text = caption[..count].join(" ");
    if random.below(2) == 0 {
        text.pop();
    }
    Words::parse(&text).unwrap()
}

/// SplitMix64 (<https://prng.di.unimi.it/splitmix64.c>): the same numbers in every run.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }

    /// A made-up word. The frequency of the n-th is about 1/n of the first.
    fn word(&mut self) -> String {
        let uniform = self.next() as f64 / u64::MAX as f64;
        let mut rank = (VOCABULARY as f64).powf(uniform) as usize;
        let mut word = String::new();
        for _ in 0..4 {
            word.push(char::from(b"bdfgklmnprstvz"[rank % 14]));
            word.push(char::from(b"aeiou"[rank % 5]));
            rank = rank / 14 + rank % 14;
        }
        word
    }
}
