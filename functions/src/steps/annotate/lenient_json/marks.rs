//! The characters that begin and end strings and keys, as models write them.

pub(super) fn is_quote(c: char) -> bool {
    matches!(
        c,
        '"' | '\'' | '`' | '“' | '”' | '„' | '‘' | '’' | '«' | '＂'
    )
}

pub(super) fn closes(open: char, c: char) -> bool {
    match open {
        '“' | '”' | '„' => matches!(c, '“' | '”'),
        '‘' | '’' => c == '’',
        '«' => c == '»',
        _ => c == open,
    }
}

pub(super) fn is_bare_key(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '_' | '-' | '$')
}

pub(super) fn begins_with_colon(text: &str) -> bool {
    text.trim_start_matches([' ', '\t'])
        .starts_with([':', '：', '='])
}
