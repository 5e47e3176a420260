//! Packs what `/api/docs` and `/api/openapi.json` answer, so that it is carried and sent
//! compressed. The page is Swagger UI, whose files come from a crate: it works without any
//! other host.

use std::{
    fs,
    io::{Read, Write},
    path::{Path, PathBuf},
};

use anyhow::Context;
use flate2::{Compression, bufread::DeflateDecoder, write::GzEncoder};
use rawzip::{CompressionMethod, ZipArchive};
use utoipa_swagger_ui_vendored::SWAGGER_UI_VENDORED;

/// Files of ours.
const OWN: [&str; 4] = [
    "openapi.json",
    "src/http/documentation/page.html",
    "src/http/documentation/page.js",
    "src/http/documentation/page.css",
];
/// Files of Swagger UI.
const VENDORED: [&str; 4] = [
    "dist/swagger-ui-bundle.js",
    "dist/swagger-ui.css",
    "LICENSE",
    "NOTICE",
];

#[expect(
    clippy::disallowed_methods,
    reason = "what cargo tells a build script is in the environment"
)]
fn main() -> anyhow::Result<()> {
    let out = PathBuf::from(std::env::var_os("OUT_DIR").context("cargo gives no OUT_DIR")?);
    for path in OWN {
        println!("cargo::rerun-if-changed={path}");
        pack(
            &out,
            path,
            &fs::read(path).with_context(|| format!("cannot read {path}"))?,
        )?;
    }
    let archive = ZipArchive::from_slice(SWAGGER_UI_VENDORED)?;
    let mut found = 0;
    let mut entries = archive.entries();
    while let Some(entry) = entries.next_entry()? {
        let path = entry.file_path().try_normalize()?.as_ref().to_owned();
        // Without the folder of its version.
        let path = path.split_once('/').map_or("", |(_, path)| path);
        if !VENDORED.contains(&path) {
            continue;
        }
        found += 1;
        let is_stored = entry.compression_method() == CompressionMethod::STORE;
        let entry = archive.get_entry(entry.wayfinder())?;
        let mut content = Vec::new();
        let reader: Box<dyn Read> = if is_stored {
            Box::new(entry.data())
        } else {
            Box::new(DeflateDecoder::new(entry.data()))
        };
        entry.verifying_reader(reader).read_to_end(&mut content)?;
        pack(&out, path, &content)?;
    }
    anyhow::ensure!(found == VENDORED.len(), "Swagger UI has other files");
    Ok(())
}

/// Writes the content to `<file name>.gz`.
fn pack(out: &Path, path: &str, content: &[u8]) -> anyhow::Result<()> {
    let name = Path::new(path)
        .file_name()
        .context("a path without a file")?
        .to_string_lossy();
    let file = fs::File::create(out.join(format!("{name}.gz")))?;
    let mut encoder = GzEncoder::new(file, Compression::best());
    encoder.write_all(content)?;
    encoder.finish()?;
    Ok(())
}
