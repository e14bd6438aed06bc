//! The real program on a disk that fills up: a coded fault, everything that was acknowledged kept, another process takes over
//! while it is full, and writing goes on by itself once there is room.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use crate::support::program::{Client, Place};
use crate::support::servers::{ROOT, left_out};

/// A disk in memory, taken down however the test ends.
pub(crate) struct SmallDisk(PathBuf);

impl SmallDisk {
    /// `None` where this process may not mount and the test is to be left out.
    fn at(folder: &Path) -> Option<Self> {
        Self::with(folder, "size=6m,mode=0700")
    }

    /// One of these options.
    pub(crate) fn with(folder: &Path, options: &str) -> Option<Self> {
        std::fs::create_dir_all(folder).unwrap();
        let mounted = mount(&["-t", "tmpfs", "-o", options, "tmpfs"], folder);
        if !mounted {
            left_out(ROOT, "there is no right to mount a file system");
        }
        mounted.then(|| Self(folder.to_owned()))
    }

    pub(crate) fn enlarge(&self) {
        assert!(mount(&["-o", "remount,size=64m"], &self.0));
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // At once for everybody who looks, and in fact when nobody uses it any more.
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

fn mount(arguments: &[&str], folder: &Path) -> bool {
    let mut command = Command::new("mount");
    command.args(arguments).arg(folder).stdout(Stdio::null()).stderr(Stdio::null());
    command.status().is_ok_and(|ended| ended.success())
}

/// Makes people until there is no room; answers their addresses.
fn fill(client: &mut Client, kept: &mut Vec<String>) -> Value {
    for number in 0..5_000 {
        let email = format!("person{number}@example.org");
        let input = json!({ "email": email, "name": "x".repeat(100) });
        let answer = client.ask("tools/call", &json!({ "name": "user_create", "arguments": input }));
        if answer["result"]["isError"] == json!(true) {
            return answer;
        }
        kept.push(email);
    }
    panic!("the disk did not fill up");
}

fn emails(client: &mut Client) -> Vec<String> {
    let mut found = Vec::new();
    let mut input = json!({ "limit": 200 });
    loop {
        let page = client.call("user_list", &input);
        let items = page["items"].as_array().unwrap();
        found.extend(items.iter().map(|user| user["email"].as_str().unwrap().to_owned()));
        match page.get("nextPageToken") {
            Some(token) => input["pageToken"] = token.clone(),
            None => return found,
        }
    }
}

#[test]
fn a_full_disk_loses_nothing_and_is_got_over() {
    let place = Place::new();
    let Some(disk) = SmallDisk::at(&place.data()) else { return };
    let arguments = ["--toolsets", "all", "--set", "limits.writes_per_minute=1000000"];
    let mut owner = place.stdio(&arguments);
    let mut guest = place.stdio(&arguments);
    assert_eq!(place.owner(), Some(owner.pid()));
    let mut kept = Vec::new();
    let answer = fill(&mut owner, &mut kept);
    assert!(answer.to_string().contains("storage_full"), "{answer}");
    assert!(kept.len() > 10);

    // Every door says the same; reading goes on, and health says that writing does not.
    let refused = place.run(&["call", "user_create", &json!({ "email": "late@example.org" }).to_string()]).problem();
    assert_eq!((&refused["code"], &refused["status"]), (&json!("storage_full"), &json!(507)));
    let health = place.run(&["call", "system_health"]).problem();
    assert_eq!(health["code"], "unavailable");
    let has_all = |found: &[String]| kept.iter().all(|email| found.contains(email));
    assert!(has_all(&emails(&mut guest)));

    // Another process takes over while it is full.
    owner.kill_now();
    assert!(has_all(&emails(&mut guest)));
    assert_eq!(place.owner(), Some(guest.pid()));
    let late = json!({ "name": "user_create", "arguments": { "email": "late@example.org", "name": "x".repeat(100) } });

    disk.enlarge();
    let answer = guest.ask("tools/call", &late);
    assert_eq!(answer["result"]["isError"], false, "{answer}");
    let found = emails(&mut guest);
    assert!(has_all(&found) && found.contains(&"late@example.org".to_owned()));
    // What could not be written meanwhile, such as a checkpoint of the audit log, is tried again by itself.
    let until = std::time::Instant::now() + std::time::Duration::from_secs(60);
    while guest.call("system_health", &json!({}))["status"] != "ok" {
        assert!(std::time::Instant::now() < until, "it gets well by itself");
        std::thread::sleep(std::time::Duration::from_millis(100));
    }
    assert_eq!(guest.end(), 0);
    drop(disk);
}
