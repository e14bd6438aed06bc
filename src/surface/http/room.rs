//! How many connections there is room for, in all and from one address, and the socket that holds its place. A place is free
//! again when the socket is closed, whatever became of the connection: also a WebSocket holds one.

use std::io::{self, IoSlice};
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::{Context, Poll};

use dashmap::DashMap;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::proxies::Proxies;
use crate::config::server::Server;

/// No more than this, whatever the system allows.
const MOST: usize = 16_384;
const LEAST: usize = 16;
/// Files that a process may open where the system does not tell.
const USUAL_FILES: usize = 256;
/// Files that the program needs besides its connections: at least so many.
const OWN_FILES: usize = 64;

/// The room.
pub(super) struct Room {
    places: Arc<Semaphore>,
    by_address: Arc<DashMap<IpAddr, usize>>,
    per_address: usize,
}

/// A connection's place.
pub(super) struct Place {
    _place: OwnedSemaphorePermit,
    counted: Option<(IpAddr, Arc<DashMap<IpAddr, usize>>)>,
}

impl Room {
    /// As much as is configured; where nothing is, as the number of files that the process may open allows, and half of
    /// that for one address.
    pub(super) fn new(config: &Server) -> Self {
        let most = match config.connections {
            0 => for_connections(open_files()),
            most => most,
        };
        let per_address = match config.connections_per_address {
            0 => most.div_ceil(2),
            most => most,
        };
        Self { places: Arc::new(Semaphore::new(most)), by_address: Arc::default(), per_address }
    }

    /// Waits until there is a place.
    pub(super) async fn wait(&self) -> Option<OwnedSemaphorePermit> {
        self.places.clone().acquire_owned().await.ok()
    }

    /// Takes the place for a peer; `None` when it has as many as it may. Proxies bring many clients: theirs are not counted.
    pub(super) fn take(&self, place: OwnedSemaphorePermit, peer: IpAddr, proxies: &Proxies) -> Option<Place> {
        if proxies.trusts(peer.to_canonical()) {
            return Some(Place { _place: place, counted: None });
        }
        let peer = network(peer);
        let mut count = self.by_address.entry(peer).or_insert(0);
        if *count >= self.per_address {
            return None;
        }
        *count += 1;
        drop(count);
        Some(Place { _place: place, counted: Some((peer, self.by_address.clone())) })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let Some((peer, by_address)) = self.counted.take() else { return };
        if let Some(mut count) = by_address.get_mut(&peer) {
            *count = count.saturating_sub(1);
        }
        by_address.remove_if(&peer, |_, count| *count == 0);
    }
}

/// An IPv6 customer has a whole /64: each of its addresses counts as the same.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(six) => IpAddr::V6((six.to_bits() >> 64 << 64).into()),
        four @ IpAddr::V4(_) => four,
    }
}

fn for_connections(files: usize) -> usize {
    files.saturating_sub(OWN_FILES.max(files / 4)).clamp(LEAST, MOST)
}

/// How many files the process may have open.
fn open_files() -> usize {
    let limits = std::fs::read_to_string("/proc/self/limits").unwrap_or_default();
    limits.lines().find_map(soft_limit).unwrap_or(USUAL_FILES)
}

fn soft_limit(line: &str) -> Option<usize> {
    match line.strip_prefix("Max open files")?.split_whitespace().next()? {
        "unlimited" => Some(usize::MAX),
        number => number.parse().ok(),
    }
}

/// What a socket writes: whether the other side takes it.
#[derive(Debug, Default)]
pub(super) struct Flow {
    written: AtomicU64,
    blocked: AtomicBool,
}

impl Flow {
    /// Bytes taken by the system so far.
    pub(super) fn written(&self) -> u64 {
        self.written.load(Ordering::Relaxed)
    }

    /// Whether bytes wait because the other side does not take them.
    pub(super) fn is_blocked(&self) -> bool {
        self.blocked.load(Ordering::Relaxed)
    }

    fn wrote(&self, poll: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        self.blocked.store(poll.is_pending(), Ordering::Relaxed);
        if let Poll::Ready(Ok(bytes)) = &poll {
            self.written.fetch_add(*bytes as u64, Ordering::Relaxed);
        }
        poll
    }
}

/// A socket in its place.
pub(super) struct Socket {
    pub(super) stream: TcpStream,
    pub(super) flow: Arc<Flow>,
    pub(super) _place: Place,
}

impl AsyncRead for Socket {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl AsyncWrite for Socket {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let poll = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.flow.wrote(poll)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let poll = Pin::new(&mut self.stream).poll_write_vectored(context, slices);
        self.flow.wrote(poll)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn room_follows_the_files_that_may_be_opened() {
        assert_eq!(soft_limit("Max open files            1024                 524288               files"), Some(1024));
        assert_eq!(
            soft_limit("Max open files            unlimited            unlimited            files"),
            Some(usize::MAX)
        );
        assert_eq!(soft_limit("Max processes             1024                 1024                 processes"), None);
        let rooms: Vec<_> = [0, 64, 256, 1024, 65_536].into_iter().map(for_connections).collect();
        assert_eq!(rooms, [16, 16, 192, 768, 16_384]);
    }

    #[test]
    fn an_address_has_its_part_of_the_room() {
        let room = Room { places: Arc::new(Semaphore::new(9)), by_address: Arc::default(), per_address: 2 };
        let take = |peer: &str, proxies: &Proxies| {
            room.take(room.places.clone().try_acquire_owned().unwrap(), peer.parse().unwrap(), proxies)
        };
        let nobody = Proxies::default();
        let one = take("2001:db8::1", &nobody).unwrap();
        let _two = take("2001:db8::2", &nobody).unwrap();
        assert!(take("2001:db8::3", &nobody).is_none());
        let _other = take("192.0.2.1", &nobody).unwrap();
        drop(one);
        assert!(take("2001:db8::3", &nobody).is_some());
        let proxies = Proxies::parse(&["2001:db8::/32".to_owned()], "x-forwarded-for").unwrap();
        let brought: Vec<_> = (0..4).filter_map(|_| take("2001:db8::3", &proxies)).collect();
        assert_eq!((brought.len(), room.places.available_permits()), (4, 3));
    }
}
