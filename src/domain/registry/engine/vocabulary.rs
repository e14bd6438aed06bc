//! The words that the ranking knows: stop words, irregular forms, fixed expressions, everyday synonyms and what verbs intend.
//! General English only; what is particular to one tool belongs in its card.

use std::collections::{HashMap, HashSet};
use std::sync::LazyLock;

use super::text::{Intention, stem};

pub(super) static STOP_WORDS: LazyLock<HashSet<&str>> = LazyLock::new(|| {
    "a about after again against all already also am an and another any anybody anyhow anyone anything are as ask at away be because been \
     before being between both but by can cannot cant could did didnt do does doesnt doing done dont each either else etc even ever exist existing exists \
     every everybody everyone few first for from further got gotten had has have having he help her here him his how however i id if im in \
     into is isnt it its ive just kind least less like lot make many may me might more most much must my mine myself near need needs never next \
     nobody no none nor not now of off often on once one only onto or other others otherwise our ours out over own perhaps \
     please possible quite rather really same shall she should so some somebody someone something soon still such than that thats the their \
     them then there these they thing things this those through thus to too two under until upon us use used uses using very via want \
     wants was we well were what whats when where whether which while who whom whose why will wish with within without would \
     yes yet you your yours"
        .split_whitespace()
        .collect()
});

pub(super) static FAINT: LazyLock<HashSet<&str>> = LazyLock::new(|| {
    "howmany show list get see view tell display fetch look find know check print return who when where why my me i mine myself"
        .split_whitespace()
        .collect()
});

/// Words which, at the start of a sentence, make it a question.
pub(super) static OPENERS: LazyLock<HashSet<&str>> = LazyLock::new(|| {
    "what whats which who whose whom when where why is are was were has have had did does do am howmany anybody"
        .split_whitespace()
        .collect()
});

pub(super) static IRREGULAR: LazyLock<HashMap<&str, &str>> = LazyLock::new(|| {
    "people=person persons=person gave=give given=give wrote=write written=write sent=send ran=run kept=keep lost=lose loss=lose made=make \
     making=make found=find told=tell took=take taken=take went=go gone=go saw=see seen=see began=begin begun=begin \
     broke=break broken=break chose=choose chosen=choose built=build bought=buy brought=bring held=hold left=leave met=meet meeting=meeting \
     paid=pay put=put read=read said=say says=say spent=spend spoke=speak spoken=speak stood=stand thought=think understood=understand \
     withdrew=withdraw withdrawn=withdraw won=win drew=draw drawn=draw fell=fall fallen=fall forgot=forget forgotten=forget \
     hid=hide hidden=hide knew=know known=know overdue=overdue indices=index criteria=criterion \
     analyses=analysis analyse=analyze analysed=analyze docs=documentation doc=documentation config=configuration configs=configuration \
     configure=configuration configured=configuration perms=permission stats=statistics stat=statistics info=information db=database \
     org=organization admin=administrator admins=administrator auth=authentication env=environment msg=message repo=repository \
     params=parameter param=parameter args=argument arg=argument apis=api ids=id llms=llm e=e"
        .split_whitespace()
        .filter_map(|pair| pair.split_once('='))
        .collect()
});

/// Verbs whose past is settled to this form: after "who" they still tell of the past.
pub(super) static PAST: LazyLock<HashSet<&str>> = LazyLock::new(|| {
    "did give make take send write run put keep lose see break choose build bring set let".split_whitespace().collect()
});

pub(super) type Tails = Vec<(Vec<&'static str>, &'static str)>;

/// Expressions by their first word. Where two begin alike, the longer one stands first.
pub(super) static EXPRESSIONS: LazyLock<HashMap<&str, Tails>> = LazyLock::new(|| {
    let mut table: HashMap<&str, Tails> = HashMap::new();
    for (expression, meaning) in EXPRESSION_TABLE {
        let mut parts = expression.split(' ');
        if let Some(first) = parts.next() {
            table.entry(first).or_default().push((parts.collect(), meaning));
        }
    }
    table
});

const EXPRESSION_TABLE: &[(&str, &str)] = &[
    ("get rid of", "remove"),
    ("throw away", "remove"),
    ("no longer", "stop"),
    ("not any more", "stop"),
    ("any more", "stop"),
    ("take away", "withdraw"),
    ("take back", "withdraw"),
    ("set up", "create"),
    ("write down", "create"),
    ("kick off", "start"),
    ("kick out", "remove"),
    ("carry out", "execute"),
    ("take out", "remove"),
    ("take off", "remove"),
    ("take a snapshot", "create snapshot"),
    ("take a copy", "create copy"),
    ("wipe out", "erase"),
    ("clean up", "clear"),
    ("call off", "cancel"),
    ("hand out", "assign"),
    ("hand over", "assign"),
    ("run out", "expire"),
    ("runs out", "expire"),
    ("look at", "view"),
    ("look for", "find"),
    ("bring in", "import"),
    ("speed up", "optimize"),
    ("break down", "split"),
    ("start over", "restart"),
    ("log in", "login"),
    ("logged in", "login session"),
    ("sign in", "login"),
    ("signed in", "login session"),
    ("log out", "logout"),
    ("log off", "logout"),
    ("sign out", "logout"),
    ("sign up", "register"),
    ("sign off", "approval"),
    ("single sign on", "sso"),
    ("turn on", "enable"),
    ("switch on", "enable"),
    ("turned on", "enable"),
    ("turn off", "disable"),
    ("switch off", "disable"),
    ("shut down", "stop"),
    ("back up", "backup"),
    ("backed up", "backup"),
    ("roll back", "rollback"),
    ("go back", "restore"),
    ("get back", "restore"),
    ("bring back", "restore"),
    ("put back", "restore"),
    ("come from", "source"),
    ("comes from", "source"),
    ("how many", "howmany count"),
    ("lock out", "lock"),
    ("how much", "howmany amount"),
    ("how often", "howmany frequency"),
    ("how long", "howmany duration"),
    ("allowed to", "permission"),
    ("two factor", "mfa"),
    ("multi factor", "mfa"),
    ("read only", "readonly read"),
    ("up and running", "running"),
    ("give me a", "anew"),
    ("give me an", "anew"),
    ("get me a", "anew"),
    ("get me an", "anew"),
    ("show me", "show"),
    ("give me", "show"),
    ("tell me", "show"),
    ("get me", "show"),
    ("find me", "find"),
    ("let me", ""),
    ("let us", ""),
    ("help me", "help"),
    ("find out", "find"),
    ("look up", "get"),
    ("looking for", "find"),
    ("i need a", "anew"),
    ("we need a", "anew"),
    ("i need an", "anew"),
    ("we need an", "anew"),
    ("i want a", "anew"),
    ("we want a", "anew"),
    ("would like to", ""),
    ("in order to", ""),
    ("of course", ""),
    ("at the moment", "current"),
    ("right now", "current"),
    ("as soon as", "when"),
    ("at once", "immediately"),
];

pub(super) static SYNONYMS: LazyLock<Vec<Vec<String>>> =
    LazyLock::new(|| SYNONYM_TABLE.iter().map(|group| group.split_whitespace().map(stem).collect()).collect());

/// Each line is one everyday meaning. A word may stand in several lines.
const SYNONYM_TABLE: &[&str] = &[
    // What is done.
    "delete remove erase destroy wipe drop purge discard eliminate",
    "revoke withdraw invalidate disable cancel strip demote",
    "clear empty flush purge reset",
    "create make add new build define insert register generate compose draft",
    "issue create generate grant",
    "change update edit modify alter adjust set replace overwrite rename correct",
    "show list get see view display fetch browse overview",
    "search find query discover lookup seek",
    "run execute invoke call launch start trigger perform",
    "stop cancel abort end terminate halt kill quit",
    "pause hold suspend interrupt freeze",
    "resume continue reactivate proceed",
    "suspend deactivate block disable lock freeze",
    "unlock unblock reactivate enable restore",
    "assign give grant appoint promote delegate hand",
    "approve accept confirm approval decide consent",
    "reject refuse deny decline denial",
    "check verify validate test inspect examine prove confirm",
    "save store keep put record remember",
    "remember memory recall recollect note",
    "forget memory unlearn",
    "send deliver transmit mail notify",
    "tell notify inform announce publish emit",
    "warn alert alarm warning",
    "subscribe listen follow watch",
    "publish release ship deploy",
    "compare diff difference different versus",
    "import load ingest feed upload",
    "export download dump extract",
    "summarize summary recap digest sum",
    "explain describe reason documentation",
    "choose decide select pick weigh recommend decision option",
    "plan step roadmap",
    "connect link attach integrate join connection integration",
    "invite join onboard enroll welcome",
    "share grant access acl",
    "answer respond reply response",
    "recover restore rescue retrieve recovery",
    "rollback undo revert reverse restore",
    "migrate migration upgrade move",
    "measure figure metric number statistics counter measurement",
    "monitor watch observe dashboard",
    "schedule cron recurring periodic nightly daily weekly monthly timetable calendar",
    "speak talk say discuss",
    "learn train teach",
    // Who.
    "user person account member employee colleague coworker staff teammate individual human hire newcomer intern worker contractor",
    "administrator manager owner boss superuser",
    "caller my myself mine own me self",
    "tenant company organization firm business",
    "workspace team space department",
    "customer client buyer subscriber",
    "agent assistant bot",
    "persona character personality",
    "participant speaker attendee",
    // What.
    "role position function job",
    "permission right access allow allowed let privilege authorization permit permitted",
    "key token credential secret password",
    "login authentication sso password",
    "mfa totp otp 2fa authenticator",
    "sso saml oidc okta",
    "tool capability function operation action ability",
    "schema parameter argument field input signature",
    "documentation manual guide handbook help instruction tutorial",
    "example sample demonstration",
    "category area topic domain group kind theme subject section",
    "catalog registry directory inventory",
    "log message output trace",
    "audit trail history track",
    "error failure fault exception problem fail bug crash",
    "configuration setting option preference value",
    "backup snapshot copy archive dump",
    "database data table storage record",
    "health healthy alive up reachable running available status liveness ping okay fine",
    "server system instance service installation platform convoke",
    "cache cached stale",
    "size memory volume amount count",
    "hit rate ratio",
    "performance speed latency throughput fast slow",
    "cost price money spend expense dollar budget euro",
    "limit quota cap maximum budget allowance",
    "usage use consumption used",
    "expiry expire expiration lifetime",
    "date day time deadline month",
    "discussion conversation debate chat meeting talk thread",
    "process workflow procedure bpmn",
    "execution run instance running",
    "flow pipeline",
    "task todo job assignment",
    "form questionnaire",
    "rule policy decision business",
    "event topic message",
    "model llm",
    "prompt template",
    "document file pdf scan",
    "record entity row item",
    "knowledge fact information",
    "graph node relation network",
    "emotion feeling mood angry sentiment happy",
    "intent intention purpose",
    "goal objective target kpi",
    "feedback rating review thumbs",
    "incident breach attack intrusion",
    "risk danger threat",
    "intact integrity",
    "report statement evidence",
    "chart plot diagram graph",
    "name surname called",
    "email mail address",
    "phone sms",
    "logo brand branding",
    "churn attrition",
    "synthetic fake artificial mock dummy",
    "code script program source python",
    "overdue late delay",
    "subscription plan tier",
    "gdpr privacy personal erasure",
    "version release draft revision",
    "new newest latest recent last",
    "wrong incorrect mistake mistaken typo",
    "corrupt damaged broken",
    "image picture photo scan",
    "merge combine unite",
    "copy duplicate clone",
    "guest visitor member",
    "cpu processor load resource memory",
    "secure protect safe security",
    "invoice bill payment billing",
    "sentence text paragraph passage",
    "speech voice audio recording",
    "website page portal site",
    "statute law legal",
    "supervise oversee monitor",
    "faulty invalid malformed",
    "archive backup preserve",
    "expire lapse expiry valid",
    "valid genuine authentic",
    "call request traffic",
    "parent subsidiary child",
    "session login",
    "detail profile information record",
    "current effective present",
    "source origin",
];

pub(super) static INTENTIONS: LazyLock<HashMap<String, Intention>> = LazyLock::new(|| {
    INTENTION_TABLE
        .iter()
        .flat_map(|(intention, verbs)| verbs.split_whitespace().map(|verb| (stem(verb), *intention)))
        .collect()
});

const INTENTION_TABLE: &[(Intention, &str)] = &[
    (
        Intention::Read,
        "show list get see view display fetch search find browse look read query describe inspect compare explain count howmany \
         overview statistics history status metric usage lookup print dump tail scrape recall evaluate check verify validate",
    ),
    (
        Intention::Create,
        "create make add new anew register insert generate invite issue build open onboard define enroll hire upload ingest store save backup \
         remember write compose draft",
    ),
    (
        Intention::Change,
        "change update edit set modify alter correct rename replace overwrite adjust put let allow assign grant give promote",
    ),
    (
        Intention::Remove,
        "delete remove erase wipe revoke clear empty flush cancel forget retire withdraw drop purge invalidate kill destroy strip \
         disable unsubscribe deregister demote stop abort discard kick",
    ),
    (Intention::Run, "run execute invoke call start launch trigger perform restore transcribe send"),
];
