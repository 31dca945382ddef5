//! What is said about a data folder that cannot be used.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use tempfile::TempDir;
use trunkline_broker::embedded::{EmbeddedBroker, OpenError};
use trunkline_broker::{Environment, Options};

use crate::support::{Recorder, channel};

fn open(folder: &Path) -> Result<EmbeddedBroker, OpenError> {
    let environment = Environment { clock: Arc::new(|| 0), epoch_source: 1, listener: Arc::<Recorder>::default() };
    EmbeddedBroker::open(folder, &Options::default(), environment)
}

#[test]
fn a_second_process_is_told_that_the_folder_is_in_use() {
    let folder = TempDir::new().unwrap();
    let first = open(folder.path()).unwrap();
    let error = open(folder.path()).unwrap_err();
    assert!(matches!(error, OpenError::Locked(_)));
    let words = format!("data folder {} is in use by another process", folder.path().display());
    assert_eq!(error.to_string(), words);
    drop(first);
    open(folder.path()).unwrap();
}

#[test]
fn a_folder_is_made_with_its_parents() {
    let folder = TempDir::new().unwrap();
    open(&folder.path().join("a/b")).unwrap();
    assert!(folder.path().join("a/b/broker/FORMAT").exists());
}

#[test]
fn a_place_that_is_no_folder_cannot_be_written() {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("file");
    fs::write(&file, "").unwrap();
    for place in [file.clone(), file.join("below")] {
        assert!(matches!(open(&place), Err(OpenError::NotWritable { path, .. }) if path == place));
    }
}

#[test]
fn a_store_of_another_version_is_left_alone() {
    let folder = TempDir::new().unwrap();
    drop(open(folder.path()).unwrap());
    let format = folder.path().join("broker/FORMAT");
    for other in ["trunkline broker format 1", "trunkline broker format 3"] {
        fs::write(&format, format!("{other}\n")).unwrap();
        let error = open(folder.path()).unwrap_err();
        assert!(matches!(&error, OpenError::UnknownFormat { found, .. } if found == other));
    }
    fs::remove_file(&format).unwrap();
    assert!(matches!(open(folder.path()), Err(OpenError::UnknownFormat { .. })));
}

#[test]
fn a_store_whose_making_was_interrupted_is_made_again() {
    let folder = TempDir::new().unwrap();
    fs::create_dir_all(folder.path().join("broker.creating/engine")).unwrap();
    fs::write(folder.path().join("broker.creating/engine/0.jnl"), "").unwrap();
    open(folder.path()).unwrap();
    assert!(!folder.path().join("broker.creating").exists());
}

#[test]
fn a_damaged_store_is_called_corrupt() {
    let folder = TempDir::new().unwrap();
    drop(open(folder.path()).unwrap());
    let tree = folder.path().join("broker/engine/keyspaces/1/current");
    assert!(tree.exists());
    fs::write(tree, "nonsense").unwrap();
    let error = open(folder.path()).unwrap_err();
    assert!(matches!(error, OpenError::Corrupt { .. }), "{error:?}");
}

#[tokio::test]
async fn a_wiped_store_gives_other_epochs() {
    let mut epochs = Vec::new();
    for epoch_source in [1, 2] {
        let folder = TempDir::new().unwrap();
        let environment = Environment { clock: Arc::new(|| 0), epoch_source, listener: Arc::<Recorder>::default() };
        let broker = EmbeddedBroker::open(folder.path(), &Options::default(), environment).unwrap();
        epochs.push(crate::support::epoch_of(&broker, &channel("r1")).await);
    }
    assert_ne!(epochs[0], epochs[1]);
}
