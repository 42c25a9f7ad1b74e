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
        is_portrait: false,
        language: "en".into(),
        more_languages: Vec::new(),
        context: None,
    }
}

fn described(subject: &Subject) -> Caption {
    block_on(Describer.caption(subject)).unwrap()
}

#[test]
fn a_bare_picture_gets_a_sentence() {
    let caption = described(&subject(plain(30, 20, [40, 90, 210])));
    assert_eq!(caption.text, "Landscape-format photo, mostly blue.");
    assert_eq!(caption.tags, ["landscape", "blue"]);
}

#[test]
fn people_are_named() {
    let mut subject = subject(plain(20, 30, [30, 130, 50]));
    subject.faces = 2;
    let caption = described(&subject);
    assert_eq!(
        caption.text,
        "Portrait-format photo of two people, mostly green."
    );
    assert_eq!(caption.tags, ["portrait", "people", "group", "green"]);
}

#[test]
fn a_portrait_a_pair_and_groups_are_told_apart() {
    let text = |language: &str, faces, is_portrait| {
        let subject = Subject {
            faces,
            is_portrait,
            language: language.to_owned(),
            ..subject(plain(20, 20, [250, 250, 250]))
        };
        described(&subject).text
    };
    for (faces, is_portrait, english, german) in [
        (
            0,
            false,
            "Square photo, mostly white.",
            "Quadratisches Foto, vor allem weiß.",
        ),
        (
            1,
            true,
            "Portrait of one person, mostly white.",
            "Porträt einer Person, vor allem weiß.",
        ),
        (
            1,
            false,
            "Square photo of one person, mostly white.",
            "Quadratisches Foto mit einer Person, vor allem weiß.",
        ),
        (
            7,
            false,
            "Group of seven people, mostly white.",
            "Gruppe von sieben Personen, vor allem weiß.",
        ),
        (
            12,
            false,
            "Group of twelve people, mostly white.",
            "Gruppe von zwölf Personen, vor allem weiß.",
        ),
        (
            26,
            false,
            "Group of about 25 people, mostly white.",
            "Gruppe von etwa 25 Personen, vor allem weiß.",
        ),
    ] {
        assert_eq!(text("en", faces, is_portrait), english);
        assert_eq!(text("de-CH", faces, is_portrait), german);
    }
}

#[test]
fn it_writes_the_languages_it_knows_and_labels_them() {
    let mut subject = subject(plain(3, 3, [0, 0, 0]));
    subject.language = "de".into();
    subject.more_languages = vec!["en-GB".into(), "fr".into(), "de-x-simple".into()];
    let caption = described(&subject);
    assert_eq!(caption.provider, "describe");
    assert_eq!(caption.model, None);
    assert_eq!(caption.language, "de");
    assert_eq!(caption.text, "Quadratisches Foto, vor allem schwarz.");
    let [english] = &caption.translations[..] else {
        panic!("{:?}", caption.translations);
    };
    assert_eq!(
        (&*english.language, &*english.text),
        ("en", "Square photo, mostly black.")
    );

    subject.language = "fr".into();
    subject.more_languages.clear();
    assert_eq!(described(&subject).language, "en");
}
