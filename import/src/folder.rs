//! What a server's folder holds: its database, or a dump that was put there.

use std::path::{Path, PathBuf};

use holdall::{Error, ErrorKind, Result};

/// Where a server's files are, below its folder.
const FOLDERS: [&str; 2] = ["data", ""];

/// Finds the database of a server in its folder.
///
/// # Errors
/// `NotFound` if there is none, or more than one dump; the message says how to make one.
pub(super) fn database(folder: &Path) -> Result<PathBuf> {
    let folders: Vec<PathBuf> = FOLDERS.iter().map(|below| folder.join(below)).collect();
    let config = folders.iter().find_map(|folder| std::fs::read_to_string(folder.join("conf.ini")).ok());
    let config = config.unwrap_or_default();
    let system = setting(&config, "type").unwrap_or_else(|| "sqlite".to_owned());
    if system.starts_with("sqlite") {
        let name = setting(&config, "dbfile").unwrap_or_else(|| "cloudreve.db".to_owned());
        let name = Path::new(&name).file_name().unwrap_or_default();
        if let Some(found) = folders.iter().map(|folder| folder.join(name)).find(|path| path.is_file()) {
            return Ok(found);
        }
    }
    let mut dumps: Vec<PathBuf> = folders.iter().flat_map(|folder| dumps(folder)).collect();
    match (dumps.pop(), dumps.pop()) {
        (Some(found), None) => Ok(found),
        (Some(one), Some(other)) => Err(Error::new(
            ErrorKind::NotFound,
            format!("both {} and {} end in .sql; name one with --database", one.display(), other.display()),
        )),
        (None, _) => {
            let folder = folder.display();
            let make = match system.as_str() {
                "mysql" | "mariadb" => format!(
                    "the server's is MySQL: make a dump with `mysqldump --single-transaction \
                     --default-character-set=utf8mb4 --result-file={folder}/dump.sql NAME`"
                ),
                "postgres" => format!(
                    "the server's is PostgreSQL: make a dump with `pg_dump --file={folder}/dump.sql NAME`"
                ),
                _ => "give the server's folder, or the database or its dump with --database".to_owned(),
            };
            Err(Error::new(
                ErrorKind::NotFound,
                format!("there is no cloudreve.db and no .sql file in {folder}; {make}"),
            ))
        }
    }
}

/// Returns a value of the section of the database in a server's configuration.
fn setting(config: &str, wanted: &str) -> Option<String> {
    let mut inside = false;
    for line in config.lines().map(str::trim) {
        if let Some(section) = line.strip_prefix('[') {
            inside = section.trim_end_matches(']').eq_ignore_ascii_case("database");
        } else if let Some((name, value)) = line.split_once('=').filter(|_| inside)
            && name.trim().eq_ignore_ascii_case(wanted)
        {
            let value = value.trim().trim_matches('"');
            return Some(if wanted == "type" { value.to_ascii_lowercase() } else { value.to_owned() });
        }
    }
    None
}

fn dumps(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let paths = entries.map(|entry| entry.path());
    let is_dump = |path: &PathBuf| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        path.is_file() && (name.ends_with(".sql") || name.ends_with(".sql.gz"))
    };
    paths.filter(is_dump).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_database_is_found_and_what_is_missing_is_reported() {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        let message = || database(dir.path()).unwrap_err().to_string();
        assert!(message().contains("--database"), "{}", message());
        std::fs::create_dir(at("data")).unwrap();
        std::fs::write(at("dump.sql"), "").unwrap();
        assert_eq!(database(dir.path()).unwrap(), at("dump.sql"));
        std::fs::write(at("data/cloudreve.db"), "").unwrap();
        assert_eq!(database(dir.path()).unwrap(), at("data/cloudreve.db"));
        std::fs::write(at("data/conf.ini"), "[System]\nType = x\n[Database]\nType = Postgres\n").unwrap();
        assert_eq!(database(dir.path()).unwrap(), at("dump.sql"), "its database is another");
        std::fs::write(at("data/b.sql"), "").unwrap();
        assert!(message().contains("b.sql"), "{}", message());
        std::fs::remove_file(at("data/b.sql")).unwrap();
        std::fs::remove_file(at("dump.sql")).unwrap();
        assert!(message().contains("pg_dump"), "{}", message());
        std::fs::write(at("data/conf.ini"), "[Database]\nDBFile = data/own.db\n").unwrap();
        std::fs::write(at("data/own.db"), "").unwrap();
        assert_eq!(database(dir.path()).unwrap(), at("data/own.db"));
    }
}
