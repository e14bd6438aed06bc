//! Nobody acts on the account of somebody with more rights, nobody gives or takes what they do not have, and no way around
//! leads through groups, roles or keys.

use convoke::kernel::codes;
use convoke::kernel::fault::Fault;
use convoke::kernel::id::UserId;
use serde_json::{Value, json};

use crate::support::app::{Person, TestApp};
use crate::support::scene;

fn beyond(result: Result<Value, Fault>) -> Value {
    let fault = result.unwrap_err();
    assert_eq!(fault.code().name, "beyond_own_rights", "{fault}");
    fault.detail().unwrap()["missing"].clone()
}

/// A person of the scene with a role of these permissions and nothing else, and a key of theirs.
async fn with_role(app: &TestApp, user: uuid::Uuid, name: &str, permissions: &[&str]) -> Person {
    let role = json!({ "name": name, "permissions": permissions });
    app.call(&app.admin, "role_create", role).await.unwrap();
    app.call(&app.admin, "role_assign", json!({ "role": name, "userId": user })).await.unwrap();
    let key = app.call(&app.admin, "api_key_create", json!({ "name": name, "userId": user })).await.unwrap();
    let key = convoke::kernel::secret::Secret::new(key["key"].as_str().unwrap().to_owned());
    Person { tenant: app.admin.tenant, user: UserId::from_uuid(user), key }
}

async fn key_of_admin(app: &TestApp) -> Value {
    let keys = app.call(&app.admin, "api_key_list", json!({})).await.unwrap();
    keys["items"][0]["id"].clone()
}

/// Manages people and keys, and has what members have.
const CLERK: &[&str] = &[
    "users:*",
    "keys:*",
    "agents:*",
    "runs:*",
    "documents:*",
    "feedback:*",
    "graph:*",
    "learning:*",
    "memories:*",
    "roles:read",
    "tools:read",
    "events:*",
    "completions:*",
    "models:read",
    "personas:*",
    "prompts:*",
    "executions:*",
    "flows:*",
    "processes:*",
    "rules:*",
    "schedules:*",
    "tasks:*",
    "spending:*",
];

#[tokio::test]
async fn an_account_with_more_rights_is_left_alone_however_they_are_written() {
    for pattern in ["*", "*:*", "*:manage", "system:*", "audit:read"] {
        let app = TestApp::start().await;
        let clerk = with_role(&app, scene::BO, "clerk", CLERK).await;
        with_role(&app, scene::ADA, "more", &[pattern]).await;
        for change in [
            json!({ "email": "mine@example.org" }),
            json!({ "status": "suspended" }),
            json!({ "groups": [] }),
            json!({ "name": "Somebody" }),
        ] {
            let mut input = change.clone();
            input["id"] = json!(scene::ADA);
            beyond(app.call(&clerk, "user_update", input).await);
        }
        let ada = app.call(&app.admin, "user_get", json!({ "id": scene::ADA })).await.unwrap();
        assert_eq!((&ada["email"], &ada["status"]), (&json!("ada@example.org"), &json!("active")), "{pattern}");
    }
}

#[tokio::test]
async fn an_account_with_no_more_rights_is_changed() {
    let app = TestApp::start().await;
    let clerk = with_role(&app, scene::BO, "clerk", CLERK).await;
    with_role(&app, scene::DAN, "reader", &["users:read", "keys:read"]).await;
    app.call(&app.admin, "role_revoke", json!({ "role": "member", "userId": scene::DAN })).await.unwrap();
    let missing = beyond(app.call(&clerk, "user_update", json!({ "id": scene::DAN, "name": "D" })).await);
    assert_eq!(missing, json!(["audit:read"]));
    app.call(&app.admin, "role_revoke", json!({ "role": "reviewer", "userId": scene::DAN })).await.unwrap();
    app.call(&clerk, "user_update", json!({ "id": scene::DAN, "status": "suspended" })).await.unwrap();
    app.call(&clerk, "api_key_revoke", json!({ "id": scene::DANS_KEY })).await.unwrap();
}

#[tokio::test]
async fn rights_to_come_count_and_rights_that_are_over_do_not() {
    let app = TestApp::start().await;
    let clerk = with_role(&app, scene::BO, "clerk", CLERK).await;
    let rename = json!({ "id": scene::ADA, "name": "A" });
    let later = json!({
        "role": "operator", "userId": scene::ADA,
        "effectiveFrom": "2026-11-21T12:00:00Z", "effectiveUntil": "2026-11-22T12:00:00Z",
    });
    app.call(&app.admin, "role_assign", later).await.unwrap();
    let key = json!({ "name": "theirs", "userId": scene::ADA });
    let adas = app.call(&app.member, "api_key_list", json!({})).await.unwrap()["items"][0]["id"].clone();
    beyond(app.call(&clerk, "user_update", rename.clone()).await);
    beyond(app.call(&clerk, "api_key_create", key.clone()).await);
    beyond(app.call(&clerk, "api_key_revoke", json!({ "id": adas })).await);
    app.clock.advance(std::time::Duration::from_hours(48));
    app.call(&clerk, "user_update", rename).await.unwrap();
    app.call(&clerk, "api_key_create", key).await.unwrap();
    app.call(&clerk, "api_key_revoke", json!({ "id": adas })).await.unwrap();
}

#[tokio::test]
async fn nobody_is_taken_out_of_a_group_that_gives_more() {
    let app = TestApp::start().await;
    let clerk = with_role(&app, scene::BO, "clerk", CLERK).await;
    app.call(&app.admin, "role_assign", json!({ "role": "operator", "group": "finance" })).await.unwrap();
    beyond(app.call(&clerk, "user_update", json!({ "id": scene::ADA, "groups": [] })).await);
    assert_eq!(app.identify(app.member.key.reveal()).await.unwrap().roles, ["member", "operator"]);
    // Nor put into one, now or for later, themselves included.
    let later = json!({ "role": "admin", "group": "board", "effectiveFrom": "2027-01-01T00:00:00Z" });
    app.call(&app.admin, "role_assign", later).await.unwrap();
    for group in ["finance", "board"] {
        for user in [scene::CLEO, scene::BO] {
            beyond(app.call(&clerk, "user_update", json!({ "id": user, "groups": [group] })).await);
        }
        let input = json!({ "email": "new@example.org", "groups": [group] });
        beyond(app.call(&clerk, "user_create", input).await);
    }
    app.call(&clerk, "user_update", json!({ "id": scene::BO, "groups": ["harmless"] })).await.unwrap();
}

#[tokio::test]
async fn a_key_of_an_account_with_more_rights_is_left_alone() {
    let app = TestApp::start().await;
    let clerk = with_role(&app, scene::BO, "clerk", CLERK).await;
    beyond(app.call(&clerk, "api_key_revoke", json!({ "id": key_of_admin(&app).await })).await);
    assert!(app.call(&app.admin, "user_me", json!({})).await.is_ok());
    // Nor is one made for it, however narrow: what it does would be done in the other's name, on the other's own things.
    let narrow = json!({ "name": "theirs", "userId": app.admin.user, "scopes": ["keys:remove"] });
    assert_eq!(beyond(app.call(&clerk, "api_key_create", narrow).await), json!(["*"]));
}

#[tokio::test]
async fn ones_own_account_and_keys_stay_ones_own() {
    let app = TestApp::start().await;
    let keeper =
        with_role(&app, scene::BO, "keeper", &["users:read", "users:change", "keys:create", "keys:remove"]).await;
    let later = json!({ "role": "operator", "userId": scene::BO, "effectiveFrom": "2027-01-01T00:00:00Z" });
    app.call(&app.admin, "role_assign", later).await.unwrap();
    app.call(&app.admin, "role_assign", json!({ "role": "member", "group": "ops" })).await.unwrap();
    app.call(&app.admin, "user_update", json!({ "id": scene::BO, "groups": ["ops"] })).await.unwrap();
    app.call(&keeper, "user_update", json!({ "id": scene::BO, "email": "bo.new@example.org", "groups": [] }))
        .await
        .unwrap();
    let made = app.call(&keeper, "api_key_create", json!({ "name": "mine" })).await.unwrap();
    app.call(&keeper, "api_key_revoke", json!({ "id": made["id"] })).await.unwrap();
}

#[tokio::test]
async fn a_limited_key_is_not_its_user() {
    let app = TestApp::start().await;
    let input = json!({ "name": "narrow", "scopes": ["keys:*", "users:*"] });
    let narrow = app.call(&app.admin, "api_key_create", input).await.unwrap();
    let key = narrow["key"].as_str().unwrap();
    beyond(app.call_by_key(key, "api_key_revoke", json!({ "id": key_of_whole(&app).await })).await);
    beyond(app.call_by_key(key, "user_update", json!({ "id": app.admin.user, "email": "x@example.org" })).await);
    // What it made, and itself, it revokes.
    let made = app.call_by_key(key, "api_key_create", json!({ "name": "made" })).await.unwrap();
    app.call_by_key(key, "api_key_revoke", json!({ "id": made["id"] })).await.unwrap();
    app.call_by_key(key, "api_key_revoke", json!({ "id": narrow["id"] })).await.unwrap();
    assert!(app.call_by_key(key, "user_me", json!({})).await.unwrap_err().is(&codes::KEY_REFUSED));
}

/// The administrator's first key, which has no limit.
async fn key_of_whole(app: &TestApp) -> Value {
    let keys = app.call(&app.admin, "api_key_list", json!({})).await.unwrap();
    let whole = keys["items"].as_array().unwrap().iter().find(|key| key.get("scopes").is_none());
    whole.unwrap()["id"].clone()
}

#[tokio::test]
async fn a_role_is_changed_only_by_who_could_give_and_take_it() {
    let app = TestApp::start().await;
    let clerk = with_role(&app, scene::BO, "clerk", &["roles:*", "users:read"]).await;
    for permissions in [json!([]), json!(["users:read"])] {
        let input = json!({ "id": scene::REVIEWER, "permissions": permissions });
        assert_eq!(beyond(app.call(&clerk, "role_set_permissions", input).await), json!(["audit:read"]));
    }
    let input = json!({ "name": "mine", "permissions": ["users:read", "roles:read"] });
    let mine = app.call(&clerk, "role_create", input).await.unwrap();
    let input = json!({ "id": mine["id"], "permissions": ["users:read"] });
    app.call(&clerk, "role_set_permissions", input).await.unwrap();
    for more in ["*", "*:*", "*:read", "keys:read"] {
        beyond(app.call(&clerk, "role_set_permissions", json!({ "id": mine["id"], "permissions": [more] })).await);
        beyond(app.call(&clerk, "role_create", json!({ "name": "more", "permissions": [more] })).await);
    }
}

/// Who has each permission of today by its name has none of those that a later version brings, and so gives none of them.
#[tokio::test]
async fn everything_by_name_is_less_than_everything() {
    let app = TestApp::start().await;
    let all: Vec<String> = convoke::capability::permit::Grants::ALL.iter().map(|one| one.to_string()).collect();
    let all: Vec<&str> = all.iter().map(String::as_str).collect();
    let clerk = with_role(&app, scene::BO, "all-by-name", &all).await;
    for wide in ["*", "*:*", "*:read"] {
        beyond(app.call(&clerk, "role_create", json!({ "name": "wide", "permissions": [wide] })).await);
        beyond(app.call(&clerk, "api_key_create", json!({ "name": "wide", "scopes": [wide] })).await);
    }
    beyond(app.call(&clerk, "role_assign", json!({ "role": "admin", "userId": scene::BO })).await);
    beyond(app.call(&clerk, "role_assign", json!({ "role": "viewer", "userId": scene::ADA })).await);
    beyond(app.call(&clerk, "user_update", json!({ "id": app.admin.user, "name": "x" })).await);
    app.call(&clerk, "role_create", json!({ "name": "narrow", "permissions": ["users:*", "audit:read"] }))
        .await
        .unwrap();
}

#[tokio::test]
async fn a_key_for_somebody_else_grows_only_with_what_its_maker_has_of_everything() {
    let app = TestApp::start().await;
    let maker = with_role(&app, scene::BO, "maker", &["*:read", "keys:*"]).await;
    app.call(&app.admin, "user_create", json!({ "email": "new@example.org", "roles": [] })).await.unwrap();
    let user = app.call(&app.admin, "user_get", json!({ "id": "new@example.org" })).await.unwrap()["id"].clone();
    let made = app.call(&maker, "api_key_create", json!({ "name": "theirs", "userId": user })).await.unwrap();
    assert_eq!(made["scopes"], json!(["*:read", "keys:create", "keys:change", "keys:remove", "keys:manage"]));
    app.call(&app.admin, "role_assign", json!({ "role": "admin", "userId": user })).await.unwrap();
    let grants = app.identify(made["key"].as_str().unwrap()).await.unwrap().grants;
    assert_eq!(grants, app.identify(maker.key.reveal()).await.unwrap().grants);
}

#[tokio::test]
async fn administrators_who_act_on_each_other_at_once_leave_one() {
    let app = TestApp::start().await;
    for user in [scene::ADA, scene::DAN] {
        app.call(&app.admin, "role_assign", json!({ "role": "admin", "userId": user })).await.unwrap();
    }
    let caller = app.identify(app.admin.key.reveal()).await.unwrap();
    let calls = [
        ("user_update", json!({ "id": scene::ADA, "status": "suspended" })),
        ("role_revoke", json!({ "role": "admin", "userId": scene::DAN })),
        ("user_update", json!({ "id": app.admin.user, "status": "suspended" })),
        ("role_revoke", json!({ "role": "admin", "userId": scene::ADA })),
        ("role_assign", json!({ "role": "admin", "userId": scene::DAN, "effectiveUntil": "2027-01-01T00:00:00Z" })),
        ("role_revoke", json!({ "role": "admin", "userId": app.admin.user })),
    ];
    let calls = calls.map(|(tool, input)| app.reply(caller.clone(), tool, input, |_| {}));
    let replies = futures::future::join_all(calls).await;
    assert!(replies.iter().any(|reply| reply.result.is_ok()), "{replies:?}");
    assert!(lasting_administrators(&app).await >= 1, "{replies:?}");
}

/// Somebody becomes an administrator, the other one counts on them, and they are suspended, all at once and in any order.
#[tokio::test]
async fn a_suspension_and_a_promotion_at_once_leave_an_administrator() {
    for order in 0..6 {
        let app = TestApp::start().await;
        let caller = app.identify(app.admin.key.reveal()).await.unwrap();
        let mut calls = vec![
            ("user_update", json!({ "id": scene::DAN, "status": "suspended" })),
            ("role_assign", json!({ "role": "admin", "userId": scene::DAN })),
            ("role_revoke", json!({ "role": "admin", "userId": app.admin.user })),
        ];
        calls.rotate_left(order % 3);
        if order > 2 {
            calls.swap(1, 2);
        }
        let calls = calls.into_iter().map(|(tool, input)| app.reply(caller.clone(), tool, input, |_| {}));
        let replies = futures::future::join_all(calls).await;
        assert!(lasting_administrators(&app).await >= 1, "{replies:?}");
    }
}

/// How many active users hold the role admin without an end, as the store has it.
async fn lasting_administrators(app: &TestApp) -> usize {
    use convoke::domain::identity::model::{assignment, role, user};
    let roles = app.app.platform().store.find(
        convoke::port::records::Scope::Tenant(app.admin.tenant),
        &role::ROLE,
        convoke::port::records::Query::newest(convoke::port::records::Filter::All, 100),
    );
    let admin = roles.await.unwrap().into_iter().find(|role| role.body["name"] == "admin").unwrap().id;
    let scope = convoke::port::records::Scope::Tenant(app.admin.tenant);
    let given = app.documents(&assignment::ROLE_ASSIGNMENT).await;
    let mut count = 0;
    for assignment in given {
        if assignment["role"] != json!(admin) || assignment.get("effectiveUntil").is_some() {
            continue;
        }
        let holder = assignment["user"].as_str().unwrap().parse().unwrap();
        let holder = app.app.platform().store.get(scope, &user::USER, holder).await.unwrap().unwrap();
        count += usize::from(holder.body["status"] == "active");
    }
    count
}
