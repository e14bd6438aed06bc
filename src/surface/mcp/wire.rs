//! One form for every way that a connection's messages go. rmcp is compiled anew for each form that it serves, with all its tasks.

use std::fmt;

use futures::FutureExt as _;
use futures::future::BoxFuture;
use rmcp::RoleServer;
use rmcp::model::{ClientJsonRpcMessage, ServerJsonRpcMessage};
use rmcp::transport::Transport;

/// A way for messages, whichever it is.
pub(super) struct Wire(Box<dyn Messages>);

impl Wire {
    /// What serves as any other does.
    pub(super) fn new(transport: impl Transport<RoleServer> + 'static) -> Self {
        Self(Box::new(transport))
    }
}

/// Nothing goes over the connection any more.
#[derive(Debug)]
pub(super) struct Closed;

impl fmt::Display for Closed {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("the connection is closed")
    }
}

impl std::error::Error for Closed {}

trait Messages: Send {
    fn send(&mut self, message: ServerJsonRpcMessage) -> BoxFuture<'static, Result<(), Closed>>;
    fn receive(&mut self) -> BoxFuture<'_, Option<ClientJsonRpcMessage>>;
    fn close(&mut self) -> BoxFuture<'_, Result<(), Closed>>;
}

impl<T: Transport<RoleServer>> Messages for T {
    fn send(&mut self, message: ServerJsonRpcMessage) -> BoxFuture<'static, Result<(), Closed>> {
        Transport::send(self, message).map(|sent| sent.map_err(|_| Closed)).boxed()
    }

    fn receive(&mut self) -> BoxFuture<'_, Option<ClientJsonRpcMessage>> {
        Transport::receive(self).boxed()
    }

    fn close(&mut self) -> BoxFuture<'_, Result<(), Closed>> {
        Transport::close(self).map(|closed| closed.map_err(|_| Closed)).boxed()
    }
}

impl Transport<RoleServer> for Wire {
    type Error = Closed;

    fn send(&mut self, message: ServerJsonRpcMessage) -> impl Future<Output = Result<(), Closed>> + Send + 'static {
        self.0.send(message)
    }

    fn receive(&mut self) -> impl Future<Output = Option<ClientJsonRpcMessage>> + Send {
        self.0.receive()
    }

    fn close(&mut self) -> impl Future<Output = Result<(), Closed>> + Send {
        self.0.close()
    }
}
