//! Text in pictures: read by the real Tesseract, and by programs that misbehave in its place.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use functions::picture::Upright;
use functions::steps::annotate::{
    CaptionPicture, Captioner as _, Describer, JpegUse, Subject, TextReader,
};
use functions::testing;
use tempfile::TempDir;

use crate::subject;

fn subject_of(picture: &Upright) -> Subject {
    Subject {
        picture: CaptionPicture::of(picture, JpegUse::Reading).unwrap(),
        language: "en".to_owned(),
        more_languages: vec!["de".to_owned()],
        ..subject()
    }
}

/// What is said of a picture in English and in German.
async fn described(describer: &Describer, picture: &Upright) -> [String; 2] {
    let caption = describer.caption(&subject_of(picture)).await.unwrap();
    let [german] = &caption.translations[..] else {
        panic!("{:?}", caption.translations);
    };
    [caption.text, german.text.clone()]
}

const WITHOUT_TEXT: &str = "Landscape-format photo, mostly white.";

fn tesseract() -> Describer {
    let reader = TextReader::on_this_machine();
    Describer::with_text(reader.expect("Tesseract is installed by `make setup-test`"))
}

/// A program that is run in place of Tesseract.
struct Program {
    _folder: TempDir,
    path: PathBuf,
}

impl Program {
    /// A script that knows English, and does this with a picture.
    fn new(does: &str) -> Self {
        Self::speaking("eng", does)
    }

    fn speaking(language: &str, does: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("tesseract");
        let script = format!(
            "#!/bin/sh\nif [ \"$1\" = --list-langs ]; then echo {language}; exit; fi\ncd {:?}\n{does}\n",
            folder.path()
        );
        // Written by another process: a file that this one has open cannot be started, and what a
        // test beside it starts may have it open for a moment.
        let written = Command::new("sh")
            .args(["-c", "printf %s \"$1\" > \"$0\" && chmod +x \"$0\""])
            .args([path.as_os_str(), script.as_ref()])
            .status();
        assert!(written.unwrap().success());
        Self {
            _folder: folder,
            path,
        }
    }

    fn describer(&self) -> Describer {
        Describer::with_text(TextReader::of_program(self.path.clone()))
    }

    fn file(&self, name: &str) -> String {
        std::fs::read_to_string(self.path.with_file_name(name)).unwrap()
    }
}

#[tokio::test]
async fn a_sign_is_read_aloud_in_both_languages() {
    let [english, german] = described(&tesseract(), &testing::sign("SUMMER 2026", 8)).await;
    assert_eq!(
        english,
        "Landscape-format photo, mostly white, with the text “SUMMER 2026”."
    );
    assert_eq!(
        german,
        "Foto im Querformat, vor allem weiß, mit dem Text „SUMMER 2026“."
    );
}

#[tokio::test]
async fn small_print_is_not_read_aloud() {
    // 7 dots of 3 pixels are 2.6 per cent of 800 pixels, those of 5 are 4.4.
    let small = described(&tesseract(), &testing::sign("KUCHEN", 3)).await;
    assert_eq!(small[0], WITHOUT_TEXT);
    let large = described(&tesseract(), &testing::sign("KUCHEN", 5)).await;
    assert!(
        large[0].ends_with("with the text “KUCHEN”."),
        "{}",
        large[0]
    );
}

#[tokio::test]
async fn a_picture_without_text_has_none() {
    let [english, german] = described(&tesseract(), &testing::picture(3, 1200, 800)).await;
    assert!(
        !english.contains("text") && !german.contains("Text"),
        "{english} {german}"
    );
}

#[tokio::test]
async fn photos_without_signs_have_no_text() {
    let Some(photos) = testing::real_photos() else {
        return;
    };
    let limits = functions::picture::Limits::megapixels(100);
    let describer = tesseract();
    for folder in ["people", "places"] {
        for (name, file) in testing::files_in(photos.join(folder)) {
            let photo = functions::picture::decode_fitting(&file, &limits, 1536).unwrap();
            let [english, _] = described(&describer, &photo).await;
            assert!(!english.contains("text"), "{name}: {english}");
        }
    }
}

#[tokio::test]
async fn a_reader_that_is_missing_changes_nothing() {
    let missing = Path::new("/nonexistent/tesseract").to_owned();
    let reader = TextReader::of_program(missing);
    assert!(
        reader
            .check()
            .await
            .unwrap_err()
            .contains("cannot be started")
    );
    let describer = Describer::with_text(reader);
    let sign = testing::sign("KUCHEN", 8);
    for _ in 0..2 {
        assert_eq!(described(&describer, &sign).await[0], WITHOUT_TEXT);
    }
    assert_eq!(
        described(&Describer::default(), &sign).await[0],
        WITHOUT_TEXT
    );
}

#[tokio::test]
async fn a_reader_without_languages_changes_nothing() {
    let program = Program::speaking("fra", "exit 1");
    let reader = TextReader::of_program(program.path.clone());
    assert!(
        reader
            .check()
            .await
            .unwrap_err()
            .contains("tesseract-ocr-deu")
    );
    let describer = program.describer();
    let sign = testing::sign("KUCHEN", 8);
    assert_eq!(described(&describer, &sign).await[0], WITHOUT_TEXT);
}

#[tokio::test]
async fn a_reader_that_hangs_is_killed_with_what_it_started() {
    let program = Program::new("sleep 600 & echo $! > child; echo $$ > leader; wait");
    let begun = Instant::now();
    let [english, _] = described(&program.describer(), &testing::sign("KUCHEN", 8)).await;
    let took = begun.elapsed();
    assert_eq!(english, WITHOUT_TEXT);
    assert!(took >= Duration::from_secs(10), "{took:?}");
    assert!(took < Duration::from_secs(20), "{took:?}");
    for process in ["child", "leader"] {
        is_gone(program.file(process).trim()).await;
    }
}

#[tokio::test]
async fn a_reader_is_killed_when_its_caption_is_given_up() {
    let program = Program::new("sleep 600 & echo $! > child; echo $$ > leader; wait");
    let (describer, subject) = (program.describer(), subject_of(&testing::sign("KUCHEN", 8)));
    let caption = describer.caption(&subject);
    let has_begun = async {
        while !std::fs::exists(program.path.with_file_name("leader")).unwrap() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::select! {
        caption = caption => panic!("{caption:?}"),
        () = has_begun => {}
    }
    // The select has dropped the caption.
    for process in ["child", "leader"] {
        is_gone(program.file(process).trim()).await;
    }
}

async fn is_gone(process: &str) {
    let status = format!("/proc/{process}/stat");
    let is_alive = || {
        // What nobody waits for any more is a zombie until init does.
        std::fs::read_to_string(&status).is_ok_and(|stat| !stat.contains(") Z "))
    };
    for _ in 0..500 {
        if !is_alive() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("process {process} is still there");
}

#[tokio::test]
async fn a_reader_that_prints_without_end_is_stopped() {
    let program = Program::new("head -c 100000000 /dev/zero && touch printed_all");
    let begun = Instant::now();
    let [english, _] = described(&program.describer(), &testing::sign("KUCHEN", 8)).await;
    assert_eq!(english, WITHOUT_TEXT);
    assert!(begun.elapsed() < Duration::from_secs(10));
    let printed_all = program.path.with_file_name("printed_all");
    assert!(!printed_all.exists());
}

#[tokio::test]
async fn a_reader_that_does_not_take_the_picture_or_fails_changes_nothing() {
    for does in [
        "exit 0",
        "exit 1",
        "kill -9 $$",
        "cat > /dev/null; printf '\\377\\t5'",
    ] {
        let program = Program::new(does);
        let [english, _] = described(&program.describer(), &testing::sign("KUCHEN", 8)).await;
        assert_eq!(english, WITHOUT_TEXT, "{does}");
    }
}

#[tokio::test]
async fn a_reader_gets_the_covered_jpeg_and_no_environment() {
    let program = Program::new(
        "cat > jpeg; env > environment; printf '%s ' \"$@\" >> arguments\n\
         printf '5\\t1\\t1\\t1\\t1\\t1\\t0\\t0\\t99\\t40\\t96\\tFest\\n'",
    );
    let subject = subject_of(&testing::sign("KUCHEN", 8));
    let caption = program.describer().caption(&subject).await.unwrap();

    assert!(
        caption.text.ends_with(", with the text “Fest”."),
        "{}",
        caption.text
    );
    let jpeg = std::fs::read(program.path.with_file_name("jpeg")).unwrap();
    assert!(jpeg == subject.picture.jpeg);
    let environment = program.file("environment");
    let own: Vec<&str> = environment
        .lines()
        // The shell's own.
        .filter(|line| {
            !["PWD=", "OLDPWD=", "SHLVL=", "_="]
                .iter()
                .any(|own| line.starts_with(own))
        })
        .collect();
    assert_eq!(own, ["OMP_THREAD_LIMIT=1"]);
    let arguments = program.file("arguments");
    assert!(
        arguments.starts_with("stdin stdout --psm 3 -l eng "),
        "{arguments}"
    );
    assert!(
        arguments.contains("stdin stdout --psm 11 -l eng "),
        "{arguments}"
    );
}

#[tokio::test]
async fn hostile_text_is_left_out() {
    let row =
        |text: &str| format!("printf '5\\t1\\t1\\t1\\t1\\t1\\t0\\t0\\t99\\t40\\t96\\t{text}\\n'");
    for text in ["\\342\\200\\256Fest", "\\033Fest", "<Fest>"] {
        let program = Program::new(&format!("cat > /dev/null; {}", row(text)));
        let [english, _] = described(&program.describer(), &testing::sign("KUCHEN", 8)).await;
        assert!(english.ends_with(", with the text “Fest”."), "{english:?}");
    }
    for text in [
        "Fe<b>st",
        "Fe\\342\\200\\256st",
        "Fe\\033st",
        "a\\342\\200\\215b",
    ] {
        let program = Program::new(&format!("cat > /dev/null; {}", row(text)));
        let [english, _] = described(&program.describer(), &testing::sign("KUCHEN", 8)).await;
        assert_eq!(english, WITHOUT_TEXT, "{text}");
    }
}

#[tokio::test]
async fn a_sentence_with_much_text_stays_short() {
    let rows: String = (1..=9)
        .map(|n| format!("5\\t1\\t{n}\\t1\\t1\\t1\\t0\\t{n}00\\t99\\t40\\t96\\tGartenfest\\n"))
        .collect();
    let program = Program::new(&format!("cat > /dev/null; printf '{rows}'"));
    let mut subject = subject_of(&testing::sign("KUCHEN", 8));
    subject.is_blurred = true;
    subject.faces = 2;
    subject.picture.colours = ["orange", "purple", "yellow"].map(str::to_owned).to_vec();
    let sentence = program.describer().caption(&subject).await.unwrap();

    let text = "Gartenfest ".repeat(7);
    assert_eq!(
        sentence.text,
        format!(
            "Blurred landscape-format photo of two people, with the text “{}”.",
            text.trim_end()
        )
    );
    assert!(sentence.text.chars().count() <= 160);
}
