//! Taking a credential: from the vault, from the environment; and what is refused.

use convoke::capability::gate::audit::AUDIT;
use serde_json::json;

use super::{SECRET, Variables, digest, kind, overwrite, put, records, start, start_with, stored, used};

#[tokio::test]
async fn what_the_vault_has_not_comes_from_the_environment_of_the_own_tenant() {
    let variables = Variables::of(&[("CONVOKE_SECRET_SMTP_EU", "from outside"), ("OTHER", "not by name")]);
    let app = start_with(|settings| settings.environment = variables).await;
    assert_eq!(used(&app, &app.admin, "smtp.eu").await, digest("from outside"));
    let entry = app.entries(&AUDIT).await.pop().unwrap();
    assert_eq!(entry["resourceId"], "environment:CONVOKE_SECRET_SMTP_EU");
    assert!(!entry.to_string().contains("from outside"));
    // Another tenant's calls do not spend what the operator gave.
    assert_eq!(used(&app, &app.stranger, "smtp.eu").await, "credential_missing");
    // No name leads to a variable that is not meant for it.
    for name in ["OTHER", "other", "../OTHER"] {
        assert_eq!(used(&app, &app.admin, name).await, "credential_missing", "{name}");
    }
    // What is in the vault comes first.
    put(&app, &app.admin, "smtp.eu", SECRET).await;
    assert_eq!(used(&app, &app.admin, "smtp.eu").await, digest(SECRET));
    let fault = app.call(&app.admin, "probe_secret", json!({ "name": "none" })).await.unwrap_err();
    assert_eq!(fault.detail().unwrap()["environment"], "CONVOKE_SECRET_NONE");
}

#[tokio::test]
async fn the_operators_own_names_any_variable_and_is_audited() {
    let app = start_with(|settings| settings.environment = Variables::of(&[("OPENAI_API_KEY", "theirs")])).await;
    let input = json!({ "name": "OPENAI_API_KEY", "operator": true });
    let answer = app.call(&app.stranger, "probe_secret", input).await.unwrap();
    assert_eq!(answer["digest"], digest("theirs"));
    let entry = app.entries(&AUDIT).await.pop().unwrap();
    assert_eq!((&entry["action"], &entry["tenantId"]), (&json!("secret_use"), &json!(app.stranger.tenant)));
    let fault = app.call(&app.admin, "probe_secret", json!({ "name": "NONE", "operator": true })).await.unwrap_err();
    assert_eq!(fault.code().name, "not_configured");
}

#[tokio::test]
async fn what_was_altered_is_not_used() {
    let app = start().await;
    put(&app, &app.admin, "stripe", SECRET).await;
    let tenant = app.admin.tenant;
    let secret = stored(&app, tenant, "stripe").await;
    let sealed = secret.body["sealed"].as_str().unwrap();
    let other = if sealed.ends_with("A==") { "B==" } else { "A==" };
    for altered in ["", "not base64!", &sealed[..sealed.len() - 8], &format!("{}{other}", &sealed[..sealed.len() - 3])]
    {
        let mut body = secret.body.clone();
        body["sealed"] = json!(altered);
        overwrite(&app, tenant, kind("secret"), secret.id, body).await;
        assert_eq!(used(&app, &app.admin, "stripe").await, "secret_damaged", "{altered}");
    }
    overwrite(&app, tenant, kind("secret"), secret.id, secret.body).await;
    assert_eq!(used(&app, &app.admin, "stripe").await, digest(SECRET));
}

/// The row of one name copied over that of another: somebody who may use one must not come to use the other by it.
#[tokio::test]
async fn what_was_moved_to_another_name_is_not_used() {
    let app = start().await;
    put(&app, &app.admin, "valuable", SECRET).await;
    put(&app, &app.admin, "harmless", "harmless").await;
    let tenant = app.admin.tenant;
    let (valuable, harmless) = (stored(&app, tenant, "valuable").await, stored(&app, tenant, "harmless").await);
    let mut body = harmless.body.clone();
    body["sealed"] = valuable.body["sealed"].clone();
    overwrite(&app, tenant, kind("secret"), harmless.id, body).await;
    assert_eq!(used(&app, &app.admin, "harmless").await, "secret_damaged");
}

#[tokio::test]
async fn what_was_moved_to_another_tenant_is_not_used() {
    let app = start().await;
    put(&app, &app.admin, "stripe", SECRET).await;
    put(&app, &app.stranger, "stripe", "theirs").await;
    let (from, to) = (app.admin.tenant, app.stranger.tenant);
    let (secret, theirs) = (stored(&app, from, "stripe").await, stored(&app, to, "stripe").await);
    // The secret alone, under their data key.
    let mut body = theirs.body.clone();
    body["sealed"] = secret.body["sealed"].clone();
    overwrite(&app, to, kind("secret"), theirs.id, body.clone()).await;
    assert_eq!(used(&app, &app.stranger, "stripe").await, "secret_damaged");
    // The data key with it.
    let key = records(&app, from, kind("data_key")).await.remove(0);
    let their_key = records(&app, to, kind("data_key")).await.remove(0);
    let mut moved = their_key.body.clone();
    moved["wrapped"] = key.body["wrapped"].clone();
    overwrite(&app, to, kind("data_key"), their_key.id, moved).await;
    assert_eq!(used(&app, &app.stranger, "stripe").await, "secret_damaged");
    // Both under their own ids.
    overwrite(&app, to, kind("data_key"), key.id, {
        let mut body = key.body.clone();
        body.as_object_mut().unwrap().remove("slot");
        body
    })
    .await;
    body["dataKey"] = secret.body["dataKey"].clone();
    overwrite(&app, to, kind("secret"), theirs.id, body).await;
    assert_eq!(used(&app, &app.stranger, "stripe").await, "secret_damaged");
    assert_eq!(used(&app, &app.admin, "stripe").await, digest(SECRET));
}
