//! Connections that acknowledge at once.
//!
//! The client sends a request in two small pieces and leaves Nagle's algorithm on, so its kernel
//! holds the second until the first is acknowledged, which Linux puts off for 40 ms. A server can
//! do nothing about that but acknowledge sooner; without it the tests wait most of their time.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll};

use futures_util::{Stream, TryFutureExt, stream};
use socket2::SockRef;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tonic::transport::server::Connected;

pub struct Quick(TcpStream);

/// The connections that `listener` takes; it does not block.
pub fn incoming(
    listener: std::net::TcpListener,
) -> impl Stream<Item = io::Result<Quick>> + Send + 'static {
    let listener = async move { TcpListener::from_std(listener) };
    let connections = listener.map_ok(|listener| {
        stream::try_unfold(listener, |listener| async move {
            let (stream, _) = listener.accept().await?;
            stream.set_nodelay(true)?;
            Ok(Some((Quick(stream), listener)))
        })
    });
    connections.try_flatten_stream()
}

impl Quick {
    fn acknowledge(&self) {
        // It lasts for one acknowledgement only; where it does not exist, tests take longer.
        #[cfg(target_os = "linux")]
        let _ = SockRef::from(&self.0).set_tcp_quickack(true);
    }
}

impl Connected for Quick {
    type ConnectInfo = Option<SocketAddr>;

    fn connect_info(&self) -> Self::ConnectInfo {
        self.0.peer_addr().ok()
    }
}

impl AsyncRead for Quick {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let read = Pin::new(&mut self.0).poll_read(context, buffer);
        self.acknowledge();
        read
    }
}

impl AsyncWrite for Quick {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(context)
    }
}
