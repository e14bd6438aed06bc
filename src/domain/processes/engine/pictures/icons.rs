//! The signs within shapes, as paths around the middle of a square of twenty.

use serde_json::Value;

use crate::domain::processes::engine::definition::Node;

/// How an icon is drawn.
pub(super) struct Icon {
    pub(super) path: &'static str,
    pub(super) filled: bool,
}

const fn line(path: &'static str) -> Icon {
    Icon { path, filled: false }
}

const fn full(path: &'static str) -> Icon {
    Icon { path, filled: true }
}

/// The icon of a node.
pub(super) fn icon(node: &Node) -> Option<Icon> {
    let icon = match node.kind.as_str() {
        "human_task" => line("M-3.5 -4a3.5 3.5 0 1 0 7 0a3.5 3.5 0 1 0 -7 0M-7 8c0 -5 2.5 -7 7 -7s7 2 7 7z"),
        "agent" => {
            line("M-7 -3h14v10h-14zM0 -3v-4M-1.2 -7.2a1.2 1.2 0 1 0 2.4 0a1.2 1.2 0 1 0 -2.4 0M-3.5 1v2M3.5 1v2")
        }
        "tool" => line(
            "M-3 0a3 3 0 1 0 6 0a3 3 0 1 0 -6 0M0 -8v3M0 5v3M-8 0h3M5 0h3M-5.7 -5.7l2.2 2.2M3.5 3.5l2.2 2.2M-5.7 5.7l2.2 -2.2M3.5 -3.5l2.2 -2.2",
        ),
        "integration" => line("M-8 0a8 8 0 1 0 16 0a8 8 0 1 0 -16 0M-8 0h16M0 -8c-5 4 -5 12 0 16c5 -4 5 -12 0 -16"),
        "decision" => line("M-8 -6h16v12h-16zM-8 -2h16M-8 2h16M-3 -2v8"),
        "script" => line("M-6 -8h12v16h-12zM-3 -4h6M-3 0h6M-3 4h4"),
        "prompt" => line("M-8 -7h16v10h-9l-4 4v-4h-3z"),
        "sub_process" => line("M-7 -7h14v14h-14zM0 -4v8M-4 0h8"),
        "for_each" => match node.config.get("mode").and_then(Value::as_str) {
            Some("parallel") => line("M-5 -7v14M0 -7v14M5 -7v14"),
            _ => line("M-7 -5h14M-7 0h14M-7 5h14"),
        },
        "exclusive" => line("M-6 -6l12 12M6 -6l-12 12"),
        "parallel" => line("M0 -9v18M-9 0h18"),
        "inclusive" => line("M-8 0a8 8 0 1 0 16 0a8 8 0 1 0 -16 0"),
        "timer" | "boundary_timeout" => line("M-8 0a8 8 0 1 0 16 0a8 8 0 1 0 -16 0M0 -5v5l4 2"),
        "wait" if node.config.contains_key("event") => line("M0 -7l7.5 12h-15z"),
        "wait" => line("M-8 -5h16v11h-16zM-8 -5l8 6l8 -6"),
        "boundary_error" => line("M-7 7l4 -13l5 6l5 -7l-4 13l-5 -6z"),
        "compensation" => line("M-7 0l6 -5v10zM0 0l6 -5v10z"),
        "compensate" => full("M-7 0l6 -5v10zM0 0l6 -5v10z"),
        "end" => match node.config.get("kind").and_then(Value::as_str) {
            Some("error") => full("M-7 7l4 -13l5 6l5 -7l-4 13l-5 -6z"),
            Some("terminate") => full("M-9 0a9 9 0 1 0 18 0a9 9 0 1 0 -18 0"),
            _ => return None,
        },
        _ => return None,
    };
    Some(icon)
}
