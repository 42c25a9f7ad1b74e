//! An error with its causes in one line. Many errors include the text of their cause, which is
//! not repeated.

use std::error::Error;

pub(crate) fn error_chain(error: &(dyn Error + 'static)) -> String {
    let mut line = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let text = cause.to_string();
        if !line.ends_with(&text) {
            line = format!("{line}: {text}");
        }
        source = cause.source();
    }
    line
}

#[cfg(test)]
mod tests {
    use super::error_chain;

    #[test]
    fn a_cause_that_the_error_includes_is_not_repeated() {
        let cause = std::io::Error::other("no space left");
        let error = anyhow::Error::new(cause)
            .context("writing")
            .context("storing");
        assert_eq!(
            error_chain(error.as_ref()),
            "storing: writing: no space left"
        );
        let repeated = anyhow::anyhow!("no space left").context("storing: no space left");
        assert_eq!(error_chain(repeated.as_ref()), "storing: no space left");
    }
}
