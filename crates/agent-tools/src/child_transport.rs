//! Messages by the standard streams of a child.

use std::{
    collections::VecDeque,
    io,
    sync::{Arc, OnceLock},
};

use rmcp::{
    RoleClient,
    model::{ClientJsonRpcMessage, JsonRpcMessage, ServerJsonRpcMessage},
    transport::{Transport, async_rw::AsyncRwTransport},
};
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncWrite, BufReader, Empty, empty};

use crate::{message::Message, wire::Place};

/// Writes as the library does, and reads more than the library takes: see [`crate::wire`].
pub(crate) struct ChildTransport<R: AsyncRead, W: AsyncWrite> {
    read: BufReader<R>,
    line: Message,
    messages: VecDeque<ServerJsonRpcMessage>,
    /// Whether the first answer has come.
    opened: bool,
    noise: Arc<OnceLock<String>>,
    write: AsyncRwTransport<RoleClient, Empty, W>,
}

impl<R, W> ChildTransport<R, W>
where
    R: AsyncRead + Send + Unpin,
    W: AsyncWrite + Send + Unpin + 'static,
{
    pub(crate) fn new(read: R, write: W) -> Self {
        Self {
            read: BufReader::new(read),
            line: Message::default(),
            messages: VecDeque::new(),
            opened: false,
            noise: Arc::default(),
            write: AsyncRwTransport::new_client(empty(), write),
        }
    }

    /// The first line that was no message, once it has come: by it one sees why no answer is heard.
    pub(crate) fn noise(&self) -> Arc<OnceLock<String>> {
        self.noise.clone()
    }
}

impl<R, W> Transport<RoleClient> for ChildTransport<R, W>
where
    R: AsyncRead + Send + Unpin,
    W: AsyncWrite + Send + Unpin + 'static,
{
    type Error = io::Error;

    fn send(
        &mut self,
        message: ClientJsonRpcMessage,
    ) -> impl Future<Output = Result<(), io::Error>> + Send + 'static {
        self.write.send(message)
    }

    /// May be dropped at any time: nothing that was read is lost.
    async fn receive(&mut self) -> Option<ServerJsonRpcMessage> {
        loop {
            if let Some(message) = self.messages.pop_front() {
                self.opened |= matches!(message, JsonRpcMessage::Response(_));
                return Some(message);
            }
            let (taken, ended, over) = match self.read.fill_buf().await {
                Ok([]) => (0, true, true),
                Ok(bytes) => {
                    let newline = memchr::memchr(b'\n', bytes);
                    let taken = newline.map_or(bytes.len(), |at| at + 1);
                    self.line.push(&bytes[..taken]);
                    (taken, newline.is_some(), false)
                }
                Err(error) => {
                    tracing::debug!("the stdout of an MCP server cannot be read: {error}");
                    (0, true, true)
                }
            };
            self.read.consume(taken);
            if ended {
                let unknown = self.noise.get().is_none();
                let beginning = unknown.then(|| self.line.beginning());
                // Its last words may have no newline.
                self.messages = self.line.end(Place::Line, self.opened).into();
                let noise = beginning.filter(|text| self.messages.is_empty() && !text.is_empty());
                if let Some(noise) = noise {
                    let _ = self.noise.set(noise); // it was looked for: there is none yet
                }
                if over && self.messages.is_empty() {
                    return None;
                }
            }
        }
    }

    async fn close(&mut self) -> Result<(), io::Error> {
        self.write.close().await
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rmcp::model::{RequestId, ServerResult};
    use tokio::io::sink;

    use super::*;

    /// The ids of all answers, in their order.
    fn ids(bytes: &[u8]) -> Vec<String> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .build()
            .unwrap();
        let id = |id: &RequestId| id.to_string();
        runtime.block_on(async {
            let mut transport = ChildTransport::new(bytes, sink());
            transport.opened = true;
            let mut ids = Vec::new();
            while let Some(message) = transport.receive().await {
                match message {
                    JsonRpcMessage::Response(answer) => {
                        assert!(matches!(answer.result, ServerResult::CustomResult(_)));
                        ids.push(id(&answer.id));
                    }
                    JsonRpcMessage::Error(error) => ids.extend(error.id.as_ref().map(id)),
                    _ => {}
                }
            }
            ids
        })
    }

    #[test]
    fn the_last_words_need_no_newline() {
        assert_eq!(
            ids(b"hello\n{\"id\":1,\"result\":1}\r\n\n{\"id\":2,\"result\":2}"),
            ["1", "2"]
        );
        assert_eq!(ids(b""), [""; 0]);
    }

    #[tokio::test]
    async fn the_first_line_that_is_no_message_is_kept() {
        let bytes = b"\n{\"id\":1,\"result\":1}\n > {\"id\":2}\x1b[0m \nmore\n";
        let mut transport = ChildTransport::new(&bytes[..], sink());
        let noise = transport.noise();
        while transport.receive().await.is_some() {}
        assert_eq!(noise.get().map(String::as_str), Some("> {\"id\":2}\x1b[0m"));
    }

    proptest! {
        #[test]
        fn whatever_comes_before_it_an_answer_is_heard(noise in proptest::collection::vec(any::<u8>(), 0..300)) {
            let bytes = [noise.as_slice(), b"\n{\"id\":\"last\",\"result\":1}\n"].concat();
            let ids = ids(&bytes);
            prop_assert_eq!(ids.last().map(String::as_str), Some("last"));
        }
    }
}
