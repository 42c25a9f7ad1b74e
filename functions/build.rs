//! Copies the face model out of the `rustface` crate's folder, so that it becomes part of the
//! program: nothing has to be downloaded or installed beside it.

use std::error::Error;
use std::path::PathBuf;
use std::{env, fs};

use cargo_metadata::MetadataCommand;

const MODEL: &str = "seeta_fd_frontal_v1.0.bin";
/// The size of the model that was measured; another one would need measuring again.
const MODEL_BYTES: u64 = 1_209_904;

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed=build.rs");
    let manifest = PathBuf::from(env::var("CARGO_MANIFEST_DIR")?).join("Cargo.toml");
    println!("cargo::rerun-if-changed={}", manifest.display());
    // Only this platform's crates need to be there.
    let metadata = MetadataCommand::new()
        .manifest_path(manifest)
        .other_options(["--filter-platform".to_owned(), env::var("TARGET")?])
        .exec()?;
    let rustface = metadata
        .packages
        .iter()
        .find(|package| package.name.as_str() == "rustface")
        .ok_or("the crate `rustface` is not among the dependencies")?;
    let folder = rustface
        .manifest_path
        .parent()
        .ok_or("the crate `rustface` has no folder")?;
    let model = folder.join("model").join(MODEL);
    let length = fs::metadata(&model)
        .map_err(|error| format!("the face model {model} is not there: {error}"))?
        .len();
    if length != MODEL_BYTES {
        return Err(format!("{model} has {length} bytes instead of {MODEL_BYTES}").into());
    }
    fs::copy(&model, PathBuf::from(env::var("OUT_DIR")?).join(MODEL))?;
    Ok(())
}
