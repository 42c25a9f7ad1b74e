//! Seeds: a few well-formed inputs of each target, made by the makers of the tests.

use std::path::Path;

use functions::picture::Orientation;
use functions::testing;
use platform::Format;

use crate::target::Target;

/// Writes the seeds of a target into a folder.
pub(crate) fn write(target: Target, folder: &Path) {
    std::fs::create_dir_all(folder).expect("the folder for seeds can be made");
    for (number, seed) in seeds(target).into_iter().enumerate() {
        let file = folder.join(format!("seed-{number}"));
        std::fs::write(file, seed).expect("a seed can be written");
    }
}

fn seeds(target: Target) -> Vec<Vec<u8>> {
    match target {
        Target::Inspect => FORMATS.into_iter().flat_map(pictures).collect(),
        Target::Decode(format) => pictures(format),
        Target::Form => forms(),
        Target::Events => files_below("../platform/tests/events/fixtures"),
        Target::Captions => files_below("../functions/tests/captions/recorded")
            .into_iter()
            .map(|reply| [&[0], &reply[..]].concat())
            .collect(),
        Target::Cursor => vec![
            b"AAZEfC4UnABweIjljPpKtJfDVgxu5VjH".to_vec(),
            b"AAAAMkLEBHdY_0W0pVxXFDFNTVdHojeDxP9IyqAzxDlsCM5KkfPlt86yScijowJj8cNalg".to_vec(),
        ],
    }
}

const FORMATS: [Format; 6] = [
    Format::Jpeg,
    Format::Png,
    Format::Gif,
    Format::WebP,
    Format::Heic,
    Format::Avif,
];

fn pictures(format: Format) -> Vec<Vec<u8>> {
    let small = testing::picture(1, 33, 17);
    let mut files = vec![
        testing::encoded(format, &small, None, None),
        testing::claiming(format, 40, 30),
    ];
    if format != Format::Gif {
        files.push(testing::with_orientation(format, Orientation::ALL[5]));
    }
    match format {
        Format::Jpeg => files.extend([
            testing::grey_jpeg(90, 20, 20),
            testing::cmyk_jpeg([10, 20, 30, 40], 20, 20),
            testing::with_segment(&testing::jpeg(&small), 0xFE, b"a comment"),
        ]),
        Format::Png => files.extend([
            testing::palette_png(),
            testing::deep_png(&[1000, 20_000, 60_000], 9, 5),
            testing::translucent(format, [200, 100, 50, 128], 8, 8),
        ]),
        Format::WebP => files.push(testing::translucent(format, [200, 100, 50, 128], 8, 8)),
        Format::Gif => files.push(testing::animated_gif(16, 16)),
        Format::Heic | Format::Avif => {}
    }
    files
}

fn forms() -> Vec<Vec<u8>> {
    let part = |disposition: &str, content: &str| {
        format!("--x\r\nContent-Disposition: form-data; {disposition}\r\n\r\n{content}\r\n")
    };
    let plain = part("name=\"file\"; filename=\"a.jpg\"", "photo");
    let encoded = part("name=\"file\"; filename*=UTF-8''%c3%a4.jpg", "photo");
    let word = part("name=\"file\"; filename=\"=?utf-8?Q?a=C3=A4?=\"", "photo");
    let field = part("name=\"album\"", "Summer");
    [plain.clone(), encoded, word, field + &plain]
        .map(|parts| format!("\u{4}{parts}--x--\r\n").into_bytes())
        .into()
}

/// The contents of all files below a folder, named from this crate's.
fn files_below(folder: &str) -> Vec<Vec<u8>> {
    let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join(folder)];
    let mut contents = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).expect("the folder is there") {
            let path = entry.expect("it can be listed").path();
            if path.is_dir() {
                folders.push(path);
            } else {
                contents.push(std::fs::read(path).expect("a file can be read"));
            }
        }
    }
    contents.sort();
    contents
}
