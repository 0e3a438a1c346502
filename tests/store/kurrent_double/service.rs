//! The protocol over the streams in memory.

use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex};

use base64::Engine;
use futures_util::{Stream, StreamExt, stream};
use tokio::sync::watch;
use tonic::metadata::MetadataMap;
use tonic::{Code, Request, Response, Status, Streaming};

use super::generated::event_store::client::gossip::gossip_server::{Gossip, GossipServer};
use super::generated::event_store::client::gossip::{ClusterInfo, EndPoint, MemberInfo};
use super::generated::event_store::client::server_features::server_features_server::{
    ServerFeatures, ServerFeaturesServer,
};
use super::generated::event_store::client::server_features::{SupportedMethod, SupportedMethods};
use super::generated::event_store::client::streams::append_req::options::ExpectedStreamRevision;
use super::generated::event_store::client::streams::append_resp::success::{
    CurrentRevisionOption, PositionOption,
};
use super::generated::event_store::client::streams::append_resp::wrong_expected_version::{
    CurrentRevisionOption as Actual, ExpectedRevisionOption,
};
use super::generated::event_store::client::streams::append_resp::{self, Success};
use super::generated::event_store::client::streams::read_req::options::stream_options::RevisionOption;
use super::generated::event_store::client::streams::read_req::options::{
    CountOption, StreamOption,
};
use super::generated::event_store::client::streams::read_resp::read_event::RecordedEvent;
use super::generated::event_store::client::streams::read_resp::{
    Content, ReadEvent, StreamNotFound,
};
use super::generated::event_store::client::streams::streams_server::{Streams, StreamsServer};
use super::generated::event_store::client::streams::*;
use super::generated::event_store::client::{Empty, StreamIdentifier, Uuid, uuid};
use super::streams::{Append, Appended, Event, Expected, LOG, State};
use super::{AppendFault, Arrived, ReadFault};

/// All services of one server.
#[derive(Clone)]
pub struct Services {
    pub address: SocketAddr,
    pub state: Arc<Mutex<State>>,
    pub arrived: Arc<watch::Sender<Arrived>>,
}

type Answer = Pin<Box<dyn Stream<Item = Result<ReadResp, Status>> + Send>>;

impl Services {
    pub fn servers(
        self,
    ) -> (
        StreamsServer<Self>,
        GossipServer<Self>,
        ServerFeaturesServer<Self>,
    ) {
        (
            StreamsServer::new(self.clone()),
            GossipServer::new(self.clone()),
            ServerFeaturesServer::new(self),
        )
    }

    /// Checks user, password and leadership.
    fn admit(&self, metadata: &MetadataMap) -> Result<(), Status> {
        let state = self.state.lock().expect("unpoisoned");
        if let Some((user, password)) = &state.login {
            let encoded =
                base64::engine::general_purpose::STANDARD.encode(format!("{user}:{password}"));
            let given = metadata
                .get("authorization")
                .and_then(|given| given.to_str().ok());
            if given != Some(&format!("Basic {encoded}")) {
                return Err(Status::unauthenticated("Authentication failed"));
            }
        }
        let asks_leader = metadata
            .get("requires-leader")
            .is_some_and(|asks| asks == "true");
        match state.leader.filter(|_| asks_leader) {
            Some(leader) => Err(not_leader(leader)),
            None => Ok(()),
        }
    }

    fn append_now(&self, append: &Append) -> Appended {
        self.state.lock().expect("unpoisoned").append(append)
    }

    fn next_append_fault(&self) -> Option<AppendFault> {
        let mut state = self.state.lock().expect("unpoisoned");
        if let Some(late) = state.late.take() {
            state.append(&late);
        }
        state.append_faults.pop_front()
    }

    async fn append_by_script(&self, append: Append) -> Result<AppendResp, Status> {
        let fault = match append.stream == LOG {
            true => self.next_append_fault(),
            false => None,
        };
        if append.stream == LOG {
            self.arrived.send_modify(|arrived| arrived.appends += 1);
        }
        match fault {
            None => answer(self.append_now(&append)),
            Some(AppendFault::Twice) => {
                self.append_now(&append);
                answer(self.append_now(&append))
            }
            Some(AppendFault::NotLeader(leader)) => Err(not_leader(leader)),
            Some(AppendFault::Denied) => Err(Status::permission_denied("Access Denied")),
            Some(AppendFault::SilentRecorded) => {
                self.append_now(&append);
                std::future::pending().await
            }
            Some(AppendFault::SilentLost) => std::future::pending().await,
            Some(AppendFault::SilentLate) => {
                self.state.lock().expect("unpoisoned").late = Some(append);
                std::future::pending().await
            }
            Some(AppendFault::BrokenRecorded) => {
                self.append_now(&append);
                Err(Status::unavailable("scripted"))
            }
            Some(AppendFault::BrokenLost) => Err(Status::unavailable("scripted")),
            Some(AppendFault::OutOfTimeRecorded) => {
                self.append_now(&append);
                Err(Status::deadline_exceeded("scripted"))
            }
            Some(AppendFault::EmptyAnswer) => {
                self.append_now(&append);
                Ok(AppendResp { result: None })
            }
        }
    }
}

fn not_leader(leader: SocketAddr) -> Status {
    let mut metadata = MetadataMap::new();
    metadata.insert("exception", "not-leader".parse().expect("a value"));
    let host = leader.ip().to_string();
    metadata.insert("leader-endpoint-host", host.parse().expect("a value"));
    let port = leader.port().to_string();
    metadata.insert("leader-endpoint-port", port.parse().expect("a value"));
    Status::with_metadata(Code::NotFound, "Leader info available", metadata)
}

fn answer(appended: Appended) -> Result<AppendResp, Status> {
    let result = match appended {
        Appended::At(last) => append_resp::Result::Success(Success {
            current_revision_option: Some(CurrentRevisionOption::CurrentRevision(last)),
            position_option: Some(PositionOption::NoPosition(Empty {})),
        }),
        Appended::Moved(last) => {
            append_resp::Result::WrongExpectedVersion(append_resp::WrongExpectedVersion {
                current_revision_option: Some(match last {
                    Some(last) => Actual::CurrentRevision(last),
                    None => Actual::CurrentNoStream(Empty {}),
                }),
                expected_revision_option: Some(ExpectedRevisionOption::ExpectedAny(Empty {})),
                ..Default::default()
            })
        }
        Appended::Deleted => {
            let mut metadata = MetadataMap::new();
            metadata.insert("exception", "stream-deleted".parse().expect("a value"));
            return Err(Status::with_metadata(
                Code::FailedPrecondition,
                "Event stream is deleted.",
                metadata,
            ));
        }
        Appended::TooLarge => {
            return Err(Status::invalid_argument("Maximum Append Size Exceeded."));
        }
    };
    Ok(AppendResp {
        result: Some(result),
    })
}

#[tonic::async_trait]
impl Streams for Services {
    type ReadStream = Answer;
    type BatchAppendStream = Pin<Box<dyn Stream<Item = Result<BatchAppendResp, Status>> + Send>>;

    async fn read(&self, request: Request<ReadReq>) -> Result<Response<Answer>, Status> {
        self.admit(request.metadata())?;
        self.arrived.send_modify(|arrived| arrived.reads += 1);
        let options = request.into_inner().options.ok_or_else(missing)?;
        let Some(StreamOption::Stream(wanted)) = options.stream_option else {
            return Err(Status::unimplemented("only streams are read here"));
        };
        let Some(CountOption::Count(count)) = options.count_option else {
            return Err(Status::unimplemented("subscriptions are not used"));
        };
        let name = name_of(wanted.stream_identifier)?;
        let mut state = self.state.lock().expect("unpoisoned");
        if state.tombstones.contains(&name) {
            return Err(answer(Appended::Deleted).expect_err("deleted"));
        }
        let Some(readable) = state.readable(&name) else {
            let content = Content::StreamNotFound(StreamNotFound {
                stream_identifier: Some(identifier(&name)),
            });
            return Ok(whole(vec![Ok(response(content))]));
        };
        let last = readable.last().map_or(0, |(revision, _)| *revision);
        let from = match wanted.revision_option.ok_or_else(missing)? {
            RevisionOption::Revision(revision) => i64::try_from(revision)
                .map_err(|_| Status::invalid_argument("a revision is a signed number"))?
                .unsigned_abs(),
            RevisionOption::Start(_) => 0,
            RevisionOption::End(_) => last,
        };
        let count = usize::try_from(count).unwrap_or(usize::MAX);
        let is_backward = options.read_direction == 1;
        let page: Vec<_> = match is_backward {
            true => readable
                .iter()
                .rev()
                .filter(|(at, _)| *at <= from)
                .take(count)
                .collect(),
            false => readable
                .iter()
                .filter(|(at, _)| *at >= from)
                .take(count)
                .collect(),
        };
        let events = page
            .into_iter()
            .map(|(at, event)| Ok(sent(&name, *at, event)));
        let mut answer: Vec<_> = events.collect();
        let fault = match name == LOG && !is_backward {
            true => state.read_faults.pop_front(),
            false => None,
        };
        match fault {
            None => {}
            Some(ReadFault::EndsAfter(events)) => answer.truncate(events),
            Some(ReadFault::BreaksAfter(events)) => {
                answer.truncate(events);
                answer.push(Err(Status::unavailable("scripted")));
            }
            Some(ReadFault::Twice) => {
                answer = answer
                    .into_iter()
                    .flat_map(|event| [event.clone(), event])
                    .collect();
            }
            Some(ReadFault::Silent) => {
                let silence = stream::iter(answer.into_iter().take(1)).chain(stream::pending());
                return Ok(Response::new(Box::pin(silence)));
            }
            Some(ReadFault::NoId) => answer.iter_mut().flatten().for_each(without_id),
            Some(ReadFault::NotLeader(leader)) => return Err(not_leader(leader)),
        }
        answer.push(Ok(response(Content::LastStreamPosition(last))));
        Ok(whole(answer))
    }

    async fn append(
        &self,
        request: Request<Streaming<AppendReq>>,
    ) -> Result<Response<AppendResp>, Status> {
        self.admit(request.metadata())?;
        let mut messages = request.into_inner();
        let mut append: Option<Append> = None;
        while let Some(message) = messages.message().await? {
            match (message.content.ok_or_else(missing)?, &mut append) {
                (append_req::Content::Options(options), None) => {
                    append = Some(Append {
                        stream: name_of(options.stream_identifier)?,
                        expected: expected(options.expected_stream_revision.ok_or_else(missing)?),
                        events: Vec::new(),
                    });
                }
                (append_req::Content::ProposedMessage(proposed), Some(append)) => {
                    append.events.push(Event {
                        id: id_of(proposed.id),
                        metadata: proposed.metadata,
                        custom_metadata: proposed.custom_metadata,
                        data: proposed.data,
                    });
                }
                _ => return Err(missing()),
            }
        }
        let append = append.ok_or_else(missing)?;
        Ok(Response::new(self.append_by_script(append).await?))
    }

    async fn delete(&self, request: Request<DeleteReq>) -> Result<Response<DeleteResp>, Status> {
        let options = request.into_inner().options.ok_or_else(missing)?;
        let name = name_of(options.stream_identifier)?;
        let before = serde_json::json!({ "$tb": i64::MAX });
        self.state.lock().expect("unpoisoned").set(&name, &before);
        Ok(Response::new(DeleteResp {
            position_option: None,
        }))
    }

    async fn tombstone(
        &self,
        request: Request<TombstoneReq>,
    ) -> Result<Response<TombstoneResp>, Status> {
        let options = request.into_inner().options.ok_or_else(missing)?;
        let name = name_of(options.stream_identifier)?;
        self.state.lock().expect("unpoisoned").tombstones.push(name);
        Ok(Response::new(TombstoneResp {
            position_option: None,
        }))
    }

    async fn batch_append(
        &self,
        _request: Request<Streaming<BatchAppendReq>>,
    ) -> Result<Response<Self::BatchAppendStream>, Status> {
        // The client sends a deadline in it that no server can keep, so it must not be used.
        Err(Status::unimplemented("batch append is not used"))
    }
}

#[tonic::async_trait]
impl Gossip for Services {
    /// A cluster of one: this server leads, or the leader it knows does.
    async fn read(&self, _request: Request<Empty>) -> Result<Response<ClusterInfo>, Status> {
        let leader = self
            .state
            .lock()
            .expect("unpoisoned")
            .leader
            .unwrap_or(self.address);
        let member = |address: SocketAddr, state| MemberInfo {
            instance_id: Some(Uuid { value: None }),
            time_stamp: 0,
            state,
            is_alive: true,
            http_end_point: Some(EndPoint {
                address: address.ip().to_string(),
                port: u32::from(address.port()),
            }),
        };
        let mut members = vec![member(leader, LEADER)];
        if leader != self.address {
            members.insert(0, member(self.address, FOLLOWER));
        }
        Ok(Response::new(ClusterInfo { members }))
    }
}

const FOLLOWER: i32 = 6;
const LEADER: i32 = 8;

#[tonic::async_trait]
impl ServerFeatures for Services {
    async fn get_supported_methods(
        &self,
        _request: Request<Empty>,
    ) -> Result<Response<SupportedMethods>, Status> {
        let methods = ["read", "append", "batchappend"].map(|method| SupportedMethod {
            method_name: method.to_owned(),
            service_name: "event_store.client.streams.streams".to_owned(),
            features: Vec::new(),
        });
        Ok(Response::new(SupportedMethods {
            methods: methods.into(),
            event_store_server_version: "25.0.0".to_owned(),
        }))
    }
}

fn missing() -> Status {
    Status::invalid_argument("a part of the request is missing")
}

fn whole(answer: Vec<Result<ReadResp, Status>>) -> Response<Answer> {
    Response::new(Box::pin(stream::iter(answer)))
}

fn response(content: Content) -> ReadResp {
    ReadResp {
        content: Some(content),
    }
}

fn sent(stream: &str, revision: u64, event: &Event) -> ReadResp {
    response(Content::Event(ReadEvent {
        event: Some(RecordedEvent {
            id: Some(Uuid {
                value: Some(uuid::Value::String(event.id.clone())),
            }),
            stream_identifier: Some(identifier(stream)),
            stream_revision: revision,
            prepare_position: revision,
            commit_position: revision,
            metadata: event.metadata.clone(),
            custom_metadata: event.custom_metadata.clone(),
            data: event.data.clone(),
        }),
        link: None,
        position: None,
    }))
}

fn without_id(response: &mut ReadResp) {
    if let Some(Content::Event(ReadEvent {
        event: Some(event), ..
    })) = &mut response.content
    {
        event.id = None;
    }
}

fn identifier(name: &str) -> StreamIdentifier {
    StreamIdentifier {
        stream_name: name.as_bytes().to_vec(),
    }
}

fn name_of(identifier: Option<StreamIdentifier>) -> Result<String, Status> {
    let bytes = identifier.ok_or_else(missing)?.stream_name;
    String::from_utf8(bytes).map_err(|_| missing())
}

/// As text, whatever form it came in.
fn id_of(id: Option<Uuid>) -> String {
    match id.and_then(|id| id.value) {
        Some(uuid::Value::String(text)) => text,
        Some(uuid::Value::Structured(halves)) => {
            let high = u128::from(halves.most_significant_bits as u64);
            let low = u128::from(halves.least_significant_bits as u64);
            ::uuid::Uuid::from_u128(high << 64 | low).to_string()
        }
        None => String::new(),
    }
}

fn expected(revision: ExpectedStreamRevision) -> Expected {
    match revision {
        ExpectedStreamRevision::Revision(revision) => Expected::Revision(revision),
        ExpectedStreamRevision::NoStream(_) => Expected::NoStream,
        ExpectedStreamRevision::Any(_) => Expected::Any,
        ExpectedStreamRevision::StreamExists(_) => Expected::Exists,
    }
}
