//! The doors: projections of the registry. No door knows a domain, and none reaches a capability but through the gate.

pub mod anthropic;
pub mod cli;
pub mod gateway;
pub mod http;
pub mod mcp;
pub mod openai;
pub mod pages;
pub mod rest;
mod talking;
pub mod ws;
