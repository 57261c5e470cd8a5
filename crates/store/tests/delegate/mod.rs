//! For stores of tests that do one thing in another way: the rest is another store's.

/// All of `Store` that has to be there and that no such test changes: what is asked of the store in this field. Not `commit` and `rest`.
macro_rules! delegate_to {
    ($store:ident) => {
        fn batch(&self) -> Result<u64, ::workflow_store::Fault> {
            self.$store.batch()
        }
        fn reopen(&self) -> Result<(), ::workflow_store::Fault> {
            self.$store.reopen()
        }
        fn load(
            &self,
            ids: &[::workflow_core::id::ExecutionId],
        ) -> Result<Vec<Option<::workflow_store::Stored>>, ::workflow_store::Fault> {
            self.$store.load(ids)
        }
        fn payloads(
            &self,
            wanted: &[(::workflow_core::id::ExecutionId, u64)],
        ) -> Result<Vec<::workflow_core::json::Json>, ::workflow_store::Fault> {
            self.$store.payloads(wanted)
        }
        fn history(
            &self,
            id: ::workflow_core::id::ExecutionId,
            after: u64,
            limit: usize,
            texts: ::workflow_store::Texts,
        ) -> Result<Option<::workflow_store::History>, ::workflow_store::Fault> {
            self.$store.history(id, after, limit, texts)
        }
        fn executions(&self, filter: &::workflow_store::Filter) -> Result<::workflow_store::Heads, ::workflow_store::Fault> {
            self.$store.executions(filter)
        }
        fn count(
            &self,
            filter: &::workflow_store::Filter,
            max: u64,
        ) -> Result<::workflow_store::Counted, ::workflow_store::Fault> {
            self.$store.count(filter, max)
        }
        fn version_counts(&self) -> Result<Vec<::workflow_store::VersionCount>, ::workflow_store::Fault> {
            self.$store.version_counts()
        }
        fn failure_counts(&self) -> Result<Vec<::workflow_store::FailureCount>, ::workflow_store::Fault> {
            self.$store.failure_counts()
        }
        fn documents(
            &self,
            filter: &::workflow_store::DocumentFilter,
        ) -> Result<Vec<::workflow_store::Document>, ::workflow_store::Fault> {
            self.$store.documents(filter)
        }
        fn due(
            &self,
            until: ::workflow_core::time::Timestamp,
            cursor: Option<::workflow_store::Cursor>,
            limit: usize,
        ) -> Result<Vec<::workflow_store::Cursor>, ::workflow_store::Fault> {
            self.$store.due(until, cursor, limit)
        }
        fn next_wake(
            &self,
            after: ::workflow_core::time::Timestamp,
        ) -> Result<Option<::workflow_core::time::Timestamp>, ::workflow_store::Fault> {
            self.$store.next_wake(after)
        }
        fn parked(
            &self,
            action: &::workflow_core::id::ActionName,
            after: Option<::workflow_core::id::ExecutionId>,
            limit: usize,
        ) -> Result<Vec<::workflow_core::id::ExecutionId>, ::workflow_store::Fault> {
            self.$store.parked(action, after, limit)
        }
        fn ended(
            &self,
            workflow: &::workflow_core::id::WorkflowId,
            status: ::workflow_core::status::Status,
            until: ::workflow_core::time::Timestamp,
            after: Option<::workflow_core::id::ExecutionId>,
            limit: usize,
        ) -> Result<::workflow_store::Ended, ::workflow_store::Fault> {
            self.$store.ended(workflow, status, until, after, limit)
        }
        fn definitions(&self) -> Result<Vec<::workflow_store::DefinitionRow>, ::workflow_store::Fault> {
            self.$store.definitions()
        }
        fn endpoints(&self) -> Result<Vec<::workflow_store::Endpoint>, ::workflow_store::Fault> {
            self.$store.endpoints()
        }
        fn tokens(&self) -> Result<::workflow_store::TokenRows, ::workflow_store::Fault> {
            self.$store.tokens()
        }
        fn counts(&self) -> Result<Vec<(String, ::workflow_core::status::Status, u64)>, ::workflow_store::Fault> {
            self.$store.counts()
        }
        fn claim(
            &self,
            kind: ::workflow_store::ClaimKind,
            scope: &str,
            key: &str,
        ) -> Result<Option<::workflow_store::Taken>, ::workflow_store::Fault> {
            self.$store.claim(kind, scope, key)
        }
    };
}

pub(crate) use delegate_to;
