//! The protocol's handler: one for each older session, one for each request of the newer era. It is small; what it shows and
//! calls is in `Server`.
#![expect(deprecated, reason = "clients of the older revisions subscribe and set a log level")]

use std::borrow::Cow;
use std::panic::AssertUnwindSafe;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use futures::FutureExt as _;
use rmcp::model::{
    CacheScope, CallToolRequestParams, CallToolResponse, CancelTaskParams, ClientJsonRpcMessage, ClientRequest,
    CompleteRequestParams, CompleteResult, CustomRequest, CustomResult, DiscoverResult, ErrorCode, ErrorData,
    Extensions, GetPromptRequestParams, GetPromptResponse, GetTaskParams, GetTaskResult, InitializeRequestParams,
    InitializeResult, JsonRpcMessage, ListPromptsResult, ListResourceTemplatesResult, ListResourcesResult,
    ListToolsResult, PaginatedRequestParams, ProtocolVersion, ReadResourceRequestParams, ReadResourceResponse,
    ServerConfig, SetLevelRequestMethod, SetLevelRequestParams, SubscribeRequestParams, SubscriptionFilter, Tool,
    UnsubscribeRequestParams, UpdateTaskParams,
};
use rmcp::service::{NotificationContext, RequestContext, SubscriptionContext};
use rmcp::{RoleServer, ServerHandler};
use serde_json::Value;
use tokio_util::sync::CancellationToken;

use super::calling::{self, Asked, Side};
use super::client::{self, Remote};
use super::era::{Declared, Era};
use super::fault;
use super::resources::not_there;
use super::server::Server;
use super::subscriptions::{self, Followed, Watch};
use super::view::{View, Visit};
use crate::capability::caller::{Caller, Credential, Origin};
use crate::capability::client::Level;
use crate::capability::registry::may_call;
use crate::kernel::tasks;

/// The metadata key of an idempotency key.
const KEY: &str = "convoke/idempotencyKey";
const LONGEST_KEY: usize = 255;

/// Methods of the protocol: one of them that arrives as unknown has parameters that cannot be read.
const METHODS: &[&str] = &[
    "completion/complete",
    "initialize",
    "logging/setLevel",
    "ping",
    "prompts/get",
    "prompts/list",
    "resources/list",
    "resources/read",
    "resources/subscribe",
    "resources/templates/list",
    "resources/unsubscribe",
    "server/discover",
    "subscriptions/listen",
    "tasks/cancel",
    "tasks/get",
    "tasks/update",
    "tools/call",
    "tools/list",
];

/// Methods that the newer era has no more, whatever their parameters.
const GONE: &[&str] = &["initialize", "logging/setLevel", "ping", "resources/subscribe", "resources/unsubscribe"];

/// Who opened a connection.
pub(super) enum Opener {
    /// The caller comes with each request; this is who came with the first.
    Visit(Option<Arc<Visit>>),
    /// The same credential for all of it, identified anew for each request.
    Credential(Credential, Origin),
}

/// The protocol's handler.
pub(super) struct Door {
    server: Arc<Server>,
    opener: Opener,
    versions: &'static [ProtocolVersion],
    closed: CancellationToken,
    session: OnceLock<Arc<Session>>,
    /// Hears of changes from the handshake on, and tells them once the client is ready.
    watch: Mutex<Option<Watch>>,
}

/// What a client of the older revisions sets for its session.
struct Session {
    level: AtomicU8,
    followed: Arc<Followed>,
}

impl Drop for Door {
    fn drop(&mut self) {
        self.closed.cancel();
    }
}

impl Door {
    pub(super) fn new(server: Arc<Server>, opener: Opener, closed: CancellationToken) -> Self {
        Self {
            server,
            opener,
            versions: ProtocolVersion::KNOWN_VERSIONS,
            closed,
            session: OnceLock::new(),
            watch: Mutex::default(),
        }
    }

    /// A door that speaks only the revisions with `initialize`.
    pub(super) fn of_legacy(server: Arc<Server>, opener: Opener, closed: CancellationToken) -> Self {
        let versions = ProtocolVersion::known_up_to(&ProtocolVersion::V_2025_11_25);
        Self { server, opener, versions, closed, session: OnceLock::new(), watch: Mutex::default() }
    }

    async fn visit(&self, extensions: &Extensions) -> Result<Arc<Visit>, ErrorData> {
        if let Some(parts) = extensions.get::<http::request::Parts>()
            && let Some(visit) = parts.extensions.get::<Arc<Visit>>()
        {
            return Ok(visit.clone());
        }
        if let Some(visit) = extensions.get::<Arc<Visit>>() {
            return Ok(visit.clone());
        }
        match &self.opener {
            Opener::Visit(Some(visit)) => Ok(visit.clone()),
            Opener::Visit(None) => Err(fault::internal()),
            Opener::Credential(credential, origin) => {
                let caller = self.server.gate.identify(credential, origin.address).await;
                caller
                    .map(|caller| Arc::new(self.usual_visit(caller, *origin)))
                    .map_err(|fault| self.server.refuse(&fault))
            }
        }
    }

    /// Leaves of a listener's request only resources that its caller may read.
    pub(super) async fn let_listen(&self, message: &mut ClientJsonRpcMessage) {
        if let JsonRpcMessage::Request(request) = message
            && let ClientRequest::SubscriptionsListenRequest(asked) = &mut request.request
            && let Some(uris) = asked.params.notifications.resource_subscriptions.clone()
            && let Ok(visit) = self.visit(&Extensions::new()).await
        {
            // Who listens too often is not refused for it, and hears of no resource.
            let readable = self.server.may_follow(&visit, uris).await.unwrap_or_default();
            asked.params.notifications.resource_subscriptions = Some(readable);
        }
    }

    /// Who asks for something that no tool is called for: counted as a call that reads.
    async fn counted(&self, extensions: &Extensions) -> Result<Arc<Visit>, ErrorData> {
        let visit = self.visit(extensions).await?;
        let counted = self.server.gate.count_look(&visit.caller, visit.origin.address);
        counted.map(|()| visit).map_err(|fault| self.server.refuse(&fault))
    }

    fn usual_visit(&self, caller: Arc<Caller>, origin: Origin) -> Visit {
        let view = View::of(None, &caller, &self.server.usual, self.server.read_only);
        Visit { caller, view, origin, tenant: None }
    }

    fn session(&self) -> &Arc<Session> {
        let none_yet = || Arc::new(Session { level: AtomicU8::new(rank(Level::Info)), followed: Arc::default() });
        self.session.get_or_init(none_yet)
    }

    /// The least level that the client hears.
    fn least(&self, era: Era, context: &RequestContext<RoleServer>) -> Option<Level> {
        match era {
            Era::Modern => context.meta.log_level().map(client::least),
            Era::Legacy => Some(of_rank(self.session().level.load(Ordering::Relaxed))),
        }
    }

    async fn make_call(
        &self,
        asked: CallToolRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        let visit = self.visit(&context.extensions).await?;
        let era = Era::of(&context);
        let declared = Declared::of(&context);
        let asked = Asked {
            name: asked.name.into_owned(),
            arguments: asked.arguments.unwrap_or_default(),
            responses: asked.input_responses,
            state: asked.request_state,
            key: idempotency_key(context.meta.0.0.get(KEY))?,
            trace: calling::trace(context.meta.0.0.get(calling::TRACEPARENT)),
        };
        let token = context.meta.get_progress_token();
        let least = self.least(era, &context);
        let (remote, told) = Remote::new(context.peer.clone(), era, declared.abilities, token, least);
        let side = Side { era, declared, client: Arc::new(remote), cancel: context.ct.clone() };
        // Questions to the client must be asked within this very task.
        client::telling(&context.peer, told, Box::pin(self.server.call(&visit, asked, side))).await
    }
}

/// The idempotency key of a call.
pub(super) fn idempotency_key(value: Option<&Value>) -> Result<Option<String>, ErrorData> {
    match value {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(key)) if !key.is_empty() && key.len() <= LONGEST_KEY => Ok(Some(key.clone())),
        Some(_) => {
            let say = format!("_meta.{KEY} must be a string of 1 to {LONGEST_KEY} characters");
            Err(ErrorData::invalid_params(say, None))
        }
    }
}

const fn rank(level: Level) -> u8 {
    match level {
        Level::Debug => 0,
        Level::Info => 1,
        Level::Warning => 2,
        Level::Error => 3,
    }
}

const fn of_rank(rank: u8) -> Level {
    match rank {
        0 => Level::Debug,
        1 => Level::Info,
        2 => Level::Warning,
        _ => Level::Error,
    }
}

/// A panic in a handler would leave its request without any answer.
async fn answered<T>(work: impl Future<Output = Result<T, ErrorData>>) -> Result<T, ErrorData> {
    AssertUnwindSafe(work).catch_unwind().await.unwrap_or_else(|_| {
        tracing::error!("an MCP handler panicked");
        Err(fault::internal())
    })
}

fn cursor(params: Option<&PaginatedRequestParams>) -> Option<&str> {
    params.and_then(|params| params.cursor.as_deref())
}

type Context = RequestContext<RoleServer>;

impl ServerHandler for Door {
    fn get_info(&self) -> ServerConfig {
        self.server.info.clone()
    }

    fn supported_protocol_versions(&self) -> Cow<'static, [ProtocolVersion]> {
        Cow::Borrowed(self.versions)
    }

    async fn discover(&self, _: Context) -> Result<DiscoverResult, ErrorData> {
        let result = DiscoverResult::from_server_info(self.versions.to_vec(), self.get_info());
        Ok(result.with_ttl_ms(self.server.ttl()).with_cache_scope(CacheScope::Public))
    }

    async fn list_tools(
        &self,
        params: Option<PaginatedRequestParams>,
        context: Context,
    ) -> Result<ListToolsResult, ErrorData> {
        answered(async {
            let visit = self.counted(&context.extensions).await?;
            self.server.tools_page(&visit, cursor(params.as_ref()), Era::of(&context))
        })
        .await
    }

    fn get_tool(&self, name: &str) -> Option<Tool> {
        let Opener::Visit(Some(visit)) = &self.opener else { return None };
        let snapshot = self.server.platform().registry.present();
        let tool = snapshot.find(visit.caller.tenant, name).filter(|tool| may_call(&visit.caller, tool))?;
        // Only the schema is looked at, for parameters that are repeated as headers.
        Some(Tool::new_with_raw(name.to_owned(), None, tool.input().clone()))
    }

    async fn call_tool(&self, asked: CallToolRequestParams, context: Context) -> Result<CallToolResponse, ErrorData> {
        // A large future: where it lies is not the library's to carry about.
        Box::pin(answered(self.make_call(asked, context))).await
    }

    async fn list_resources(
        &self,
        params: Option<PaginatedRequestParams>,
        context: Context,
    ) -> Result<ListResourcesResult, ErrorData> {
        answered(async {
            let visitor = self.server.visitor(&*self.counted(&context.extensions).await?, &context.ct);
            self.server.resources_page(&visitor, cursor(params.as_ref()), Era::of(&context)).await
        })
        .await
    }

    async fn list_resource_templates(
        &self,
        params: Option<PaginatedRequestParams>,
        context: Context,
    ) -> Result<ListResourceTemplatesResult, ErrorData> {
        answered(async {
            self.counted(&context.extensions).await?;
            self.server.templates(cursor(params.as_ref()), Era::of(&context))
        })
        .await
    }

    async fn read_resource(
        &self,
        asked: ReadResourceRequestParams,
        context: Context,
    ) -> Result<ReadResourceResponse, ErrorData> {
        answered(async {
            let visitor = self.server.visitor(&*self.counted(&context.extensions).await?, &context.ct);
            self.server.read(&visitor, &asked.uri, Era::of(&context)).await.map(ReadResourceResponse::from)
        })
        .await
    }

    async fn subscribe(&self, asked: SubscribeRequestParams, context: Context) -> Result<(), ErrorData> {
        answered(async {
            let visitor = self.server.visitor(&*self.counted(&context.extensions).await?, &context.ct);
            if !self.server.is_readable(&visitor, &asked.uri).await {
                return Err(not_there(&asked.uri));
            }
            self.session().followed.add(asked.uri)
        })
        .await
    }

    async fn unsubscribe(&self, asked: UnsubscribeRequestParams, _: Context) -> Result<(), ErrorData> {
        self.session().followed.remove(&asked.uri);
        Ok(())
    }

    fn accepted_subscription_filter(&self, requested: &SubscriptionFilter) -> Option<SubscriptionFilter> {
        Some(subscriptions::servable(requested))
    }

    async fn listen(&self, to: SubscriptionContext) -> Result<(), ErrorData> {
        answered(async {
            let visit = self.visit(&to.request_context().extensions).await?;
            subscriptions::listen(Watch::new(self.server.clone(), &visit), to, &self.closed).await
        })
        .await
    }

    async fn list_prompts(
        &self,
        params: Option<PaginatedRequestParams>,
        context: Context,
    ) -> Result<ListPromptsResult, ErrorData> {
        answered(async {
            let visitor = self.server.visitor(&*self.counted(&context.extensions).await?, &context.ct);
            self.server.prompts_page(&visitor, cursor(params.as_ref()), Era::of(&context)).await
        })
        .await
    }

    async fn get_prompt(
        &self,
        asked: GetPromptRequestParams,
        context: Context,
    ) -> Result<GetPromptResponse, ErrorData> {
        answered(async {
            let visit = self.counted(&context.extensions).await?;
            let visitor = self.server.visitor(&visit, &context.ct);
            self.server.prompt(&visit, &visitor, asked, Era::of(&context), Declared::of(&context)).await
        })
        .await
    }

    async fn complete(&self, asked: CompleteRequestParams, context: Context) -> Result<CompleteResult, ErrorData> {
        answered(async {
            let visitor = self.server.visitor(&*self.counted(&context.extensions).await?, &context.ct);
            self.server.completion(&visitor, asked).await
        })
        .await
    }

    async fn set_level(&self, asked: SetLevelRequestParams, context: Context) -> Result<(), ErrorData> {
        if Era::of(&context) == Era::Modern {
            return Err(ErrorData::method_not_found::<SetLevelRequestMethod>());
        }
        self.session().level.store(rank(client::least(asked.level)), Ordering::Relaxed);
        Ok(())
    }

    async fn initialize(
        &self,
        asked: InitializeRequestParams,
        context: Context,
    ) -> Result<InitializeResult, ErrorData> {
        let result = self.negotiate_initialize(&asked)?;
        context.peer.set_peer_info(asked);
        let visit = self.visit(&context.extensions).await?;
        let watch = Watch::new(self.server.clone(), &visit);
        *self.watch.lock().unwrap_or_else(PoisonError::into_inner) = Some(watch);
        Ok(result)
    }

    async fn on_initialized(&self, context: NotificationContext<RoleServer>) {
        let watch = self.watch.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(watch) = watch {
            let (followed, closed) = (self.session().followed.clone(), self.closed.clone());
            drop(tasks::spawn(subscriptions::tell_session(watch, context.peer, followed, closed)));
        }
    }

    async fn get_task(&self, asked: GetTaskParams, context: Context) -> Result<GetTaskResult, ErrorData> {
        answered(async {
            let visit = self.counted(&context.extensions).await?;
            self.server.task(&visit, &asked.task_id).await.map(GetTaskResult::new)
        })
        .await
    }

    async fn update_task(&self, asked: UpdateTaskParams, context: Context) -> Result<(), ErrorData> {
        answered(async {
            let visit = self.counted(&context.extensions).await?;
            self.server.update(&visit, &asked.task_id, asked.input_responses.into_iter().collect()).await
        })
        .await
    }

    async fn cancel_task(&self, asked: CancelTaskParams, context: Context) -> Result<(), ErrorData> {
        answered(async {
            let visit = self.visit(&context.extensions).await?;
            self.server.call_off(&visit, &asked.task_id).await
        })
        .await
    }

    async fn on_custom_request(&self, asked: CustomRequest, context: Context) -> Result<CustomResult, ErrorData> {
        let known = METHODS.contains(&asked.method.as_str());
        if known && (Era::of(&context) == Era::Legacy || !GONE.contains(&asked.method.as_str())) {
            let say = format!("the parameters of {} cannot be read", asked.method);
            return Err(ErrorData::invalid_params(say, None));
        }
        let method: String = asked.method.chars().take(64).collect();
        Err(ErrorData::new(ErrorCode::METHOD_NOT_FOUND, format!("there is no method '{method}'"), None))
    }
}
