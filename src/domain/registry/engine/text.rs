//! Language for the ranking: words, stems, stop words, everyday synonyms and the intention of a verb.
//! The tables hold general vocabulary only; what is particular to one tool belongs in its card.

use std::collections::{HashMap, HashSet};
use std::sync::LazyLock;

use rust_stemmers::{Algorithm, Stemmer};

/// What somebody wants to happen to a thing, as far as a verb or a question tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Intention {
    /// Look at something.
    Read,
    /// Bring something into being.
    Create,
    /// Alter what exists.
    Change,
    /// End something or take it away.
    Remove,
    /// Set something in motion.
    Run,
}

/// How many things a tool answers with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Number {
    /// One that is named.
    One,
    /// All that fit.
    Many,
}

/// Splits a text into lower-case words: at anything that is no letter or digit, and inside `camelCase`.
/// Fixed expressions ("get rid of") become the one word that they mean; spelling variants become one.
pub(super) fn words(text: &str) -> Vec<String> {
    let mut plain: Vec<String> = Vec::new();
    let mut word = String::new();
    let mut after_small = false;
    for character in text.chars().chain(std::iter::once(' ')) {
        let apostrophe = matches!(character, '\'' | '’');
        if apostrophe && !word.is_empty() {
            word.push('\'');
            continue;
        }
        let inside = character.is_alphanumeric();
        if (!inside || (character.is_uppercase() && after_small)) && !word.is_empty() {
            plain.push(settle(&word));
            word.clear();
        }
        if inside {
            word.extend(character.to_lowercase());
        }
        after_small = character.is_lowercase();
    }
    plain.retain(|word| !word.is_empty());
    fold_expressions(&plain)
}

/// Whether a word says nothing about a need.
pub(super) fn is_stop_word(word: &str) -> bool {
    STOP_WORDS.contains(word) && !FAINT.contains(word)
}

/// The stem under which all forms of a word meet.
pub(super) fn stem(word: &str) -> String {
    Stemmer::create(Algorithm::English).stem(word).into_owned()
}

/// How much the presence of a word in a text counts; nothing for a stop word. A word that only asks or points to
/// the speaker ("show", "my") counts little: its intention matters more than its presence. So does the verb inside a
/// question, which is asked about and not asked for ("who deleted it?").
pub(super) fn weight(word: &str, asked: Option<Intention>) -> f32 {
    if FAINT.contains(word) {
        0.4
    } else if STOP_WORDS.contains(word) {
        0.0
    } else {
        match INTENTIONS.get(stem(word).as_str()) {
            None => 1.0,
            Some(own) if asked == Some(Intention::Read) && *own != Intention::Read => 0.5,
            Some(_) => 0.8,
        }
    }
}

/// The groups of everyday synonyms, each word stemmed.
pub(super) fn synonyms() -> &'static [Vec<String>] {
    &SYNONYMS
}

/// The intention of a tool by its name: that of its last verb; a name that ends in a plural without one lists things.
pub(super) fn intention_of_name(words: &[String]) -> Option<Intention> {
    let is_verb = |word: &&String| stem(word) == **word || !word.ends_with('s');
    let verb = words.iter().rev().filter(is_verb).find_map(|word| INTENTIONS.get(stem(word).as_str()).copied());
    let plural = words.last().is_some_and(|word| word.ends_with('s') && !word.ends_with("ss") && !word.ends_with("us"));
    verb.or_else(|| plural.then_some(Intention::Read))
}

/// The intentions of a whole query, the foremost first: an opening question asks to read, else every verb counts.
pub(super) fn intentions(words: &[String]) -> Vec<Intention> {
    let opening = words.iter().find(|word| OPENERS.contains(word.as_str()) || !STOP_WORDS.contains(word.as_str()));
    if opening.is_some_and(|word| OPENERS.contains(word.as_str())) {
        return vec![Intention::Read];
    }
    words.iter().filter_map(|word| INTENTIONS.get(stem(word).as_str()).copied()).collect()
}

/// Whether a question is about many things: it says so ("all", "everybody"), or the first thing that it names is a plural.
pub(super) fn asks_for_many(query: &str) -> bool {
    let lower = query.to_lowercase();
    let plain =
        || lower.split(|one: char| !one.is_alphanumeric() && one != '\'' && one != '’').filter(|one| !one.is_empty());
    let quantified = plain().any(|word| matches!(word, "all" | "everybody" | "everyone" | "each" | "list" | "several"));
    let first = plain().find(|word| {
        !STOP_WORDS.contains(word) && !FAINT.contains(word) && !INTENTIONS.contains_key(stem(word).as_str())
    });
    quantified || first.is_some_and(is_plural)
}

fn is_plural(word: &str) -> bool {
    let ending = word.ends_with('s') && !["ss", "us", "is", "'s", "’s"].iter().any(|one| word.ends_with(one));
    matches!(word, "people" | "staff") || (word.len() >= 4 && ending)
}

/// Whether a tool of this name answers with many things: `user_list`, `system_backups`; or with one: `user_get`.
pub(super) fn number_of_name(words: &[String]) -> Option<Number> {
    match words.last()?.as_str() {
        "list" | "query" | "search" => Some(Number::Many),
        "get" => Some(Number::One),
        word if words.len() > 1 && is_plural(word) => Some(Number::Many),
        _ => None,
    }
}

/// Removes a possessive ending, keeps other contractions as one word, and settles the spelling.
fn settle(word: &str) -> String {
    let word = word.trim_end_matches('\'');
    let word = word.strip_suffix("'s").unwrap_or(word).replace('\'', "");
    if let Some(regular) = IRREGULAR.get(word.as_str()) {
        return (*regular).to_owned();
    }
    if word.len() >= 6 && word.is_ascii() {
        for (british, american) in [
            ("isation", "ization"),
            ("ise", "ize"),
            ("ised", "ized"),
            ("ising", "izing"),
            ("our", "or"),
            ("ours", "ors"),
        ] {
            if let Some(start) = word.strip_suffix(british) {
                return format!("{start}{american}");
            }
        }
    }
    word
}

fn fold_expressions(plain: &[String]) -> Vec<String> {
    let mut folded = Vec::with_capacity(plain.len());
    let mut rest = plain;
    while let Some((first, after)) = rest.split_first() {
        let expression = EXPRESSIONS.get(first.as_str()).and_then(|candidates| {
            candidates.iter().find(|(tail, _)| {
                after.len() >= tail.len() && tail.iter().zip(after).all(|(one, other)| *one == other.as_str())
            })
        });
        let parted = || EXPRESSIONS.get(first.as_str()).and_then(|candidates| parted(candidates, after));
        if let Some((tail, meaning)) = expression {
            folded.extend(meaning.split(' ').filter(|word| !word.is_empty()).map(str::to_owned));
            rest = after.get(tail.len()..).unwrap_or_default();
        } else if let Some((meaning, between)) = parted() {
            folded.extend(meaning.split(' ').map(str::to_owned));
            folded.extend_from_slice(after.get(..between).unwrap_or_default());
            rest = after.get(between + 1..).unwrap_or_default();
        } else {
            if first == "who" && after.first().is_some_and(|verb| PAST.contains(verb.as_str()) || verb.ends_with("ed"))
            {
                // To ask who did something is to ask for its record, whatever was done.
                folded.push("whodid".to_owned());
            }
            folded.push(first.clone());
            rest = after;
        }
    }
    folded
}

/// A verb parted from its particle by its object ("sign somebody up"): what it means, and how many words stand between.
fn parted(candidates: &Tails, after: &[String]) -> Option<(&'static str, usize)> {
    candidates.iter().find_map(|(tail, meaning)| match tail[..] {
        [particle] if PARTICLES.contains(&particle) => {
            after.iter().take(LONGEST_OBJECT + 1).position(|word| word == particle).map(|between| (*meaning, between))
        }
        _ => None,
    })
}

const PARTICLES: [&str; 5] = ["up", "out", "off", "away", "back"];
const LONGEST_OBJECT: usize = 3;

static STOP_WORDS: LazyLock<HashSet<&str>> = LazyLock::new(|| {
    "a about after again against all already also am an and another any anybody anyhow anyone anything are as ask at away be because been \
     before being between both but by can cannot cant could did didnt do does doesnt doing done dont each either else etc even ever exist exists \
     every everybody everyone few first for from further got gotten had has have having he help her here him his how however i id if im in \
     into is isnt it its ive just kind least less like lot make many may me might more most much must near need needs never next \
     nobody no none nor not now of off often on once one only onto or other others otherwise our ours out over own perhaps \
     please possible quite rather really same shall she should so some somebody someone something soon still such than that thats the their \
     them then there these they thing things this those through thus to too two under until upon us use used uses using very via want \
     wants was we well were what whats when where whether which while who whom whose why will wish with within without would \
     yes yet you your yours"
        .split_whitespace()
        .collect()
});

static FAINT: LazyLock<HashSet<&str>> = LazyLock::new(|| {
    "show list get see view tell display fetch look find know check print return who when where why my me i mine myself"
        .split_whitespace()
        .collect()
});

/// Words which, at the start of a sentence, make it a question.
static OPENERS: LazyLock<HashSet<&str>> = LazyLock::new(|| {
    "what whats which who whodid whose whom when where why is are was were has have had did does do am howmany anybody"
        .split_whitespace()
        .collect()
});

static IRREGULAR: LazyLock<HashMap<&str, &str>> = LazyLock::new(|| {
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
static PAST: LazyLock<HashSet<&str>> = LazyLock::new(|| {
    "did give make take send write run put keep lose see break choose build bring set let".split_whitespace().collect()
});

type Tails = Vec<(Vec<&'static str>, &'static str)>;

/// Expressions by their first word. Where two begin alike, the longer one stands first.
static EXPRESSIONS: LazyLock<HashMap<&str, Tails>> = LazyLock::new(|| {
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
    ("handed out", "assign"),
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
    ("how well", "howmany effective"),
    ("how long", "howmany duration"),
    ("allowed to", "permission"),
    ("am i allowed", "my permission"),
    ("may i", "my permission"),
    ("two factor", "mfa"),
    ("multi factor", "mfa"),
    ("access level", "role"),
    ("access levels", "role"),
    ("read only", "readonly read"),
    ("up and running", "running"),
    ("running with", "effective"),
    ("runs with", "effective"),
    ("is there anything", "capability"),
    ("is there something", "capability"),
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
    ("something that", "capability"),
    ("anything that", "capability"),
    ("possible to", "capability"),
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

static SYNONYMS: LazyLock<Vec<Vec<String>>> =
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
    "recover restore rescue retrieve recovery disaster",
    "rollback undo revert restore",
    "migrate migration upgrade move",
    "measure figure metric number statistics counter measurement",
    "monitor watch observe dashboard",
    "schedule cron recurring periodic nightly daily weekly monthly timetable calendar",
    "speak talk say tone discuss",
    "learn train teach",
    // Who.
    "user person account member employee colleague coworker staff teammate individual human hire newcomer intern worker somebody",
    "administrator manager owner boss superuser",
    "caller my myself mine own me self",
    "tenant company organization firm client business holding",
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
    "audit trail history track whodid",
    "error failure fault exception problem fail bug crash",
    "configuration setting option preference value",
    "backup snapshot copy archive dump",
    "database data table storage record",
    "health healthy alive up reachable running available status liveness ping okay fine",
    "server system instance service installation platform",
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
    "flow langgraph pipeline",
    "task todo job assignment",
    "form questionnaire",
    "rule policy decision business",
    "event topic message",
    "model llm",
    "prompt template placeholder instruction",
    "document file pdf scan handbook",
    "record entity row item",
    "knowledge fact information",
    "graph node relation network",
    "emotion feeling mood angry sentiment happy",
    "intent intention purpose",
    "goal objective target kpi",
    "feedback rating review thumbs",
    "incident breach attack intrusion",
    "risk danger threat",
    "intact tamper chain integrity",
    "report statement evidence",
    "chart plot diagram graph",
    "name surname called",
    "email mail address",
    "phone sms whatsapp",
    "logo brand branding color look",
    "churn leave attrition",
    "synthetic fake artificial mock dummy",
    "code script program source python",
    "overdue late escalate delay",
    "subscription plan tier",
    "gdpr privacy personal erasure",
    "version release draft revision",
    "new newest latest recent last",
    "wrong incorrect mistake mistaken",
    "corrupt damaged broken lost recover",
    "image picture photo scan",
    "merge combine unite",
    "copy duplicate clone",
    "guest visitor member",
    "cpu processor load resource memory",
    "exception stack error",
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
    "session login device",
    "detail profile information record",
    "current own effective now",
    "source origin",
];

static INTENTIONS: LazyLock<HashMap<String, Intention>> = LazyLock::new(|| {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn splits_names_questions_and_camel_case_alike() {
        assert_eq!(words("api_key-create"), ["api", "key", "create"]);
        assert_eq!(words("expiresAt"), ["expires", "at"]);
        assert_eq!(words("Who's the user's boss?"), ["who", "the", "user", "boss"]);
    }

    #[test]
    fn folds_expressions_and_spellings() {
        assert_eq!(words("get rid of it"), ["remove", "it"]);
        assert_eq!(words("summarised in colour"), words("summarized in color"));
        assert_eq!(words("the people"), ["the", "person"]);
    }

    #[test]
    fn tells_what_a_sentence_intends() {
        assert_eq!(intentions(&words("please remove a key")), [Intention::Remove]);
        assert_eq!(intentions(&words("who deleted the workspace?")), [Intention::Read]);
        assert_eq!(intentions(&words("run a lookup")), [Intention::Run, Intention::Read]);
        assert_eq!(intentions(&words("weather")), []);
    }
}
