//! What domains do alike when something new is made: whose it is, and whether there is room for it.

use super::cx::{Belongs, Cx, store_fault};
use crate::kernel::codes::Code;
use crate::kernel::fault::Fault;
use crate::port::records::{Scope, Visibility};

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
}
