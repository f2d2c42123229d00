use super::*;

fn names(directory: &Path) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(directory)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[test]
fn a_file_is_replaced_as_a_whole() {
    let room = tempfile::tempdir().unwrap();
    let path = room.path().join("a");
    write_atomic(&path, |w| w.write_all(b"old")).unwrap();
    let mut file = AtomicFile::create(&path).unwrap();
    file.write_all(b"new, and longer").unwrap();
    file.flush().unwrap();
    assert_eq!(fs::read(&path).unwrap(), b"old");
    file.seek(SeekFrom::Start(0)).unwrap();
    file.write_all(b"NEW").unwrap();
    file.commit().unwrap();
    assert_eq!(fs::read(&path).unwrap(), b"NEW, and longer");
    assert_eq!(names(room.path()), ["a"]);
}

#[cfg(unix)]
#[test]
fn a_private_file_is_its_owner_s() {
    use std::os::unix::fs::PermissionsExt;
    let room = tempfile::tempdir().unwrap();
    let path = room.path().join("a");
    for bytes in [&b"key"[..], b"another"] {
        write_private(&path, bytes).unwrap();
        let mode = fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(
            (mode & 0o777, fs::read(&path).unwrap()),
            (0o600, bytes.to_vec())
        );
    }
    assert_eq!(names(room.path()), ["a"]);
}

#[test]
fn two_writers_of_one_file_do_not_meet() {
    let room = tempfile::tempdir().unwrap();
    let path = room.path().join("a");
    let mut first = AtomicFile::create(&path).unwrap();
    let mut second = AtomicFile::create(&path).unwrap();
    first.write_all(b"first").unwrap();
    second.write_all(b"second").unwrap();
    first.commit().unwrap();
    assert_eq!(fs::read(&path).unwrap(), b"first");
    second.commit().unwrap();
    assert_eq!(fs::read(&path).unwrap(), b"second");
}

#[test]
fn an_error_leaves_the_old_file_and_no_temporary() {
    let room = tempfile::tempdir().unwrap();
    let path = room.path().join("a");
    write_atomic(&path, |w| w.write_all(b"old")).unwrap();
    let error = write_atomic(&path, |w| {
        w.write_all(&[7; 1 << 20])?;
        Err(io::ErrorKind::StorageFull.into())
    })
    .unwrap_err();
    assert!(matches!(error, StoreError::DiskFull { .. }), "{error}");
    assert!(error.to_string().contains("no space left"), "{error}");
    assert_eq!(fs::read(&path).unwrap(), b"old");
    assert_eq!(names(room.path()), ["a"]);
}

#[cfg(target_os = "linux")]
#[test]
fn the_kernel_s_own_full_device_is_recognised() {
    let Ok(mut full) = OpenOptions::new().write(true).open("/dev/full") else {
        return; // Some containers have no such device.
    };
    let room = tempfile::tempdir().unwrap();
    let error = write_atomic(&room.path().join("a"), |_| full.write_all(b"anything")).unwrap_err();
    assert!(matches!(error, StoreError::DiskFull { .. }), "{error}");
    assert!(names(room.path()).is_empty());

    let mut log = AppendLog::open(&room.path().join("log"), |_| LineDecision::Keep)
        .unwrap()
        .0;
    log.records.file = full;
    let error = log.append("line").unwrap_err();
    assert!(matches!(error, StoreError::DiskFull { .. }), "{error}");
}

#[test]
fn directories_and_devices_are_never_replaced() {
    let room = tempfile::tempdir().unwrap();
    for path in [room.path(), Path::new("/"), &room.path().join("..")] {
        let error = write_atomic(path, |_| Ok(())).unwrap_err();
        assert!(matches!(error, StoreError::NotAFile { .. }), "{error}");
        let error = open_regular(path).unwrap_err();
        assert!(matches!(error, StoreError::NotAFile { .. }), "{error}");
    }
    if cfg!(unix) {
        let error = write_atomic(Path::new("/dev/null"), |_| Ok(())).unwrap_err();
        assert!(matches!(error, StoreError::NotAFile { .. }), "{error}");
    }
}

#[cfg(unix)]
#[test]
fn a_symbolic_link_stays_a_link() {
    let room = tempfile::tempdir().unwrap();
    let (path, link) = (room.path().join("a"), room.path().join("link"));
    write_atomic(&path, |w| w.write_all(b"old")).unwrap();
    std::os::unix::fs::symlink(&path, &link).unwrap();
    write_atomic(&link, |w| w.write_all(b"new")).unwrap();
    assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
    assert_eq!(fs::read(&path).unwrap(), b"new");
}

#[test]
fn a_missing_directory_is_named() {
    let room = tempfile::tempdir().unwrap();
    let path = room.path().join("absent").join("a");
    let message = write_atomic(&path, |_| Ok(())).unwrap_err().to_string();
    assert!(message.contains("absent"), "{message}");
    assert!(message.contains("check the path"), "{message}");
    let message = open_regular(&path).unwrap_err().to_string();
    assert!(message.contains("absent"), "{message}");
}

#[test]
fn directories_are_made_in_depth_and_files_are_in_their_way() {
    let room = tempfile::tempdir().unwrap();
    let deep = room.path().join("a/b/c");
    create_dir_all(&deep).unwrap();
    create_dir_all(&deep).unwrap();
    assert!(deep.is_dir());
    let file = deep.join("file");
    write_atomic(&file, |_| Ok(())).unwrap();
    assert!(create_dir_all(&file).is_err());
    assert!(create_dir_all(&file.join("below")).is_err());
    remove_file(&file).unwrap();
    remove_file(&file).unwrap();
    create_dir_all(&file).unwrap();
    assert!(remove_file(&file).is_err());
}

#[test]
fn sweeping_takes_only_what_nobody_writes() {
    let room = tempfile::tempdir().unwrap();
    let at_work = AtomicFile::create(&room.path().join("a")).unwrap();
    fs::write(room.path().join(".1-0.elman-tmp"), b"left behind").unwrap();
    fs::write(room.path().join("b.elman-tmp"), b"not ours").unwrap();
    assert_eq!(sweep_temporaries(room.path()).unwrap(), 1);
    at_work.commit().unwrap();
    assert_eq!(names(room.path()), ["a", "b.elman-tmp"]);
}

#[test]
fn a_log_is_cut_after_the_last_line_that_counts() {
    let room = tempfile::tempdir().unwrap();
    let path = room.path().join("log");
    let (mut log, damage) = AppendLog::open(&path, |_| LineDecision::Keep).unwrap();
    assert_eq!(damage, Damage::default());
    for step in 1..=5 {
        log.append(&step.to_string()).unwrap();
    }
    log.sync().unwrap();
    drop(log);
    let (mut log, damage) = AppendLog::open(&path, up_to(3)).unwrap();
    assert_eq!(damage, Damage::default());
    log.append("33").unwrap();
    assert_eq!(fs::read(&path).unwrap(), b"1\n2\n3\n33\n");

    // A kill in the middle of a line, and lines that are none.
    for (torn, lines) in [
        (&b"4"[..], 0),
        (b"\xff\n", 1),
        (b"\n", 1),
        (b"\0\0\nx\n", 2),
    ] {
        fs::write(&path, [b"1\n2\n", torn].concat()).unwrap();
        let (mut log, damage) = AppendLog::open(&path, up_to(9)).unwrap();
        let first = if lines == 0 { 0 } else { 3 };
        assert_eq!(
            damage.removed,
            Lines {
                count: lines,
                first
            }
        );
        log.append("3").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"1\n2\n3\n");
    }
}

/// Keeps the numbers up to `last`.
fn up_to(last: u32) -> impl Fn(&str) -> LineDecision {
    move |line| match line.parse::<u32>() {
        Ok(step) if step <= last => LineDecision::Keep,
        Ok(_) => LineDecision::Drop,
        Err(_) => LineDecision::Unreadable,
    }
}

/// One flipped byte costs a line, not all that follow it.
#[test]
fn a_damaged_line_of_a_log_costs_no_other() {
    let room = tempfile::tempdir().unwrap();
    let path = room.path().join("log");
    let none = Lines::default();
    let at = |first| Lines { count: 1, first };
    for (text, kept, left, removed) in [
        ("1\n\u{0}\n3\n4\n", "1\n\u{0}\n3\n", at(2), none),
        ("x\n2\n5\n", "x\n2\n", at(1), none),
        // A step that has become another one: its line is not one to go on from, nor the end.
        ("1\n8\n3\n", "1\n3\n", none, at(2)),
        (
            "8\n1\nx\n7\n3\n6\nx\n",
            "1\nx\n3\n",
            at(3),
            Lines { count: 3, first: 1 },
        ),
        ("6\nx\n", "", none, at(2)),
    ] {
        fs::write(&path, text).unwrap();
        let (mut log, damage) = AppendLog::open(&path, up_to(3)).unwrap();
        assert_eq!(damage, Damage { left, removed }, "{text:?}");
        log.append("3").unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), format!("{kept}3\n"));
    }
    // A line longer than any.
    let long = "1".repeat(3 << 20);
    fs::write(&path, format!("1\n{long}\n2\n")).unwrap();
    let (_, damage) = AppendLog::open(&path, up_to(9)).unwrap();
    assert_eq!(damage.left, at(2));
    fs::write(&path, &long).unwrap();
    AppendLog::open(&path, up_to(9)).unwrap();
    assert!(fs::read(&path).unwrap().is_empty());
}

#[test]
fn records_are_appended_to_a_new_file() {
    let room = tempfile::tempdir().unwrap();
    let path = room.path().join("records");
    let mut log = RecordLog::create(&path).unwrap();
    log.append(b"one").unwrap();
    assert_eq!(fs::read(&path).unwrap(), b"one", "at once");
    log.append(b"\0two").unwrap();
    assert_eq!(fs::read(&path).unwrap(), b"one\0two");
    assert!(RecordLog::create(&path).is_err(), "there is one already");
}

#[test]
fn a_second_lock_is_refused_until_the_first_is_gone() {
    let room = tempfile::tempdir().unwrap();
    assert!(!Lock::is_held(room.path()));
    let first = Lock::acquire(room.path()).unwrap();
    assert!(Lock::is_held(room.path()));
    let error = Lock::acquire(room.path()).unwrap_err();
    assert!(matches!(error, StoreError::Locked { .. }), "{error}");
    let id = format!("process {}", std::process::id());
    assert!(error.to_string().contains(&id), "{error}");
    drop(first);
    assert!(!Lock::is_held(room.path()));
    Lock::acquire(room.path()).unwrap();
    assert!(Lock::acquire(&room.path().join("absent")).is_err());
}

#[test]
fn a_file_that_is_only_called_lock_is_left_alone() {
    let room = tempfile::tempdir().unwrap();
    let path = room.path().join("lock");
    fs::write(&path, "the combination is 4711").unwrap();
    let error = Lock::acquire(room.path()).unwrap_err();
    assert!(matches!(error, StoreError::ForeignLock { .. }), "{error}");
    assert_eq!(fs::read(&path).unwrap(), b"the combination is 4711");
    for ours in ["", "4711\n"] {
        fs::write(&path, ours).unwrap();
        Lock::acquire(room.path()).unwrap();
    }
}

#[test]
fn only_an_empty_directory_is_removed_as_such() {
    let room = tempfile::tempdir().unwrap();
    let full = room.path().join("full");
    create_dir_all(&full.join("empty")).unwrap();
    remove_empty_dir(&full).unwrap();
    assert!(full.exists());
    remove_empty_dir(&full.join("empty")).unwrap();
    remove_empty_dir(&full).unwrap();
    remove_empty_dir(&full).unwrap();
    assert!(!full.exists());
}

#[test]
fn a_shared_file_has_the_same_bytes_and_outlives_its_other_name() {
    let room = tempfile::tempdir().unwrap();
    let (from, to) = (room.path().join("from"), room.path().join("to"));
    fs::write(&from, "bytes").unwrap();
    fs::write(&to, "what stood there").unwrap();
    share(&from, &to).unwrap();
    // Replaced, not changed: the other name keeps what it had.
    write_atomic(&from, |file| file.write_all(b"others")).unwrap();
    assert_eq!(fs::read(&to).unwrap(), b"bytes");
    remove_file(&from).unwrap();
    assert_eq!(fs::read(&to).unwrap(), b"bytes");
    assert!(share(&from, &to).is_err());
}
