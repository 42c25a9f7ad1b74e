//! The offline captions: readable, true, and open about how they were made.

use functions::picture::Upright;
use functions::steps::annotate::{Caption, CaptionPicture, Captioner, Describer, Subject};
use futures::executor::block_on;

fn plain(width: u32, height: u32, rgb: [u8; 3]) -> Upright {
    Upright::new(width, height, rgb.repeat((width * height) as usize)).unwrap()
}

fn subject(picture: Upright) -> Subject {
    Subject {
        picture: CaptionPicture::described(&picture),
        faces: 0,
        language: "en".into(),
    }
}

fn described(subject: &Subject) -> Caption {
    block_on(Describer.caption(subject)).unwrap()
}

#[test]
fn a_bare_picture_gets_a_sentence() {
    let caption = described(&subject(plain(30, 20, [40, 90, 210])));
    assert_eq!(
        caption.text,
        "Landscape photo, mostly blue (described from its pixels, without AI)."
    );
    assert_eq!(caption.tags, ["landscape", "blue"]);
}

#[test]
fn people_are_named() {
    let mut subject = subject(plain(20, 30, [30, 130, 50]));
    subject.faces = 2;
    let caption = described(&subject);
    assert_eq!(
        caption.text,
        "Portrait-format photo with two faces, mostly green (described from its pixels, without AI)."
    );
    assert_eq!(caption.tags, ["portrait", "people", "group", "green"]);
}

#[test]
fn it_says_who_made_it_and_in_which_language() {
    let mut subject = subject(plain(3, 3, [0, 0, 0]));
    subject.language = "de".into();
    let caption = described(&subject);
    assert_eq!(caption.provider, "describe");
    assert_eq!(caption.language, "en");
    assert_eq!(caption.model, None);
}
