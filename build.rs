//! Lets cargo notice when the dashboard was built anew, or for the first time: its files become
//! part of the program (`src/http/assets.rs`). The build of the dashboard itself is a step before.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    // Without the folder cargo would run this, and build everything, every time.
    if std::fs::create_dir_all("web/dist").is_ok() {
        println!("cargo::rerun-if-changed=web/dist");
    }
}
