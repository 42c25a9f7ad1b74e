//! The file with a line about each request, separated by tabs. Trace ids lead to the lines that the
//! server wrote.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;

use super::answer::{Answer, Failure};

pub(super) struct RequestLog<W: Write = BufWriter<File>>(W);

impl RequestLog {
    pub(super) fn create(path: &Path) -> io::Result<Self> {
        Self::new(BufWriter::new(File::create(path)?))
    }
}

impl<W: Write> RequestLog<W> {
    fn new(mut out: W) -> io::Result<Self> {
        writeln!(out, "trace_id\tstatus\tlatency_ms\tinstance")?;
        Ok(Self(out))
    }

    pub(super) fn write(&mut self, answer: &Answer) -> io::Result<()> {
        let status = match (answer.status, answer.failure) {
            // An answer that broke off is no success, whatever its status says.
            (_, Some(failure @ (Failure::Broken | Failure::Timeout))) => failure.name().to_owned(),
            (Some(status), _) => status.to_string(),
            (None, failure) => failure.map_or("none", Failure::name).to_owned(),
        };
        let instance = answer.instance.as_deref().unwrap_or("-");
        // The name comes from the other side.
        let instance = instance.replace(char::is_control, " ");
        writeln!(
            self.0,
            "{}\t{status}\t{:.3}\t{instance}",
            answer.trace_id,
            answer.latency.as_secs_f64() * 1000.0
        )
    }

    pub(super) fn finish(mut self) -> io::Result<()> {
        self.0.flush()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn each_request_is_one_line() {
        let mut log = RequestLog::new(Vec::new()).unwrap();
        let answer = |status, failure, instance: Option<&str>| Answer {
            trace_id: "cafe".to_owned(),
            status,
            failure,
            latency: Duration::from_micros(1500),
            bytes: 0,
            instance: instance.map(str::to_owned),
        };
        for answer in [
            answer(Some(200), None, Some("web\t1\n")),
            answer(Some(503), Some(Failure::ServerError), None),
            answer(Some(200), Some(Failure::Broken), None),
            answer(None, Some(Failure::Connect), None),
        ] {
            log.write(&answer).unwrap();
        }
        assert_eq!(
            String::from_utf8(log.0).unwrap(),
            "trace_id\tstatus\tlatency_ms\tinstance\n\
             cafe\t200\t1.500\tweb 1 \n\
             cafe\t503\t1.500\t-\n\
             cafe\tbroken\t1.500\t-\n\
             cafe\tconnect\t1.500\t-\n"
        );
    }
}
