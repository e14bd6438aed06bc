//! `user_list`: users by filter, paged.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::capability::Capability;
use crate::capability::cx::Cx;
use crate::capability::owned::Stored;
use crate::capability::page::{Page, Paging};
use crate::capability::permit::{Action, Permit, Resource};
use crate::capability::spec::{Domain, Route, Spec};
use crate::domain::identity::model::assignment::Assignment;
use crate::domain::identity::model::membership::Membership;
use crate::domain::identity::model::user::{User, UserStatus};
use crate::domain::identity::views::UserView;
use crate::domain::identity::{assigning, inputs, reading};
use crate::kernel::codes;
use crate::kernel::fault::Fault;
use crate::kernel::id::UserId;
use crate::port::records::{Filter, Scalar};

/// More holders than this are not looked up one by one.
const MOST_HOLDERS: usize = 20_000;

/// Lists users.
pub(in crate::domain::identity) struct UserList;

/// Which users. What is given must all hold.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::domain::identity) struct Input {
    /// Words of the name or email address; the last one may be a beginning.
    #[serde(default)]
    #[schemars(length(max = 200))]
    text: Option<String>,
    /// Only accounts of this status.
    #[serde(default)]
    status: Option<UserStatus>,
    /// Only those who hold this role now, themselves or through a group: its name or id.
    #[serde(default)]
    #[schemars(length(max = 64))]
    role: Option<String>,
    /// Only those in this group.
    #[serde(default)]
    #[schemars(length(max = 48))]
    group: Option<String>,
    /// Only those of this department.
    #[serde(default)]
    #[schemars(length(max = 100))]
    department: Option<String>,
    /// Which part of the list.
    #[serde(flatten)]
    paging: Paging,
}

/// Which list a page token belongs to: what was asked for, not what it came to when it was looked up.
#[derive(Serialize)]
struct Asked<'a> {
    text: &'a Option<String>,
    status: Option<UserStatus>,
    role: Option<Uuid>,
    group: &'a Option<String>,
    department: &'a Option<String>,
}

impl Capability for UserList {
    type Input = Input;
    type Output = Page<UserView>;
    const SPEC: Spec = Spec::read(
        "user_list",
        Domain::Identity,
        Route::get("/users"),
        Permit::on(Resource::Users, Action::Read),
        "The people of the tenant by name: search by words of name or email, filter by status, role, group or \
         department, page by page. For one known person use user_get.",
    );

    async fn run(cx: &Cx, input: Self::Input) -> Result<Self::Output, Fault> {
        let mut filter = Filter::All;
        if let Some(text) = inputs::filled(input.text.clone()) {
            filter = filter.and(Filter::Matches(text));
        }
        if let Some(status) = input.status {
            filter = filter.and(Filter::is("status", Scalar::Text(status.name().to_owned())));
        }
        if let Some(department) = inputs::filled(input.department.clone()) {
            filter = filter.and(Filter::is("department", Scalar::Text(department)));
        }
        if let Some(group) = &input.group {
            filter = filter.and(among(members(cx, vec![group.clone()]).await?)?);
        }
        let mut role = None;
        if let Some(named) = &input.role {
            let found = assigning::role_named(cx, named).await?;
            role = Some(found.id);
            filter = filter.and(among(holders(cx, found.id).await?)?);
        }
        let asked =
            Asked { text: &input.text, status: input.status, role, group: &input.group, department: &input.department };
        let list = serde_json::to_string(&asked).map_err(Fault::internal)?;
        let page = cx.list_of::<User>(&list, filter, "name", false, &input.paging).await?;
        let items = UserView::of_all(cx, page.items).await?;
        Ok(Page { items, next_page_token: page.next_page_token })
    }
}

/// Those who hold a role now.
async fn holders(cx: &Cx, role: Uuid) -> Result<Vec<UserId>, Fault> {
    let filter = Filter::is("role", Scalar::Id(role));
    let mut given: Vec<Stored<Assignment>> = reading::all(&*cx.platform().store, cx.tenant(), filter).await?;
    given.retain(|assignment| assignment.value.in_force(cx.now()));
    let groups = given.iter().filter_map(|assignment| assignment.value.group.clone()).collect();
    let mut users = members(cx, groups).await?;
    users.extend(given.iter().filter_map(|assignment| assignment.value.user));
    Ok(users)
}

async fn members(cx: &Cx, groups: Vec<String>) -> Result<Vec<UserId>, Fault> {
    let filter = Filter::In("group", groups.into_iter().map(Scalar::Text).collect());
    let found: Vec<Stored<Membership>> = reading::all(&*cx.platform().store, cx.tenant(), filter).await?;
    Ok(found.into_iter().map(|membership| membership.value.user).collect())
}

fn among(mut users: Vec<UserId>) -> Result<Filter, Fault> {
    users.sort_unstable();
    users.dedup();
    if users.len() > MOST_HOLDERS {
        let say =
            format!("{} people fit the role or group, too many to filter by: use the text or status", users.len());
        return Err(Fault::new(&codes::BAD_FILTER, say));
    }
    Ok(Filter::In("id", users.into_iter().map(|user| Scalar::Id(user.uuid())).collect()))
}
