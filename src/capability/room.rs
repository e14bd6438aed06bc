//! What domains do alike when something new is made: whose it is, and whether there is room for it.

use uuid::Uuid;

use super::cx::{Belongs, Cx, store_fault};
use crate::kernel::codes::Code;
use crate::kernel::fault::Fault;
use crate::port::records::{Document, Scope, Visibility};
use crate::port::store::{Expect, Put, Step};

impl Cx {
    /// The caller's own, seen by everybody of the tenant.
    #[must_use]
    pub fn belongs_to_caller(&self) -> Belongs {
        Belongs { owner: Some(self.caller().user.uuid()), workspace: None, visibility: Visibility::Tenant }
    }

    /// Counts one more against what the tenant may have of it: `what` in words.
    ///
    /// # Errors
    /// Of this code when there are as many.
    pub async fn room_for_one(&self, counter: &'static str, most: u32, what: &str, full: Code) -> Result<(), Fault> {
        let most = i64::from(most);
        let have =
            self.platform().store.counter(Scope::Tenant(self.tenant()), counter, "").await.map_err(store_fault)?;
        if have >= most {
            return Err(Fault::new(full, format!("the tenant has {have} {what} and may have {most}")));
        }
        self.count(counter, String::new(), 1, Some(most));
        Ok(())
    }

    /// Writes a document that is made of another one, such as a passage of its text: the audit entry tells of that other one, and
    /// not of each that is made of it.
    ///
    /// # Errors
    /// When the document cannot be written as JSON.
    pub fn derive<T: Document>(&self, id: Uuid, belongs: Belongs, value: &T) -> Result<(), Fault> {
        let body = serde_json::to_value(value).map_err(Fault::internal)?;
        let Belongs { owner, workspace, visibility } = belongs;
        let put = Put { kind: T::KIND, id, expect: Expect::Absent, owner, workspace, visibility, body };
        self.pending().steps.push(Step::Put(put));
        Ok(())
    }

    /// Removes a document that is made of another one, in the same way.
    pub fn remove_derived<T: Document>(&self, id: Uuid) {
        self.pending().steps.push(Step::Remove { kind: T::KIND, id, expect: Expect::Anything });
    }
}
