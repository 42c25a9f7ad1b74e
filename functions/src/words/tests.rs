//! Words in files, as other programs read and write them: exiftool stands for those, since it knows
//! what WordPress, Lightroom and digiKam use.

use std::path::Path;
use std::process::Command;

use entity::embedded::EmbeddedWords;
use proptest::prelude::*;
use serde_json::Value;

use super::xmp_write::MAX_PACKET;
use super::*;
use crate::testing;

fn text(language: &str, alt: &str, extended: Option<&str>) -> Text {
    Text {
        language: Some(language.to_owned()),
        alt: alt.to_owned(),
        extended: extended.map(str::to_owned),
    }
}

fn words() -> Words {
    Words {
        texts: vec![
            text(
                "en",
                "Two dogs & a \"ball\" <here>",
                Some("Two brown dogs run along a beach."),
            ),
            text("de", "Zwei Hunde am Strand – 🐕", None),
        ],
        rights: Rights {
            credit: Some("Photo: Hill Street School".to_owned()),
            licence: Some("https://creativecommons.org/licenses/by-nc/4.0/".to_owned()),
        },
    }
}

/// None, and a line that says so, if exiftool is not installed.
fn exiftool(arguments: &[&str], file: &Path) -> Option<String> {
    let ran = Command::new("exiftool").args(arguments).arg(file).output();
    match ran {
        Ok(output) if output.status.success() => Some(String::from_utf8(output.stdout).unwrap()),
        Ok(output) => panic!("{}", String::from_utf8_lossy(&output.stderr)),
        Err(error) => {
            assert!(std::env::var_os("CI").is_none(), "exiftool: {error}");
            eprintln!("skipped: exiftool is not installed");
            None
        }
    }
}

/// The tags that exiftool finds, without those of the file and its pixels.
fn tags(jpeg: &[u8]) -> Option<serde_json::Map<String, Value>> {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("copy.jpg");
    std::fs::write(&file, jpeg).unwrap();
    let json = exiftool(
        &["-json", "-G0", "-XMP:all", "-IPTC:all", "-EXIF:all"],
        &file,
    )?;
    let mut tags: Vec<serde_json::Map<String, Value>> = serde_json::from_str(&json).unwrap();
    let mut tags = tags.remove(0);
    tags.remove("SourceFile");
    Some(tags)
}

#[test]
fn exiftool_reads_alt_text_description_and_rights_and_nothing_else() {
    let copy = with_words(&testing::photo(1, 64, 48), &words());
    let Some(tags) = tags(&copy) else { return };
    let expected = serde_json::json!({
        "XMP:AltTextAccessibility": "Two dogs & a \"ball\" <here>",
        "XMP:AltTextAccessibility-en": "Two dogs & a \"ball\" <here>",
        "XMP:AltTextAccessibility-de": "Zwei Hunde am Strand – 🐕",
        "XMP:ExtDescrAccessibility": "Two brown dogs run along a beach.",
        "XMP:ExtDescrAccessibility-en": "Two brown dogs run along a beach.",
        "XMP:Credit": "Photo: Hill Street School",
        "XMP:WebStatement": "https://creativecommons.org/licenses/by-nc/4.0/",
    });
    assert_eq!(Value::Object(tags), expected);
}

#[test]
fn terms_in_words_are_the_terms_of_use() {
    let mut words = words();
    words.rights.licence = Some("Ask the school first.".to_owned());
    let Some(tags) = tags(&with_words(&testing::photo(1, 64, 48), &words)) else {
        return;
    };
    assert_eq!(tags["XMP:UsageTerms"], "Ask the school first.");
}

#[test]
fn new_words_replace_the_old_ones_and_the_pixels_stay_as_they_are() {
    let plain = testing::photo(1, 64, 48);
    let once = with_words(&plain, &words());
    let other = Words {
        texts: vec![text("en", "Another text", None)],
        rights: Rights::default(),
    };

    let twice = with_words(&once, &other);

    assert_eq!(embedded(&twice).unwrap().alt_text.unwrap(), "Another text");
    assert_eq!(embedded(&twice).unwrap().extended_description, None);
    assert_eq!(with_words(&twice, &Words::default()), plain);
    assert_eq!(with_words(&once, &words()), once);
    let pixels = |jpeg: &[u8]| image::load_from_memory(jpeg).unwrap().into_bytes();
    assert_eq!(pixels(&twice), pixels(&plain));
}

#[test]
fn what_does_not_fit_a_segment_is_left_out() {
    let long = "🐕".repeat(2000);
    let texts = ["en", "de", "fr", "it", "es", "pt", "nl", "pl", "cs", "da"];
    let words = Words {
        texts: texts
            .map(|language| text(language, "A dog.", Some(&long)))
            .to_vec(),
        rights: Rights::default(),
    };
    let copy = with_words(&testing::photo(1, 64, 48), &words);
    let found = embedded(&copy).unwrap();
    assert_eq!(found.alt_text.as_deref(), Some("A dog."));
    assert_eq!(found.extended_description, Some(long));
    assert!(image::load_from_memory(&copy).is_ok());
    assert!(xmp_write::packet(&words).len() <= MAX_PACKET);
}

/// Writes tags with exiftool into a photo, and reads its words.
fn written_by_exiftool(arguments: &[&str], photo: &[u8], name: &str) -> Option<EmbeddedWords> {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join(name);
    std::fs::write(&file, photo).unwrap();
    exiftool(&[&["-overwrite_original"], arguments].concat(), &file)?;
    Some(embedded(&std::fs::read(&file).unwrap()).unwrap())
}

#[test]
fn words_of_lightroom_and_current_editors_are_read() {
    let arguments = [
        "-XMP-iptcCore:AltTextAccessibility=Two dogs run",
        "-XMP-iptcCore:ExtDescrAccessibility=Two brown dogs run along a beach.",
        "-XMP-dc:Description=Rex and Bella at the fair",
        "-XMP-dc:Subject=dogs",
        "-XMP-dc:Subject=été",
        "-XMP-photoshop:Credit=Ada",
        "-XMP-dc:Rights=© Ada 2026",
        "-XMP-lr:HierarchicalSubject=animals|dogs",
    ];
    let expected = EmbeddedWords {
        alt_text: Some("Two dogs run".to_owned()),
        extended_description: Some("Two brown dogs run along a beach.".to_owned()),
        caption: Some("Rex and Bella at the fair".to_owned()),
        credit: Some("Ada".to_owned()),
        copyright: Some("© Ada 2026".to_owned()),
        keywords: vec!["dogs".to_owned(), "été".to_owned()],
    };
    let picture = testing::picture(1, 64, 48);
    for (name, photo) in [
        ("photo.jpg", testing::photo(1, 64, 48)),
        (
            "photo.png",
            testing::encoded(platform::Format::Png, &picture, None, None),
        ),
        (
            "photo.webp",
            testing::encoded(platform::Format::WebP, &picture, None, None),
        ),
    ] {
        let Some(read) = written_by_exiftool(&arguments, &photo, name) else {
            return;
        };
        assert_eq!(read, expected, "{name}");
    }
}

#[test]
fn iptc_iim_as_digikam_and_older_programs_write_it_is_read() {
    let arguments = [
        "-codedcharacterset=utf8",
        "-IPTC:Caption-Abstract=Fête d'été",
        "-IPTC:Keywords=fair",
        "-IPTC:Keywords=Zoë",
        "-IPTC:Credit=Ada",
        "-IPTC:CopyrightNotice=© Ada",
    ];
    let photo = testing::photo(1, 64, 48);
    let Some(read) = written_by_exiftool(&arguments, &photo, "photo.jpg") else {
        return;
    };
    assert_eq!(read.caption.as_deref(), Some("Fête d'été"));
    assert_eq!(read.keywords, ["fair", "Zoë"]);
    assert_eq!(read.credit.as_deref(), Some("Ada"));
    assert_eq!(read.copyright.as_deref(), Some("© Ada"));
    assert_eq!(read.alt_text, None);

    let latin = [
        "-codedcharacterset=",
        "-charset",
        "iptc=Latin1",
        "-IPTC:Caption-Abstract=Fête",
    ];
    let read = written_by_exiftool(&latin, &photo, "photo.jpg").unwrap();
    assert_eq!(read.caption.as_deref(), Some("Fête"));
}

#[test]
fn a_photo_without_words_has_none() {
    assert_eq!(embedded(&testing::photo(1, 64, 48)), None);
    assert_eq!(embedded(b""), None);
}

#[test]
fn a_document_type_in_xmp_is_refused() {
    let bomb = "<!DOCTYPE x [<!ENTITY a \"aaaa\">]>";
    let rdf = "xmlns:rdf='http://www.w3.org/1999/02/22-rdf-syntax-ns#'";
    let file = format!(
        "{bomb}<x:xmpmeta xmlns:x='adobe:ns:meta/'>{bomb}<rdf:RDF {rdf}>&a;</rdf:RDF></x:xmpmeta>"
    );
    assert_eq!(embedded(file.as_bytes()), None);
}

#[test]
fn many_unclosed_packets_and_deep_nesting_are_refused_in_bounded_time() {
    let begun = std::time::Instant::now();
    let file = b"<x:xmpmeta>".repeat(1 << 20);
    assert_eq!(embedded(&file), None);
    let nested = format!("<x:xmpmeta>{}</x:xmpmeta>", "<a>".repeat(100_000));
    assert_eq!(embedded(nested.as_bytes()), None);
    assert!(begun.elapsed().as_secs() < 20);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn any_words_come_back_as_one_tidy_line(alt in any::<String>(), extended in any::<String>(), language in "[a-z]{2}") {
        let words = Words {
            texts: vec![text(&language, &alt, Some(&extended))],
            rights: Rights { credit: Some(extended.clone()), licence: Some(alt.clone()) },
        };
        let copy = with_words(&testing::photo(1, 16, 16), &words);
        let read = embedded(&copy).unwrap_or_default();
        let legal = |text: &str| text.replace(['\u{fffe}', '\u{ffff}'], "");
        prop_assert_eq!(read.alt_text, tidy(&legal(&alt), EmbeddedWords::TEXT));
        prop_assert_eq!(read.extended_description, tidy(&legal(&extended), EmbeddedWords::TEXT));
    }

    #[test]
    fn any_bytes_are_read_and_written_without_a_panic(
        bytes in any::<Vec<u8>>(),
        pieces in prop::collection::vec(prop::sample::select(vec![
            b"\xFF\xD8".as_slice(), b"\xFF\xE1\0\x02", b"\xFF\xE1\0\0", b"\xFF\xED\0\x20Photoshop 3.0\0", b"8BIM\x04\x04\0\0",
            b"\0\0\0\x05", b"\xFF\xFF\xFF\xFF", b"\x1C\x02\x78\0\x02", b"\x1C\x02\x78\x80\x04", b"\xFF\xDA\0\x02", b"<x:xmpmeta>", b"</x:xmpmeta>",
        ]), 0..12),
    ) {
        for file in [bytes, pieces.concat()] {
            let _ = embedded(&file);
            let _ = with_words(&file, &words());
        }
    }
}
