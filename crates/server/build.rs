//! Has the crate compiled again when the page was built, since no compiler tracks its files. A release build carries `ui/dist` as it
//! was built last; other builds read it when they are asked, but only from a folder that was there when they were compiled.

use std::path::Path;

fn main() {
    let carries = std::env::var("PROFILE").is_ok_and(|profile| profile == "release");
    let built = Path::new("../../ui/dist/index.html").exists();
    println!("cargo:rerun-if-changed=build.rs");
    if built && carries {
        println!("cargo:rerun-if-changed=../../ui/dist/index.html");
    } else if !built && Path::new("../../ui").exists() {
        // A file that is not there would have this run each time; the folder changes when the page is built.
        println!("cargo:rerun-if-changed=../../ui");
    }
}
