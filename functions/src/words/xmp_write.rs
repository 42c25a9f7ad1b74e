//! The XMP of a public copy. Names are those of IPTC Photo Metadata 2025.1, as WordPress, exiftool
//! and search engines read them.

use super::{Text, Words};

/// Begins the XMP of a JPEG (XMP specification part 3, section 1.1.3).
pub(super) const XMP: &[u8] = b"http://ns.adobe.com/xap/1.0/\0";

/// What a JPEG segment holds besides its length and the name of XMP.
pub(super) const MAX_PACKET: usize = u16::MAX as usize - 2 - XMP.len();

/// The packet for these words. Descriptions that would make it too long for one segment are left
/// out, the last language first.
pub(super) fn packet(words: &Words) -> String {
    let mut texts = words.texts.clone();
    loop {
        let packet = written(&texts, words);
        if packet.len() <= MAX_PACKET {
            return packet;
        }
        if let Some(text) = texts.iter_mut().rev().find(|text| text.extended.is_some()) {
            text.extended = None;
        } else if texts.pop().is_none() {
            return written(&[], &Words::default());
        }
    }
}

fn written(texts: &[Text], words: &Words) -> String {
    let mut properties = String::new();
    let alts = texts
        .iter()
        .map(|text| (text.language.as_deref(), &*text.alt));
    properties += &alternatives("Iptc4xmpCore:AltTextAccessibility", alts.collect());
    let extended = texts
        .iter()
        .filter_map(|text| Some((text.language.as_deref(), text.extended.as_deref()?)));
    properties += &alternatives("Iptc4xmpCore:ExtDescrAccessibility", extended.collect());
    if let Some(credit) = &words.rights.credit {
        properties += &format!("<photoshop:Credit>{}</photoshop:Credit>", escaped(credit));
    }
    if let Some(licence) = &words.rights.licence {
        let is_address = licence.starts_with("https://") || licence.starts_with("http://");
        properties += &if is_address {
            format!(
                "<xmpRights:WebStatement>{}</xmpRights:WebStatement>",
                escaped(licence)
            )
        } else {
            alternatives("xmpRights:UsageTerms", vec![(None, licence)])
        };
    }
    format!(
        "<?xpacket begin=\"\u{feff}\" id=\"W5M0MpCehiHzreSzNTczkc9d\"?>\
         <x:xmpmeta xmlns:x=\"adobe:ns:meta/\">\
         <rdf:RDF xmlns:rdf=\"http://www.w3.org/1999/02/22-rdf-syntax-ns#\">\
         <rdf:Description rdf:about=\"\" \
         xmlns:Iptc4xmpCore=\"http://iptc.org/std/Iptc4xmpCore/1.0/xmlns/\" \
         xmlns:photoshop=\"http://ns.adobe.com/photoshop/1.0/\" \
         xmlns:xmpRights=\"http://ns.adobe.com/xap/1.0/rights/\">\
         {properties}</rdf:Description></rdf:RDF></x:xmpmeta><?xpacket end=\"r\"?>"
    )
}

/// A text in several languages. The first is also the default, which is the one that most programs
/// read.
fn alternatives(property: &str, texts: Vec<(Option<&str>, &str)>) -> String {
    let Some((_, first)) = texts.first() else {
        return String::new();
    };
    let mut items = item("x-default", first);
    for (language, text) in &texts {
        if let Some(language) = language {
            items += &item(language, text);
        }
    }
    format!("<{property}><rdf:Alt>{items}</rdf:Alt></{property}>")
}

fn item(language: &str, text: &str) -> String {
    format!(
        "<rdf:li xml:lang=\"{}\">{}</rdf:li>",
        escaped(language),
        escaped(text)
    )
}

/// Text for XML 1.0, without the characters that it has no way to write.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\u{fffe}' | '\u{ffff}' => {}
            c if c.is_control() => escaped.push(' '),
            c => escaped.push(c),
        }
    }
    escaped
}
