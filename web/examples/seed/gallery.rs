//! What is in the gallery: which pictures, what people wrote about them, and what went wrong.

use entity::step::StepState;

use crate::scenes::{
    Scene, balloons, beach, field, forest, fruit, group, hills, houses, lake, night, portrait,
    skyline,
};

/// A picture of the gallery.
pub(crate) struct Photo {
    pub(crate) file_name: &'static str,
    pub(crate) scene: Scene,
    pub(crate) seed: u64,
    /// Width and height.
    pub(crate) size: (usize, usize),
    pub(crate) camera: Option<&'static str>,
    pub(crate) caption: Caption,
}

/// Where a picture's caption comes from.
pub(crate) enum Caption {
    /// A person: name, words, tags.
    Written(&'static str, &'static str, &'static [&'static str]),
    /// The captioner of the settings.
    Machine,
    /// There is none, because the step ended in this state, with this reason.
    Missing(StepState, &'static str),
}

const WIDE: (usize, usize) = (1280, 853);
const PANORAMA: (usize, usize) = (1440, 720);
const TALL: (usize, usize) = (853, 1280);
const SQUARE: (usize, usize) = (1024, 1024);

const fn photo(
    file_name: &'static str,
    (scene, seed): (Scene, u64),
    size: (usize, usize),
    camera: Option<&'static str>,
    caption: Caption,
) -> Photo {
    Photo {
        file_name,
        scene,
        seed,
        size,
        camera,
        caption,
    }
}

const COMPACT: Option<&str> = Some("Fujifilm X100V");
const MIRRORLESS: Option<&str> = Some("Sony ILCE-7M4");
const PHONE: Option<&str> = Some("Google Pixel 8");

/// Every picture, oldest first.
pub(crate) fn photos() -> Vec<Photo> {
    use Caption::{Machine, Missing, Written};
    vec![
        photo(
            "DSC_0012.jpg",
            (hills as Scene, 0),
            WIDE,
            MIRRORLESS,
            Written(
                "Ada",
                "The sun rises behind six rows of hills in the morning haze",
                &["landscape", "hills", "sunrise"],
            ),
        ),
        photo(
            "staff-2026.jpg",
            (group, 0),
            WIDE,
            COMPACT,
            Written(
                "Grace",
                "Three colleagues in front of a bright wall, smiling at the camera",
                &["people", "staff"],
            ),
        ),
        photo(
            "IMG_2041.jpg",
            (skyline, 3),
            PANORAMA,
            PHONE,
            Written(
                "Ada",
                "The harbour after sunset, with the lights of the town in the water",
                &["town", "night", "water"],
            ),
        ),
        photo(
            "IMG_2044.jpg",
            (houses, 1),
            WIDE,
            PHONE,
            Written(
                "Ada",
                "A row of narrow houses with pointed roofs along the canal",
                &["town", "canal", "houses"],
            ),
        ),
        photo("IMG_2057.jpg", (forest, 4), TALL, PHONE, Machine),
        photo(
            "balloons-1.jpg",
            (balloons, 0),
            WIDE,
            MIRRORLESS,
            Written(
                "Linus",
                "Five hot-air balloons over the valley at the balloon festival",
                &["festival", "balloons", "sky"],
            ),
        ),
        photo(
            "balloons-2.jpg",
            (balloons, 2),
            SQUARE,
            MIRRORLESS,
            Written(
                "Linus",
                "Balloons with striped envelopes drift past in the morning",
                &["festival", "balloons", "sky"],
            ),
        ),
        photo(
            "portrait-reader.jpg",
            (portrait, 1),
            TALL,
            COMPACT,
            Missing(
                StepState::Blocked,
                "the provider refused the picture: its safety filter stopped the answer",
            ),
        ),
        photo(
            "DSC_0103.jpg",
            (lake, 1),
            WIDE,
            MIRRORLESS,
            Written(
                "Ada",
                "Snowy peaks at dusk, mirrored in a still lake",
                &["landscape", "mountains", "lake"],
            ),
        ),
        photo(
            "DSC_0107.jpg",
            (lake, 2),
            PANORAMA,
            MIRRORLESS,
            Written(
                "Ada",
                "A mountain lake at noon, with a dark belt of spruces on its shore",
                &["landscape", "mountains", "lake"],
            ),
        ),
        photo(
            "class-4b.jpg",
            (group, 2),
            WIDE,
            COMPACT,
            Written(
                "Grace",
                "Five people of class 4b line up for the yearbook",
                &["people", "school"],
            ),
        ),
        photo(
            "holiday-001.jpg",
            (beach, 0),
            WIDE,
            PHONE,
            Written(
                "Linus",
                "Two parasols on an empty beach, and a calm turquoise sea",
                &["beach", "sea", "summer"],
            ),
        ),
        photo(
            "holiday-002.jpg",
            (night, 1),
            WIDE,
            PHONE,
            Written(
                "Linus",
                "The full moon over the dunes",
                &["night", "desert", "moon"],
            ),
        ),
        photo("still-life.jpg", (fruit, 5), SQUARE, COMPACT, Machine),
        photo(
            "scan-0031.jpg",
            (hills, 3),
            PANORAMA,
            None,
            Missing(
                StepState::Failed,
                "the provider did not answer within 50 seconds",
            ),
        ),
        photo(
            "tulips.jpg",
            (field, 1),
            WIDE,
            MIRRORLESS,
            Written(
                "Grace",
                "Rows of tulips in red, yellow, pink and white run to the horizon",
                &["flowers", "field", "spring"],
            ),
        ),
        photo(
            "lavender.jpg",
            (field, 0),
            PANORAMA,
            MIRRORLESS,
            Written(
                "Grace",
                "A field of lavender under a blue sky with a few clouds",
                &["flowers", "field", "summer"],
            ),
        ),
        photo(
            "portrait-baker.jpg",
            (portrait, 5),
            SQUARE,
            COMPACT,
            Written(
                "Grace",
                "The baker of the village shop, in front of a blurred background",
                &["people", "portrait"],
            ),
        ),
        photo("IMG_2102.jpg", (hills, 1), TALL, PHONE, Machine),
        photo(
            "volunteers.jpg",
            (group, 4),
            WIDE,
            PHONE,
            Written(
                "Linus",
                "Four volunteers before the clean-up of the river bank",
                &["people", "volunteers"],
            ),
        ),
        photo(
            "IMG_2110.jpg",
            (houses, 6),
            PANORAMA,
            PHONE,
            Written(
                "Ada",
                "Coloured house fronts, and their reflection in the canal",
                &["town", "canal", "houses"],
            ),
        ),
        photo(
            "market.jpg",
            (fruit, 9),
            WIDE,
            PHONE,
            Written(
                "Grace",
                "Apples and plums on a wooden table",
                &["food", "fruit"],
            ),
        ),
        photo(
            "DSC_0140.jpg",
            (forest, 9),
            WIDE,
            MIRRORLESS,
            Written(
                "Ada",
                "Spruces fade into the fog, one row after the other",
                &["forest", "fog"],
            ),
        ),
        photo(
            "DSC_0151.jpg",
            (hills, 2),
            WIDE,
            MIRRORLESS,
            Written(
                "Linus",
                "Purple ridges under an orange evening sky",
                &["landscape", "hills", "sunset"],
            ),
        ),
    ]
}

/// Messages, oldest first: author and words.
pub(crate) const MESSAGES: [(&str, &str); 6] = [
    (
        "Ada",
        "The pictures of the balloon festival are in. There are more on Linus's camera.",
    ),
    ("Linus", "Added two. The others were out of focus."),
    (
        "Grace",
        "The class photo is up as well. Please check that nobody is missing before we print it.",
    ),
    (
        "Margaret",
        "What lovely tulips! May we use the picture for the poster of the spring market?",
    ),
    (
        "Grace",
        "Of course, Margaret. Take the anonymised copy, it is the same without people in it.",
    ),
    (
        "Ada",
        "One scan has no description yet:\nthe provider was slow. I will try it again tomorrow.",
    ),
];
