//! Packs the built-in catalog: 365 KB of JSON become about 33 KB in the library.

use std::{
    env,
    fs::{self, File},
    io::{self, Write},
    path::PathBuf,
};

use flate2::{Compression, write::DeflateEncoder};

fn main() -> io::Result<()> {
    let catalog = "src/catalog/catalog.json";
    println!("cargo::rerun-if-changed={catalog}");
    let out = env::var_os("OUT_DIR").map(PathBuf::from).ok_or(io::ErrorKind::NotFound)?;
    let mut packed = DeflateEncoder::new(File::create(out.join("catalog.json.deflate"))?, Compression::best());
    packed.write_all(&fs::read(catalog)?)?;
    packed.finish()?;
    Ok(())
}
