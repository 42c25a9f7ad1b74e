//! Errors with everything that led to them, in one line. Some errors say their cause themselves,
//! and nobody wants to read it twice.

use std::error::Error;

/// The error and its causes, each once.
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
    fn a_cause_that_an_error_says_itself_is_not_said_again() {
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
