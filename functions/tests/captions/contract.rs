//! What every captioner promises, and what those that ask somebody promise besides.

use functions::picture::{Detail, Limits, decode};
use functions::steps::annotate::{CaptionPicture, Captioner, Describer, JpegUse, Subject, Taken};
use functions::testing;
use functions::testing::provider::{KEY, Provider};

use crate::{asking, assert_legal, subject};

/// All captioners there are.
fn all(provider: &Provider) -> Vec<Box<dyn Captioner>> {
    let mut all: Vec<Box<dyn Captioner>> = vec![Box::<Describer>::default()];
    all.extend(asking(provider));
    all
}

#[tokio::test]
async fn every_captioner_gives_a_legal_caption_that_says_who_made_it() {
    let provider = Provider::start().await;
    for captioner in all(&provider) {
        let caption = captioner.caption(&subject()).await.unwrap();
        assert_legal(&caption);
        assert_eq!(caption.provider, captioner.provider());
    }
}

#[tokio::test]
async fn every_captioner_copes_with_the_smallest_and_the_longest_picture() {
    let provider = Provider::start().await;
    for captioner in all(&provider) {
        for (width, height) in [(1, 1), (1536, 1), (1, 1536), (1536, 1536)] {
            let mut subject = subject();
            subject.picture =
                CaptionPicture::of(&testing::picture(2, width, height), JpegUse::Sending).unwrap();
            assert_legal(&captioner.caption(&subject).await.unwrap());
        }
    }
}

#[tokio::test]
async fn captioners_may_be_asked_by_many_at_once() {
    let provider = Provider::start().await;
    for captioner in all(&provider) {
        let subject = subject();
        let asked = (0..8).map(|_| captioner.caption(&subject));
        for caption in futures::future::join_all(asked).await {
            assert_legal(&caption.unwrap());
        }
    }
}

#[tokio::test]
async fn captions_after_one_another_come_over_one_connection() {
    let provider = Provider::start().await;
    for captioner in asking(&provider) {
        let before = provider.asked().len();
        for _ in 0..3 {
            captioner.caption(&subject()).await.unwrap();
        }
        let from: Vec<_> = provider.asked()[before..]
            .iter()
            .map(|asked| asked.from)
            .collect();
        assert_eq!(from, [from[0]; 3]);
    }
}

#[tokio::test]
async fn what_a_model_wrote_comes_with_its_provenance() {
    let provider = Provider::start().await;
    for (captioner, model) in asking(&provider).iter().zip(["gemini-3.5-flash", "gemma3"]) {
        let answered = captioner.ask(&subject()).await;
        let (caption, usage) = (answered.result.unwrap(), answered.usage);

        assert_eq!(caption.text, "Two dogs run along a beach.");
        let paragraph = "Two brown dogs run along a wide beach at low tide.";
        assert_eq!(caption.paragraph.as_deref(), Some(paragraph));
        assert_eq!(caption.tags, ["dogs", "beach"]);
        assert_eq!(caption.model.as_deref(), Some(model));
        assert_eq!(caption.language, "de-CH");
        assert_eq!(caption.prompt_version.unwrap().len(), 12);
        assert_eq!((usage.tokens_in, usage.tokens_out), (Some(1290), Some(100)));
    }
}

#[tokio::test]
async fn a_picture_is_sent_as_a_jpeg_without_metadata_and_the_prompt_in_the_language_wanted() {
    let provider = Provider::start().await;
    for captioner in asking(&provider) {
        captioner.caption(&subject()).await.unwrap();
    }
    for asked in provider.asked() {
        let jpeg = asked.picture();
        assert!(jpeg.starts_with(b"\xFF\xD8\xFF\xE0"), "a JFIF header");
        for marker in [b"\xFF\xE1", b"\xFF\xE2", b"\xFF\xED", b"\xFF\xFE"] {
            let header = &jpeg[..200];
            assert!(!header.windows(2).any(|bytes| bytes == marker));
        }
        let sent = decode(&jpeg, &Limits::megapixels(1), Detail::Full).unwrap();
        assert_eq!((sent.width, sent.height), (64, 48));
        let body = asked.body.to_string();
        assert!(body.contains("BCP 47 tag de-CH"), "the prompt is not there");
    }
}

#[tokio::test]
async fn providers_are_not_told_when_a_picture_was_taken() {
    let provider = Provider::start().await;
    let year = 2019;
    for captioner in asking(&provider) {
        let subject = Subject {
            taken: Some(Taken::Month { year, month: 6 }),
            ..subject()
        };
        captioner.caption(&subject).await.unwrap();
    }
    for asked in provider.asked() {
        let body = asked.body.to_string();
        assert!(!body.contains("2019") && !body.contains("June"), "{body}");
    }
}

#[tokio::test]
async fn the_key_is_in_a_header_and_nowhere_else() {
    let provider = Provider::start().await;
    for captioner in asking(&provider) {
        captioner.caption(&subject()).await.unwrap();
    }
    let asked = provider.asked();
    assert_eq!(
        asked[0].uri,
        "/v1beta/models/gemini-3.5-flash:generateContent"
    );
    assert_eq!(asked[0].headers["x-goog-api-key"], KEY);
    assert_eq!(asked[1].uri, "/v1/chat/completions");
    assert_eq!(asked[1].headers["authorization"], format!("Bearer {KEY}"));
    for asked in asked {
        assert!(!asked.body.to_string().contains(KEY));
    }
}
