use serde_json::json;

use super::reader::is_blank;
use super::*;

fn read(text: &str) -> Vec<(Value, Extent)> {
    for quotes in [Quotes::Escaped, Quotes::Unescaped] {
        let work = Work::on(text.len());
        let mut all = Vec::new();
        each_object(text, quotes, &work, |value, extent| {
            all.push((value, extent));
            ControlFlow::Continue(())
        });
        if !all.is_empty() {
            return all;
        }
    }
    Vec::new()
}

#[track_caller]
fn assert_reads(text: &str, expected: Value) {
    assert_eq!(read(text), [(expected, Extent::Whole)], "{text}");
}

#[test]
fn valid_json_is_read_as_serde_json_reads_it() {
    let text =
        r#"{"a": "x\n\"\u00e9\ud83d\udc15\/", "b": [1, -2.5, true, null, {}], "c": {"d": []}}"#;
    assert_reads(text, serde_json::from_str(text).unwrap());
}

#[test]
fn other_spellings_of_json_are_read() {
    let expected = json!({"a": "b", "c": ["d", null, true]});
    for text in [
        "{'a': 'b', 'c': ['d', None, True]}",
        "{a: 'b', c: ['d', null, true,],}",
        "{“a”: “b”, “c”: [“d”, null, true]}",
        "{\"a\": \"b\" // why\n, /* and */ \"c\": [\"d\", null, true] # done\n}",
        "{\"a\": \"b\"\n\"c\": [\"d\", null, true]}",
        "{\"a\"：\"b\"，\"c\"：[\"d\", null, true]}",
        "{\"a\" => \"b\", \"c\" => (\"d\", null, true)}",
        "{\"a\": \"b\", \"c\": [\"d\", null, true}",
        "{\"a\": \"b\", \"c\": [\"d\", null, true]]}",
        "{{\"a\": \"b\", \"c\": [\"d\", null, true, ...]}}",
        "{\"a\": \"b\", \"c\": [\"d\", null, true], \"a\": \"\"}",
    ] {
        assert_reads(text, expected.clone());
    }
}

#[test]
fn quotes_within_a_string_need_no_backslash() {
    assert_reads(
        r#"{"a": "A sign says "Stop", and "Go".", "b": ["the "red" one"]}"#,
        json!({"a": "A sign says \"Stop\", and \"Go\".", "b": ["the \"red\" one"]}),
    );
    assert_reads(
        "{'a': 'The dog's ball', 'b': 1}",
        json!({"a": "The dog's ball", "b": 1}),
    );
}

#[test]
fn a_missing_end_is_noticed() {
    let extent = |text| read(text).remove(0).1;
    assert_eq!(extent(r#"{"a": "b"}"#), Extent::Whole);
    assert_eq!(extent(r#"{"a": "b""#), Extent::Unclosed);
    assert_eq!(extent(r#"{"a": ["b"#), Extent::Cut);
    assert_eq!(extent(r#"{"a": ["b""#), Extent::Unclosed);
    assert_eq!(extent(r#"{"a": "b", "c"#), Extent::Cut);
    assert_eq!(extent(r#"{"a": "b", "c":"#), Extent::Cut);
    assert_eq!(extent(r#"{"a": "b", "c": 1"#), Extent::Cut);
    let cut = read(r#"{"a": "b", "c": "d"#).remove(0).0;
    assert_eq!(cut, json!({"a": "b"}), "a value that is cut is left out");
}

#[test]
fn what_is_no_object_is_not_read() {
    for text in ["", "{", "{{{{", "{dog}", "{\"a\"}", "{1 2}", "[1]", "\"a\""] {
        let all = read(text);
        assert!(
            all.iter().all(|(value, _)| is_blank(value)),
            "{text} {all:?}"
        );
    }
}
