//! Several commands at once: one pipeline to each master.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use futures_util::future::join_all;
use redis::{Pipeline, Value};

use super::super::Shared;
use super::super::net::fault::{self, ConnectionState};
use super::super::net::link::Link;
use super::super::record::script::Script;
use super::Failure;
use super::command::Command;

/// Commands for one master, each with its index among all commands.
type Group<'a> = Vec<(usize, &'a Command)>;

impl Shared {
    /// Sends commands, once each, and returns their replies in the same order. Commands for one master share a
    /// pipeline, and all masters are sent to concurrently. A redirected command is sent again by itself.
    pub(crate) async fn execute_all(self: &Arc<Self>, commands: &[Command]) -> Vec<Result<Value, Failure>> {
        let mut replies: Vec<Option<Result<Value, Failure>>> = Vec::new();
        replies.resize_with(commands.len(), || None);
        let mut groups: Vec<(Arc<Link>, Group<'_>)> = Vec::new();
        for (index, command) in commands.iter().enumerate() {
            match self.route.link(command.name()).await {
                Ok(link) => match groups.iter_mut().find(|(other, _)| Arc::ptr_eq(other, &link)) {
                    Some((_, group)) => group.push((index, command)),
                    None => groups.push((link, vec![(index, command)])),
                },
                Err(cause) => replies[index] = Some(Err(Failure::NotSent(cause))),
            }
        }
        let sent = groups.into_iter().map(async |(link, group)| {
            let answered = self.execute_group(&link, &group).await;
            group.into_iter().map(|(index, _)| index).zip(answered).collect::<Vec<_>>()
        });
        for (index, reply) in join_all(sent).await.into_iter().flatten() {
            replies[index] = Some(reply);
        }
        replies
            .into_iter()
            .map(|reply| reply.unwrap_or_else(|| Err(Failure::Sent(missing_reply()))))
            .collect()
    }

    async fn execute_group(
        self: &Arc<Self>,
        link: &Arc<Link>,
        group: &Group<'_>,
    ) -> Vec<Result<Value, Failure>> {
        let commands: Vec<&Command> = group.iter().map(|(_, command)| *command).collect();
        let mut replies = self.exchange_all(link, &commands, false).await;
        let unknown: Vec<usize> = indices(&replies, |failure| failure.is(fault::is_unknown_script));
        if !unknown.is_empty() {
            let retried: Vec<&Command> = unknown.iter().map(|index| commands[*index]).collect();
            let retried = self.exchange_all(link, &retried, true).await;
            for (index, reply) in unknown.into_iter().zip(retried) {
                replies[index] = reply;
            }
        }
        // A redirected command was not executed: the slot has moved or is migrating.
        let redirected = indices(&replies, |failure| match failure {
            Failure::Sent(cause) => self.route.redirect(link, cause).is_some(),
            _ => false,
        });
        for index in redirected {
            replies[index] = self.execute(commands[index]).await;
        }
        replies
    }

    /// Sends commands to one server in one pipeline. With `use_eval`, the first use of each script is sent as `EVAL`,
    /// which makes the server cache the script before the next use.
    async fn exchange_all(
        self: &Arc<Self>,
        link: &Link,
        commands: &[&Command],
        use_eval: bool,
    ) -> Vec<Result<Value, Failure>> {
        let mut connection = match link.connection().await {
            Ok(connection) => connection,
            Err(cause) => {
                self.route.request_refresh();
                return commands.iter().map(|_| Err(Failure::NotSent(cause.clone()))).collect();
            }
        };
        if !self.probed.load(Ordering::Relaxed) {
            self.start_probing();
        }
        let pipeline = pipeline(commands, use_eval);
        let sent = connection.commands.send_all(&pipeline, commands.len()).await;
        let replies = sent.unwrap_or_else(|cause| commands.iter().map(|_| Err(cause.clone())).collect());
        let states = replies.iter().filter_map(|reply| reply.as_ref().err()).map(fault::connection_state);
        let state = states.max().unwrap_or(ConnectionState::Alive);
        if link.report(&connection, state) {
            self.route.request_refresh();
        }
        replies.into_iter().map(|reply| reply.map_err(Failure::Sent)).collect()
    }
}

fn pipeline(commands: &[&Command], use_eval: bool) -> Pipeline {
    let mut pipeline = redis::pipe();
    let mut cached: Vec<*const Script> = Vec::new();
    for command in commands {
        let script =
            command.as_script().map(std::ptr::from_ref).filter(|script| use_eval && !cached.contains(script));
        cached.extend(script);
        pipeline.add_command(if script.is_some() { command.with_text() } else { command.encoded().clone() });
    }
    pipeline
}

/// The indices of the replies whose failure satisfies the predicate.
fn indices(replies: &[Result<Value, Failure>], predicate: impl Fn(&Failure) -> bool) -> Vec<usize> {
    let failed = replies.iter().enumerate().filter_map(|(index, reply)| Some((index, reply.as_ref().err()?)));
    failed.filter(|(_, failure)| predicate(failure)).map(|(index, _)| index).collect()
}

/// The error for a missing reply, which must not be mistaken for a nil: a nil grants a claim.
fn missing_reply() -> redis::RedisError {
    std::io::Error::other("a reply is missing").into()
}
