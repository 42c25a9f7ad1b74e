//! Rows in files: parts of a table, compressed, each with a header that names the columns, so that a
//! later version can read them without knowing today's tables.

use std::io::{BufRead as _, BufReader, Write as _};

use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use platform::objects::archive::Archive;
use sea_orm::{JsonValue, Value};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::BackupError;
use super::manifest::{Manifest, TableFiles, part_path, read};
use super::values::Kind;

/// Rows of a part, which is made in memory.
const PART: usize = 5000;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Column {
    pub(super) name: String,
    pub(super) kind: Kind,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Header {
    table: String,
    columns: Vec<Column>,
}

/// Writes a table.
pub(super) struct TableWriter<'a> {
    archive: &'a dyn Archive,
    snapshot: &'a str,
    header: Header,
    part: GzEncoder<Vec<u8>>,
    in_part: usize,
    files: TableFiles,
}

impl<'a> TableWriter<'a> {
    pub(super) fn new(
        archive: &'a dyn Archive,
        snapshot: &'a str,
        table: &str,
        columns: Vec<Column>,
    ) -> Result<Self, BackupError> {
        let header = Header {
            table: table.to_owned(),
            columns,
        };
        Ok(Self {
            archive,
            snapshot,
            part: begin(&header)?,
            header,
            in_part: 0,
            files: TableFiles::default(),
        })
    }

    pub(super) async fn push(&mut self, values: &[JsonValue]) -> Result<(), BackupError> {
        write_line(&mut self.part, values)?;
        self.in_part += 1;
        self.files.rows += 1;
        if self.in_part == PART {
            self.end_part().await?;
        }
        Ok(())
    }

    pub(super) async fn finish(mut self) -> Result<TableFiles, BackupError> {
        if self.in_part > 0 {
            self.end_part().await?;
        }
        Ok(self.files)
    }

    async fn end_part(&mut self) -> Result<(), BackupError> {
        let part = std::mem::replace(&mut self.part, begin(&self.header)?);
        let bytes = part.finish().map_err(packing)?;
        let number = self.files.parts.len() + 1;
        self.files.parts.push(hex::encode(Sha256::digest(&bytes)));
        let path = part_path(self.snapshot, &self.header.table, number);
        self.archive.put(&path, bytes.into()).await?;
        self.in_part = 0;
        Ok(())
    }
}

fn begin(header: &Header) -> Result<GzEncoder<Vec<u8>>, BackupError> {
    let mut part = GzEncoder::new(Vec::new(), Compression::fast());
    write_line(&mut part, header)?;
    Ok(part)
}

fn write_line(
    part: &mut GzEncoder<Vec<u8>>,
    line: &(impl Serialize + ?Sized),
) -> Result<(), BackupError> {
    serde_json::to_writer(&mut *part, line).map_err(|error| packing(error.into()))?;
    part.write_all(b"\n").map_err(packing)
}

fn packing(source: std::io::Error) -> BackupError {
    BackupError::Io {
        doing: "packing rows".to_owned(),
        source,
    }
}

/// A part that was read.
pub(super) struct Part {
    pub(super) columns: Vec<Column>,
    pub(super) rows: Vec<Vec<JsonValue>>,
}

impl Part {
    /// Reads a part and compares its SHA-256. Parts are counted from 1.
    pub(super) async fn read(
        archive: &dyn Archive,
        snapshot: &str,
        manifest: &Manifest,
        table: &str,
        number: usize,
    ) -> Result<Self, BackupError> {
        let sha256 = &manifest.tables[table].parts[number - 1];
        let path = part_path(snapshot, table, number);
        let bytes = read(archive, &path).await?;
        if hex::encode(Sha256::digest(&bytes)) != *sha256 {
            return Err(BackupError::Damaged(format!("{path} has another SHA-256")));
        }
        let damaged = |reason: String| BackupError::Damaged(format!("{path}: {reason}"));
        let mut lines = BufReader::new(GzDecoder::new(&*bytes)).lines();
        let header = lines.next().unwrap_or_else(|| Ok(String::new()));
        let header = header.map_err(|error| damaged(error.to_string()))?;
        let header: Header =
            serde_json::from_str(&header).map_err(|error| damaged(error.to_string()))?;
        if header.table != table {
            return Err(damaged(format!("it holds rows of {}", header.table)));
        }
        let mut rows = Vec::new();
        for line in lines {
            let line = line.map_err(|error| damaged(error.to_string()))?;
            let row: Vec<JsonValue> =
                serde_json::from_str(&line).map_err(|error| damaged(error.to_string()))?;
            if row.len() != header.columns.len() {
                return Err(damaged("a row has too few or too many values".to_owned()));
            }
            rows.push(row);
        }
        Ok(Self {
            columns: header.columns,
            rows,
        })
    }

    /// The place of a column.
    pub(super) fn place(&self, name: &str) -> Option<usize> {
        self.columns.iter().position(|column| column.name == name)
    }

    /// A row as the database takes it.
    pub(super) fn values(&self, row: &[JsonValue]) -> Result<Vec<Value>, BackupError> {
        let cells = self.columns.iter().zip(row);
        cells
            .map(|(column, json)| {
                column.kind.value(json).ok_or_else(|| {
                    BackupError::Damaged(format!(
                        "{} is not {:?}: {json}",
                        column.name, column.kind
                    ))
                })
            })
            .collect()
    }
}
