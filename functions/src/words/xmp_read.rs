//! The XMP of an uploaded file of any format. A packet is made to be found by scanning (XMP
//! specification part 1, section 7.3.2): it stands in one piece, as text, in every format we take.

use entity::embedded::EmbeddedWords;
use memchr::memmem;
use roxmltree::{Document, Node, ParsingOptions};

use super::tidy;

const BEGIN: &[u8] = b"<x:xmpmeta";
const END: &[u8] = b"</x:xmpmeta>";

/// A longer packet is not read, in bytes. Those of editors with a history have some 100 kB.
const MAX_PACKET: usize = 512 << 10;
/// XML nodes of a packet that are read.
const MAX_NODES: u32 = 20_000;

const RDF: &str = "http://www.w3.org/1999/02/22-rdf-syntax-ns#";
const XML: &str = "http://www.w3.org/XML/1998/namespace";
const IPTC: &str = "http://iptc.org/std/Iptc4xmpCore/1.0/xmlns/";
const DC: &str = "http://purl.org/dc/elements/1.1/";
const PHOTOSHOP: &str = "http://ns.adobe.com/photoshop/1.0/";

/// The words of the first packet.
pub(super) fn read(bytes: &[u8]) -> Option<EmbeddedWords> {
    let start = memmem::find(bytes, BEGIN)?;
    let within = &bytes[start..bytes.len().min(start + MAX_PACKET)];
    let end = memmem::find(within, END)? + END.len();
    let text = std::str::from_utf8(&within[..end]).ok()?;
    // A document type, which can make a small file large, is refused by default.
    let options = ParsingOptions {
        nodes_limit: MAX_NODES,
        ..ParsingOptions::default()
    };
    let document = Document::parse_with_options(text, options).ok()?;
    let mut words = EmbeddedWords::default();
    let descriptions = document
        .descendants()
        .filter(|node| node.has_tag_name((RDF, "Description")));
    for description in descriptions {
        let text =
            |namespace, name| tidy(&value(description, namespace, name)?, EmbeddedWords::TEXT);
        let set = |field: &mut Option<String>, namespace, name| {
            if field.is_none() {
                *field = text(namespace, name);
            }
        };
        set(&mut words.alt_text, IPTC, "AltTextAccessibility");
        set(
            &mut words.extended_description,
            IPTC,
            "ExtDescrAccessibility",
        );
        set(&mut words.caption, DC, "description");
        set(&mut words.credit, PHOTOSHOP, "Credit");
        set(&mut words.copyright, DC, "rights");
        if words.keywords.is_empty() {
            words.keywords = keywords(description);
        }
    }
    Some(words)
}

/// A property as an attribute, as a text, or the default among texts in several languages.
fn value(description: Node<'_, '_>, namespace: &str, name: &str) -> Option<String> {
    if let Some(text) = description.attribute((namespace, name)) {
        return Some(text.to_owned());
    }
    let property = child(description, namespace, name)?;
    let items: Vec<_> = items(property).collect();
    if items.is_empty() {
        return property.text().map(str::to_owned);
    }
    let is_default = |item: &&Node<'_, '_>| item.attribute((XML, "lang")) == Some("x-default");
    let item = items.iter().find(is_default).or(items.first())?;
    item.text().map(str::to_owned)
}

fn keywords(description: Node<'_, '_>) -> Vec<String> {
    let Some(subject) = child(description, DC, "subject") else {
        return Vec::new();
    };
    items(subject)
        .filter_map(|item| tidy(item.text()?, EmbeddedWords::KEYWORD))
        .take(EmbeddedWords::MAX_KEYWORDS)
        .collect()
}

fn child<'a, 'i>(node: Node<'a, 'i>, namespace: &str, name: &str) -> Option<Node<'a, 'i>> {
    node.children()
        .find(|child| child.has_tag_name((namespace, name)))
}

/// The items of an array of whatever kind.
fn items<'a, 'i>(property: Node<'a, 'i>) -> impl Iterator<Item = Node<'a, 'i>> {
    property
        .children()
        .filter(|array| array.tag_name().namespace() == Some(RDF))
        .flat_map(|array| array.children())
        .filter(|item| item.has_tag_name((RDF, "li")))
}
