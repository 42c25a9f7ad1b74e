//! The offline captions: readable, true, and open about how they were made.

use functions::picture::Upright;
use functions::steps::annotate::{
    Caption, CaptionPicture, Captioner, Describer, JpegUse, Season, Subject, Taken,
};
use futures::executor::block_on;

fn plain(width: u32, height: u32, rgb: [u8; 3]) -> Upright {
    Upright::new(width, height, rgb.repeat((width * height) as usize)).unwrap()
}

fn subject(picture: Upright) -> Subject {
    Subject {
        picture: CaptionPicture::of(&picture, JpegUse::Nothing).unwrap(),
        faces: 0,
        is_portrait: false,
        is_blurred: false,
        taken: None,
        language: "en".into(),
        more_languages: Vec::new(),
        context: None,
    }
}

fn described(subject: &Subject) -> Caption {
    block_on(Describer::default().caption(subject)).unwrap()
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

/// A sentence about a picture taken then, in English and in German.
fn when(taken: Taken) -> [String; 2] {
    ["en", "de"].map(|language| {
        let subject = Subject {
            taken: Some(taken),
            language: language.to_owned(),
            ..subject(plain(30, 20, [30, 130, 50]))
        };
        described(&subject).text
    })
}

#[test]
fn the_month_is_told_and_no_day() {
    let june = Taken::Month {
        year: 2026,
        month: 6,
    };
    assert_eq!(
        when(june),
        [
            "Landscape-format photo, taken in June 2026, mostly green.",
            "Foto im Querformat, aufgenommen im Juni 2026, vor allem grün.",
        ]
    );
    let december = Taken::Month {
        year: 1999,
        month: 12,
    };
    assert!(when(december)[0].contains(", taken in December 1999,"));
    assert!(when(december)[1].contains(", aufgenommen im Dezember 1999,"));
}

#[test]
fn a_season_over_the_turn_of_the_year_has_both_years() {
    for (season, year, ends, english, german) in [
        (Season::Spring, 2026, 2026, "spring 2026", "Frühling 2026"),
        (Season::Summer, 2026, 2026, "summer 2026", "Sommer 2026"),
        (Season::Autumn, 2026, 2026, "autumn 2026", "Herbst 2026"),
        (
            Season::Winter,
            2025,
            2026,
            "winter 2025/26",
            "Winter 2025/26",
        ),
        (
            Season::Summer,
            2008,
            2009,
            "summer 2008/09",
            "Sommer 2008/09",
        ),
        (
            Season::Winter,
            1999,
            2000,
            "winter 1999/2000",
            "Winter 1999/2000",
        ),
    ] {
        let [in_english, in_german] = when(Taken::Season { season, year, ends });
        let expected = format!(", taken in {english}, ");
        assert!(in_english.contains(&expected), "{in_english}");
        let expected = format!(", aufgenommen im {german}, ");
        assert!(in_german.contains(&expected), "{in_german}");
    }
}

#[test]
fn what_is_blurred_is_called_so() {
    for (faces, is_portrait, english, german) in [
        (
            0,
            false,
            "Blurred square photo",
            "Unscharfes quadratisches Foto",
        ),
        (
            1,
            true,
            "Blurred portrait of one person",
            "Unscharfes Porträt einer Person",
        ),
        (
            2,
            false,
            "Blurred square photo of two people",
            "Unscharfes quadratisches Foto mit zwei Personen",
        ),
        (
            26,
            false,
            "Blurred photo of about 25 people",
            "Unscharfes Foto von etwa 25 Personen",
        ),
    ] {
        for (language, expected) in [
            ("en", format!("{english}, mostly white.")),
            ("de", format!("{german}, vor allem weiß.")),
        ] {
            let subject = Subject {
                faces,
                is_portrait,
                is_blurred: true,
                language: language.to_owned(),
                ..subject(plain(20, 20, [250, 250, 250]))
            };
            assert_eq!(described(&subject).text, expected);
        }
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
