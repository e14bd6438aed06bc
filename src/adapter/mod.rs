//! What implements the ports: one folder each.
