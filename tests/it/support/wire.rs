//! A network of its own, joined to this machine's by a wire that can be cut.

use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

use super::servers::{ROOT, left_out};

/// A network namespace with one wire into it; both go when this goes.
pub(crate) struct Wire {
    name: String,
    number: u32,
}

impl Wire {
    /// Lays one, `None` where this process may not and the test is to be left out.
    pub(crate) fn lay() -> Option<Self> {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let wire = Self { name: format!("cv{}-{number}", std::process::id()), number };
        let (name, here, there) = (&wire.name, wire.here(), wire.there());
        let steps = [
            format!("netns add {name}"),
            format!("link add {name} type veth peer name {name} netns {name}"),
            format!("addr add {here}/30 dev {name}"),
            format!("link set {name} up"),
            format!("-n {name} addr add {there}/30 dev {name}"),
            format!("-n {name} link set {name} up"),
            format!("-n {name} link set lo up"),
        ];
        if steps.iter().all(|step| ip(step)) {
            return Some(wire);
        }
        left_out(ROOT, "there is no right to make networks");
        None
    }

    /// The namespace.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// The address at this end. The range is one that is kept for measuring networks.
    fn here(&self) -> String {
        self.address(1)
    }

    /// The address at the other end.
    pub(crate) fn there(&self) -> String {
        self.address(2)
    }

    fn address(&self, of: u32) -> String {
        format!("198.18.{}.{}", std::process::id() % 250, self.number % 60 * 4 + of)
    }

    /// Cuts it, or mends it.
    pub(crate) fn cut(&self, cut: bool) {
        let name = &self.name;
        assert!(ip(&format!("-n {name} link set {name} {}", if cut { "down" } else { "up" })));
    }
}

impl Drop for Wire {
    fn drop(&mut self) {
        ip(&format!("link del {}", self.name));
        ip(&format!("netns del {}", self.name));
    }
}

fn ip(arguments: &str) -> bool {
    let mut command = Command::new("ip");
    command.args(arguments.split(' ')).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.status().is_ok_and(|ended| ended.success())
}
