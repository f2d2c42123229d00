//! Where things of the user lie that no run owns.

use std::ffi::OsString;
use std::path::PathBuf;

/// The user's cache of elman, if the system says where caches are.
pub fn cache() -> Option<PathBuf> {
    first(&["XDG_CACHE_HOME"], set)
}

/// Where what belongs to a session lies: the directory for that, or the cache, or the temporary one.
pub fn session() -> PathBuf {
    first(&["XDG_RUNTIME_DIR", "XDG_CACHE_HOME"], set)
        .unwrap_or_else(|| std::env::temp_dir().join("elman"))
}

fn set(name: &str) -> Option<OsString> {
    std::env::var_os(name).filter(|path| !path.is_empty())
}

/// In the first of the directories that these variables name, or else in `~/.cache` (XDG Base Directory Specification).
fn first(names: &[&str], variable: impl Fn(&str) -> Option<OsString>) -> Option<PathBuf> {
    // The specification has it that relative paths are ignored.
    let absolute = |name| {
        variable(name)
            .map(PathBuf::from)
            .filter(|path| path.is_absolute())
    };
    let named = names.iter().find_map(|name| absolute(name));
    let directory = named.or_else(|| Some(absolute("HOME")?.join(".cache")))?;
    Some(directory.join("elman"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn things_lie_where_the_system_says() {
        let of = |set: &[(&str, &str)]| {
            first(&["XDG_RUNTIME_DIR", "XDG_CACHE_HOME"], |name| {
                let found = set.iter().find(|(key, _)| *key == name);
                found.map(|(_, value)| value.into())
            })
        };
        let all = [("XDG_RUNTIME_DIR", "/run/user/1"), ("HOME", "/home/a")];
        assert_eq!(of(&all), Some("/run/user/1/elman".into()));
        assert_eq!(of(&all[1..]), Some("/home/a/.cache/elman".into()));
        let relative = [("XDG_RUNTIME_DIR", "here"), ("HOME", "/home/a")];
        assert_eq!(of(&relative), Some("/home/a/.cache/elman".into()));
        assert_eq!(of(&[]), None);
    }
}
