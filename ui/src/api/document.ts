// What the server answers and can be asked, as its OpenAPI document says it. Made by `npm run types`: change the server, not this file.

export interface paths {
    "/": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** What this is, for a person. */
        get: operations["page"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/actions": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Every action that somebody provides or a workflow names. First those that somebody waits for and nobody provides. */
        get: operations["listActions"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/diagnosis": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * What is stuck, and why: executions that make no sense, steps that nobody runs, endpoints that do not answer, a disk that is nearly full.
         * @description The worst comes first. It looks at what is under way, overdue, paused or wanting, at most 2,000 executions.
         */
        get: operations["diagnose"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/endpoints": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** All endpoints, by name. */
        get: operations["listEndpoints"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/endpoints/{name}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** One endpoint. */
        get: operations["getEndpoint"];
        /** Adds an endpoint, or replaces it. */
        put: operations["putEndpoint"];
        post?: never;
        /** Removes an endpoint. */
        delete: operations["deleteEndpoint"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/errors": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * What has failed lately, grouped by what the messages have in common: numbers, ids, addresses and times are taken out of them.
         * @description Those that still happen come first, then those that happened most. Kept hour by hour for 30 days, not found by looking at histories.
         */
        get: operations["listErrors"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/errors/{fingerprint}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** One kind of failure, with messages of it. Its executions are `/executions?errorFingerprint=`. */
        get: operations["getError"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/events": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Starts one execution of every workflow with a trigger that matches. */
        post: operations["sendEvent"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/executions": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Lists executions, newest first. */
        get: operations["listExecutions"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/executions/counts": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * How many executions have which status. Kept with every commit, never counted; where a window of time is asked for, an index is
         *     counted, up to 200,000 entries.
         */
        get: operations["countExecutions"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/executions/stream": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Executions that begin, change and end, of those that the filter means.
         * @description The messages: `hello` first, `upsert` (a summary of one that is new or has changed), `remove` (it is not meant any more, or was
         *     deleted), `counts`, and `reset`: read the list again, since too much has changed to be told, or since it is not known what has.
         */
        get: operations["streamExecutions"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/executions/{id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** One execution, at once or when it has ended. */
        get: operations["getExecution"];
        put?: never;
        post?: never;
        /** Deletes an execution that has ended, for good: its history, its payloads and its idempotency key. */
        delete: operations["deleteExecution"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/executions/{id}/cancel": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Cancels an execution at once. */
        post: operations["cancelExecution"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/executions/{id}/history": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * The history of an execution, oldest entry first, or newest first.
         * @description Where entries are looked for (`types`, `stepId`, `q`) a page takes about 300 ms at most: it may have few entries, or none, and a
         *     `nextCursor` all the same.
         */
        get: operations["getHistory"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/executions/{id}/history/{seq}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** One entry of a history, whole. */
        get: operations["getHistoryEntry"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/executions/{id}/pause": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Pauses an execution: results of what runs are kept, nothing new starts, no timer fires. */
        post: operations["pauseExecution"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/executions/{id}/replay": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Starts a new execution with the same input, or another, on the newest version. */
        post: operations["replayExecution"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/executions/{id}/resume": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Goes on with a paused execution. */
        post: operations["resumeExecution"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/executions/{id}/retry": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Goes on with a failed execution from the steps that failed. */
        post: operations["retryExecution"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/executions/{id}/steps/{stepId}/run-now": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Tries a step that waits for its retry at once. */
        post: operations["runStepNow"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/executions/{id}/stream": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Every entry of an execution's history, those that there are and those that come, until it has ended.
         * @description The first message has the event `hello` and says from where it goes on. Each one after it is an entry: its `id` is the entry's
         *     `seq` and its data the entry. A client that names the last `id` that it has seen (`Last-Event-ID`, as browsers do by themselves)
         *     gets what came after it: no entry is left out or sent twice. The last message has the event `end` and the data `{"status"}`.
         */
        get: operations["streamExecution"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/jobs": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Jobs, the newest first. They are kept for 30 days. */
        get: operations["listJobs"];
        put?: never;
        /**
         * Makes a job: retries, replays, cancels, pauses or resumes many executions, and keeps what came of each.
         * @description Which they are is fixed now: those named by `ids`, or those that the filter means and whose status allows it. With `canary` it does
         *     one and waits to be told to go on. With `dryRun` nothing is done, and the answer says how many it would take.
         */
        post: operations["createJob"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/jobs/{id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** How far a job is. */
        get: operations["getJob"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/jobs/{id}/continue": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Goes on with a job that waits after its first execution. */
        post: operations["continueJob"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/jobs/{id}/items": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** What came of each execution of a job, in the order in which it took them. What was done in the last second may not be there yet. */
        get: operations["listJobItems"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/jobs/{id}/stop": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Stops a job. What it has done stays done. */
        post: operations["stopJob"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/jobs/{id}/stream": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** A job as it goes on: messages with the event `job`, the last one with `end`; then the job is over. */
        get: operations["streamJob"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/nodes": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** The engines that share the work on this store, and which of them answers. On SQLite it is one. */
        get: operations["listNodes"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/system": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** How the engine is: its store, what waits, how much it does, over ten minutes. */
        get: operations["getSystem"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/system/stream": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** The same once a second: each message is what `/system` answers. */
        get: operations["streamSystem"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/tokens": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** All tokens, those that were revoked included, the oldest first; apart from them those that are damaged. */
        get: operations["listTokens"];
        put?: never;
        /**
         * Makes a token. Once there is one, every request needs one; so the first is an admin's.
         * @description The answer has the token's text in `token`. It is shown this once: only its SHA-256 is stored.
         */
        post: operations["createToken"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/tokens/{token}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** One token. */
        get: operations["getToken"];
        put?: never;
        post?: never;
        /** Revokes a token: from the answer on nobody calls with it, and what waits or streams with it ends. */
        delete: operations["revokeToken"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/validate": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Says what registering a definition would say. Nothing is stored. */
        post: operations["validateDefinition"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/worker": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * A worker connects: a WebSocket, over which it takes tasks and gives results.
         * @description What is said on it is in `docs/worker-protocol.md`.
         */
        get: operations["connectWorker"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/workers": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Whoever runs actions: remote workers that are connected, endpoints, and this process. */
        get: operations["listWorkers"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/workflows": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** All workflows, each in its newest version, by id. */
        get: operations["definitions"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/workflows/{id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * One workflow: its newest version, or the one asked for.
         * @description A version never changes. A client that keeps it says so with `If-None-Match`, and is answered in a word when it is still so.
         */
        get: operations["definition"];
        /**
         * Registers a definition.
         * @description What equals the newest version is that version; anything else gets the next number. Executions keep the version that they
         *     started with.
         */
        put: operations["register"];
        post?: never;
        /** Deletes a workflow. Its executions go on; new ones cannot be started. */
        delete: operations["deleteDefinition"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/workflows/{id}/executions": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Starts an execution, and with `wait` answers it once it has ended. */
        post: operations["start"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/workflows/{id}/stats": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * How a workflow and each of its steps have fared lately: kept hour by hour for 30 days, not found by looking at histories.
         * @description Percentiles are right within 3.2 %; the last second may be missing.
         */
        get: operations["getStatistics"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/workflows/{id}/versions": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** All versions of a workflow, the newest first, and how many executions each has. */
        get: operations["listVersions"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/healthz": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** The process is there. */
        get: operations["healthz"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/metrics": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Metrics in the text format of Prometheus. */
        get: operations["metrics"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/openapi.json": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** The document itself. */
        get: operations["openapi"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/readyz": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** The store can be written, the engine is not shutting down, and it has a share of the executions. */
        get: operations["readyz"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
}
export type webhooks = Record<string, never>;
export interface components {
    schemas: {
        /** @enum {string} */
        Access: "read" | "write" | "admin";
        /** @description An action that somebody provides, or that a workflow names. */
        Action: {
            action: string;
            /** Format: int64 */
            oldestSince?: number;
            /** @description Ids of workers. */
            providers: string[];
            /** Format: int64 */
            slots: number;
            usedBy: components["schemas"]["UsedBy"][];
            /**
             * Format: int64
             * @description Executions that want it and have no slot.
             */
            waiting: number;
            waitingExact: boolean;
        };
        ActionList: {
            actions: components["schemas"]["Action"][];
        };
        /** @enum {string} */
        AfterFailure: "fail" | "continue" | "branch" | "startHandler";
        /** @description Any JSON value. */
        AnyJson: unknown;
        AttemptData: {
            /** @description Who runs it. */
            session: string;
        };
        /**
         * @description Why somebody should look at an execution.
         * @enum {string}
         */
        Attention: "noWorker" | "overdue" | "retrying";
        /** @description Each execution once for each reason. */
        AttentionCounts: {
            /** Format: int64 */
            noWorker: number;
            /** Format: int64 */
            overdue: number;
            /** Format: int64 */
            retrying: number;
        };
        /** @enum {string} */
        Backoff: "fixed" | "exponential";
        CancelHistoryEntry: {
            by?: string;
            data?: components["schemas"]["KeyData"];
            /** Format: int64 */
            seq: number;
            /** Format: int64 */
            timestamp: number;
            /**
             * @description discriminator enum property added by openapi-typescript
             * @enum {string}
             */
            type: "cancel";
        };
        /** @description What is told of all executions, by the event's name: `hello`, `upsert`, `remove`, `counts`, `reset`. */
        ChangeMessage: components["schemas"]["StreamHello"] | components["schemas"]["ExecutionSummary"] | components["schemas"]["RemovedExecution"] | components["schemas"]["Counts"] | components["schemas"]["StreamReset"];
        /**
         * @description A CloudEvent in structured mode; further attributes are allowed and not read. In binary mode the attributes are headers
         *     (`ce-type` ...) and the body is the data.
         */
        CloudEvent: {
            data?: unknown;
            /** @description The data as the text of JSON in base64, instead of `data`. */
            data_base64?: string | null;
            /** @description With `source`: the same one again gives the same answer and starts nothing. */
            id: string;
            source: string;
            /** @example 1.0 */
            specversion: string;
            /**
             * @description The event's name.
             * @example Customer.created
             */
            type: string;
        };
        CompleteHistoryEntry: {
            /** Format: int64 */
            seq: number;
            /** Format: int64 */
            timestamp: number;
            /**
             * @description discriminator enum property added by openapi-typescript
             * @enum {string}
             */
            type: "complete";
        };
        Count: {
            /** Format: int64 */
            count: number;
            status: components["schemas"]["Status"];
            workflowId: string;
        };
        Counts: {
            /** Format: int64 */
            asOf: number;
            attention: components["schemas"]["AttentionCounts"];
            /** @description Over all of them. */
            byStatus: components["schemas"]["StatusCounts"];
            /** @description By workflow and status; zeros are left out. Only where nothing but workflows was asked for. */
            counts?: components["schemas"]["Count"][];
            /** @description False: a number is a lower bound. */
            exact: boolean;
        };
        DamagedToken: {
            /**
             * @description As it is found; `DELETE` with it revokes the token, and its row is whole again.
             * @example 3f9d0c5a7b21e864
             */
            id: string;
            /** @description As it is found. */
            name: string;
            /**
             * @description What is wrong with the row.
             * @example it is not what was written: its checksum differs
             */
            why: string;
        };
        /** @description A version of a workflow. */
        Definition: {
            /** @description The initial state. */
            context?: Record<string, unknown>;
            /**
             * Format: int64
             * @description When the first version was registered.
             */
            createdAt: number;
            description?: string;
            /** @example order-processing */
            id: string;
            name?: string;
            /** @description What of the input is masked wherever it is shown: `true`, or paths such as `card.number`. */
            sensitive?: components["schemas"]["Sensitive"];
            steps: components["schemas"]["Step"][];
            /**
             * @description Of a whole execution.
             * @example 1h
             */
            timeout?: string;
            triggers?: components["schemas"]["Trigger"][];
            /**
             * Format: int64
             * @description When this one was.
             */
            updatedAt: number;
            /** Format: int32 */
            version: number;
        };
        /**
         * @description A definition to be registered. What the engine gives it (`version` and the fields after it) may stand there, and does not matter:
         *     what was read can be registered again.
         */
        DefinitionBody: {
            /** @description The initial state. */
            context?: Record<string, unknown>;
            /** Format: int64 */
            createdAt?: number;
            description?: string;
            diagnostics?: components["schemas"]["Diagnostic"][];
            /** @example order-processing */
            id: string;
            name?: string;
            /** @description What of the input is masked wherever it is shown: `true`, or paths such as `card.number`. */
            sensitive?: components["schemas"]["Sensitive"];
            steps: components["schemas"]["Step"][];
            /**
             * @description Of a whole execution.
             * @example 1h
             */
            timeout?: string;
            triggers?: components["schemas"]["Trigger"][];
            /** Format: int64 */
            updatedAt?: number;
            /** Format: int32 */
            version?: number;
        };
        DefinitionList: {
            workflows: components["schemas"]["ListedDefinition"][];
        };
        Deleted: {
            deleted: boolean;
        };
        /** @description How things stand. */
        Diagnosis: {
            /**
             * Format: int64
             * @description Epoch milliseconds.
             */
            at: number;
            /** Format: int64 */
            executionsLookedAt: number;
            /** @description The worst first. */
            findings: components["schemas"]["Finding"][];
            /** @description There were more executions than are looked at: counts are lower bounds. */
            incomplete?: boolean;
            /** @description Of the server. */
            version: string;
        };
        /** @description One finding about a definition. */
        Diagnostic: {
            code: string;
            /**
             * Format: int64
             * @description 1-based, in characters: where in an expression it is.
             */
            column?: number;
            help?: string;
            message: string;
            /**
             * @description Of the value that it is about (RFC 6901).
             * @example /steps/2/dependsOn/0
             */
            pointer: string;
            severity: components["schemas"]["Severity"];
        };
        Endpoint: {
            /** @description Given or discovered. */
            actions: string[];
            /** Format: int32 */
            concurrency: number;
            /** @description The endpoint itself was asked for its actions. */
            discovered: boolean;
            /** @description The secret itself is never given back. */
            hasSecret: boolean;
            name: string;
            /** @example 5m */
            timeout: string;
            /** @description Why the endpoint did not answer when it was asked. */
            unreachable?: string;
            url: string;
        };
        EndpointBody: {
            /** @description Asked of the endpoint itself unless given. */
            actions?: string[] | null;
            /**
             * Format: int32
             * @description Calls at the same time; 64 unless given.
             */
            concurrency?: number | null;
            /** @description Calls are signed with it (Standard Webhooks). */
            secret?: string | null;
            /**
             * @description Of a call whose step has none; `5m` unless given.
             * @example 5m
             */
            timeout?: string | null;
            /** @example http://127.0.0.1:4800 */
            url: string;
        };
        EndpointList: {
            endpoints: components["schemas"]["Endpoint"][];
        };
        ErrorData: {
            error: components["schemas"]["Failure"];
        };
        /** @description One kind, with further messages. */
        ErrorDetail: {
            /** Format: int64 */
            bucketMs: number;
            buckets: components["schemas"]["ErrorPart"][];
            code?: string;
            /** @description Messages of it that differ, the newest first, at most 5. */
            examples: components["schemas"]["ErrorExample"][];
            /**
             * Format: int64
             * @description Executions that have failed so, and have not been retried.
             */
            failedNow: number;
            fingerprint: string;
            /**
             * Format: int64
             * @description Within 30 days.
             */
            firstSeen: number;
            /** Format: int64 */
            lastSeen: number;
            /**
             * Format: int64
             * @description Executions of which a step has failed so and is tried again.
             */
            retryingNow: number;
            /** @description The newest. */
            sample: components["schemas"]["ErrorSample"];
            steps: components["schemas"]["ErrorStep"][];
            /** @description `<n>`, `<id>`, `<host>`, `<email>` and `<time>` stand for what differs. */
            template: string;
            /**
             * Format: int64
             * @description Failures in the window: of attempts, and of executions that ran out of time.
             */
            total: number;
            versions: components["schemas"]["ErrorVersion"][];
            workflows: string[];
        };
        ErrorExample: {
            /** Format: int64 */
            at: number;
            executionId: string;
            message: string;
        };
        /** @description Failures that have their message in common, but for what was taken out of it. */
        ErrorKind: {
            /** Format: int64 */
            bucketMs: number;
            buckets: components["schemas"]["ErrorPart"][];
            code?: string;
            /**
             * Format: int64
             * @description Executions that have failed so, and have not been retried.
             */
            failedNow: number;
            fingerprint: string;
            /**
             * Format: int64
             * @description Within 30 days.
             */
            firstSeen: number;
            /** Format: int64 */
            lastSeen: number;
            /**
             * Format: int64
             * @description Executions of which a step has failed so and is tried again.
             */
            retryingNow: number;
            /** @description The newest. */
            sample: components["schemas"]["ErrorSample"];
            steps: components["schemas"]["ErrorStep"][];
            /** @description `<n>`, `<id>`, `<host>`, `<email>` and `<time>` stand for what differs. */
            template: string;
            /**
             * Format: int64
             * @description Failures in the window: of attempts, and of executions that ran out of time.
             */
            total: number;
            versions: components["schemas"]["ErrorVersion"][];
            workflows: string[];
        };
        ErrorList: {
            /** Format: int64 */
            asOf: number;
            errors: components["schemas"]["ErrorKind"][];
            /** Format: int64 */
            failedNow: number;
            /** Format: int64 */
            retryingNow: number;
            /** @description There are more kinds than are listed. */
            truncated?: boolean;
        };
        ErrorPart: {
            /** Format: int64 */
            at: number;
            /** Format: int64 */
            count: number;
        };
        ErrorSample: {
            code?: string;
            executionId: string;
            message: string;
            stack?: string;
        };
        ErrorStep: {
            /** Format: int64 */
            count: number;
            /** @description Absent for the execution itself. */
            stepId?: string;
            workflowId: string;
        };
        ErrorVersion: {
            /** Format: int64 */
            count: number;
            /** Format: int32 */
            version: number;
            workflowId: string;
        };
        /** @description What an event has started, or with `dryRun` what it would start. */
        EventAnswer: components["schemas"]["StartedByEvent"] | components["schemas"]["EventDryRun"];
        EventBody: {
            /** @description Becomes the input; what is no object becomes `{data}`. */
            data?: unknown;
            /** @example Customer.created */
            event: string;
            /** @description The same id again gives the same answer and starts nothing. */
            id?: string | null;
        };
        EventCondition: {
            error?: string;
            expression: string;
            result?: unknown;
            values: {
                [key: string]: unknown;
            };
        };
        EventDryRun: {
            /** @description An event with this id has come before. */
            duplicateOf?: components["schemas"]["EventDuplicate"];
            /** @description Every trigger whose pattern matches. */
            matches: components["schemas"]["EventMatch"][];
            /** @description The pattern that was meant, perhaps, where none matches. */
            suggestion?: string;
        };
        EventDuplicate: {
            executions: string[];
        };
        /** @description What an event would start. */
        EventMatch: {
            condition?: components["schemas"]["EventCondition"];
            pattern: string;
            /** Format: int32 */
            version: number;
            /** @description In words. */
            why: string;
            workflowId: string;
            wouldStart: boolean;
        };
        /** @description One run of a workflow. */
        Execution: {
            /** Format: int64 */
            completedAt?: number;
            /** @description In the order in which they completed. */
            completedSteps: string[];
            /**
             * Format: int64
             * @description Index of the first step that has not ended.
             */
            currentStepIndex: number;
            /** @description The message of the failure that it ended with, or is going to end with. */
            error?: string;
            errorCode?: string;
            /** @description The newest entries, oldest first, at most 1,000; `.../history` has all. */
            history: components["schemas"]["HistoryEntry"][];
            /** @description There are entries older than these. */
            historyTruncated?: boolean;
            /**
             * @description `exec_` and 32 hex digits; the order of ids is the order of starts.
             * @example exec_019a9f3e5c7a7c32b1f0a5d2e4c6b812
             */
            id: string;
            /** @description What it was started with: an object, or a text when its definition calls all of it sensitive. */
            input: components["schemas"]["Input"];
            /** @description Of a completed execution. */
            output?: unknown;
            parent?: string;
            replayOf?: string;
            /** Format: int64 */
            startedAt: number;
            /** @description Context, input and outputs; where names collide the later of these wins. */
            state: Record<string, unknown>;
            status: components["schemas"]["Status"];
            /** @description By step id; steps that were never considered are not there. */
            stepResults: {
                [key: string]: components["schemas"]["StepResult"];
            };
            triggeredBy: components["schemas"]["TriggeredBy"];
            workflowId: string;
            /**
             * Format: int32
             * @description The version that it started with, and keeps.
             */
            workflowVersion: number;
        };
        /** @description As it was asked for. */
        ExecutionAnswer: components["schemas"]["InspectedExecution"] | components["schemas"]["Execution"];
        ExecutionHello: {
            /**
             * Format: int64
             * @description Entries with a higher `seq` follow.
             */
            after: number;
            /**
             * Format: int64
             * @description With the entry of this `seq` the client has caught up.
             */
            lastSeq: number;
            /** Format: int64 */
            serverTime: number;
            /** @description Of the server. */
            version: string;
        };
        /** @enum {string} */
        ExecutionInclude: "reasons";
        ExecutionList: {
            executions: components["schemas"]["ExecutionRow"][];
            /** @description The `cursor` of the next page; absent on the last one. */
            nextCursor?: string;
        };
        /** @description What is told of one execution: with the event `hello`, without a name, with the event `end`. */
        ExecutionMessage: components["schemas"]["ExecutionHello"] | components["schemas"]["HistoryEntry"] | components["schemas"]["StreamEnd"];
        /** @description As it was asked for. */
        ExecutionPage: components["schemas"]["SummaryList"] | components["schemas"]["ExecutionList"];
        /**
         * @description An execution in a list. The last eight fields are there when `include` asks for them; the last three come with `execution`,
         *     which leaves out the fields from `wakeAt` to `stepsCompleted` that an execution does not have itself.
         */
        ExecutionRow: {
            /** Format: int64 */
            completedAt?: number;
            /** @description In the order in which they completed. */
            completedSteps?: string[];
            /**
             * Format: int64
             * @description Index of the first step that has not ended.
             */
            currentStepIndex?: number;
            error?: string;
            errorCode?: string;
            /** @description The same for errors that differ only in ids and numbers. */
            errorFingerprint?: string;
            /** @description The step whose failure the execution failed with. */
            failedStep?: string;
            /** @description The newest entries, oldest first, at most 100. */
            history?: components["schemas"]["HistoryEntry"][];
            /** @description There are entries older than those of `history`. */
            historyTruncated?: boolean;
            id: string;
            input?: components["schemas"]["Input"];
            output?: unknown;
            parent?: string;
            replayOf?: string;
            /** Format: int64 */
            startedAt: number;
            state?: Record<string, unknown>;
            status: components["schemas"]["Status"];
            stepResults?: {
                [key: string]: components["schemas"]["StepResult"];
            };
            /**
             * Format: int32
             * @description How many have completed; known once the execution has ended.
             */
            stepsCompleted?: number;
            triggeredBy: components["schemas"]["TriggeredBy"];
            /**
             * Format: int64
             * @description When the next timer or retry is due.
             */
            wakeAt?: number;
            workflowId: string;
            /** Format: int32 */
            workflowVersion: number;
        };
        /** @description An execution in a list, with what it does or waits for. */
        ExecutionSummary: {
            attention?: components["schemas"]["Attention"];
            /** Format: int64 */
            completedAt?: number;
            error?: string;
            errorCode?: string;
            errorFingerprint?: string;
            errorStepId?: string;
            id: string;
            /** Format: int64 */
            lastSeq: number;
            parent?: string;
            /** Format: int64 */
            reasonCount: number;
            /** @description The one that matters most. */
            reasons: components["schemas"]["Reason"][];
            replayOf?: string;
            /** Format: int64 */
            startedAt: number;
            status: components["schemas"]["Status"];
            stepCounts: components["schemas"]["StepCounts"];
            triggeredBy: components["schemas"]["TriggeredBy"];
            /** Format: int64 */
            wakeAt?: number;
            workflowId: string;
            workflowName?: string;
            /** Format: int32 */
            workflowVersion: number;
        };
        FailData: {
            error: components["schemas"]["Failure"];
            /** @description The workflow that was started to handle it. */
            handler?: string;
            /**
             * Format: int64
             * @description When it is tried again.
             */
            retryAt?: number;
            /** @description What `onError` made of it, where it is not tried again. */
            then?: components["schemas"]["AfterFailure"];
        };
        FailHistoryEntry: {
            data: components["schemas"]["ErrorData"];
            message: string;
            /** Format: int64 */
            seq: number;
            /** Format: int64 */
            timestamp: number;
            /**
             * @description discriminator enum property added by openapi-typescript
             * @enum {string}
             */
            type: "fail";
        };
        /** @description Why an action failed. */
        Failure: {
            cause?: components["schemas"]["Failure"];
            code?: string;
            message: string;
            /** @description `false`: it was not tried again. */
            retryable?: boolean;
            stack?: string;
        };
        /** @enum {string} */
        Feature: "runNow" | "summaries" | "errors" | "statistics" | "dryRun" | "jobs";
        Finding: {
            /** @description What to do. */
            advice: string;
            /** @example action_missing */
            code: string;
            /**
             * Format: int64
             * @description How many executions it is about.
             */
            count: number;
            /** @description The ids of at most five of them. */
            executions: string[];
            severity: components["schemas"]["FindingSeverity"];
            /**
             * Format: int64
             * @description Epoch milliseconds.
             */
            since?: number;
            /**
             * @description What is so.
             * @example steps are ready and nobody provides `chargeCard`
             */
            what: string;
        };
        /**
         * @description `error`: something stands still until somebody does something. `warning`: somebody should look.
         * @enum {string}
         */
        FindingSeverity: "error" | "warning" | "info";
        Health: {
            status: components["schemas"]["HealthStatus"];
        };
        /** @enum {string} */
        HealthStatus: "ok" | "ready";
        /**
         * @description What happened, once. `seq` is 1, 2, 3 ... within an execution: this is the order. `message` is for people. `by` is who caused it:
         *     the name of the token that the call came with, else the address that it came from; not there where a program called the engine in
         *     its own process without saying who it is.
         */
        HistoryEntry: components["schemas"]["StartHistoryEntry"] | components["schemas"]["StepReadyHistoryEntry"] | components["schemas"]["StepStartHistoryEntry"] | components["schemas"]["StepCompleteHistoryEntry"] | components["schemas"]["StepFailHistoryEntry"] | components["schemas"]["StepSkipHistoryEntry"] | components["schemas"]["StepCancelHistoryEntry"] | components["schemas"]["StepInterruptedHistoryEntry"] | components["schemas"]["WaitHistoryEntry"] | components["schemas"]["PauseHistoryEntry"] | components["schemas"]["ResumeHistoryEntry"] | components["schemas"]["RetryHistoryEntry"] | components["schemas"]["CompleteHistoryEntry"] | components["schemas"]["FailHistoryEntry"] | components["schemas"]["CancelHistoryEntry"];
        /** @enum {string} */
        HistoryOrder: "asc" | "desc";
        HistoryPage: {
            entries: components["schemas"]["HistoryEntry"][];
            /** @description The `after` of the next page; absent on the last one. */
            nextCursor?: string;
            /**
             * Format: int64
             * @description The `seq` of the newest entry, whatever was asked for.
             */
            total: number;
        };
        /** @enum {string} */
        HistoryPayloads: "inline" | "none";
        /** @description An object, or `"[sensitive]"` when its definition calls all of it sensitive. */
        Input: {
            [key: string]: unknown;
        } | string;
        /** @description An execution with what it does or waits for: where `include=reasons`, `at`, `maxValueBytes` or `history` asks for it. */
        InspectedExecution: {
            /**
             * Format: int64
             * @description With `at`: it is as it was after this entry.
             */
            asOfSeq?: number;
            /** Format: int64 */
            completedAt?: number;
            /** @description In the order in which they completed. */
            completedSteps: string[];
            /**
             * Format: int64
             * @description Index of the first step that has not ended.
             */
            currentStepIndex: number;
            /** @description The message of the failure that it ended with, or is going to end with. */
            error?: string;
            errorCode?: string;
            /** @description Of the failure that it ended with, or because of which it is tried again. */
            errorFingerprint?: string;
            errorStepId?: string;
            /** @description The newest entries, oldest first, at most 1,000; `.../history` has all. */
            history: components["schemas"]["HistoryEntry"][];
            /** @description There are entries older than these. */
            historyTruncated?: boolean;
            /**
             * @description `exec_` and 32 hex digits; the order of ids is the order of starts.
             * @example exec_019a9f3e5c7a7c32b1f0a5d2e4c6b812
             */
            id: string;
            /** @description What it was started with: an object, or a text when its definition calls all of it sensitive. */
            input: components["schemas"]["Input"];
            /**
             * Format: int64
             * @description The `seq` of the newest entry of its history.
             */
            lastSeq: number;
            /** @description Of a completed execution. */
            output?: unknown;
            parent?: string;
            /** @description What matters most first. */
            reasons: components["schemas"]["Reason"][];
            replayOf?: string;
            /**
             * Format: int64
             * @description What the server's clock said.
             */
            serverTime: number;
            /** Format: int64 */
            startedAt: number;
            /** @description Context, input and outputs; where names collide the later of these wins. */
            state: Record<string, unknown>;
            status: components["schemas"]["Status"];
            stepCounts: components["schemas"]["StepCounts"];
            /** @description By step id; steps that were never considered are not there. */
            stepResults: {
                [key: string]: components["schemas"]["StepResult"];
            };
            triggeredBy: components["schemas"]["TriggeredBy"];
            /**
             * Format: int64
             * @description When the next timer or retry is due.
             */
            wakeAt?: number;
            workflowId: string;
            /**
             * Format: int32
             * @description The version that it started with, and keeps.
             */
            workflowVersion: number;
        };
        /** @enum {string} */
        InterruptCause: "lost" | "shutdown";
        InterruptData: {
            cause: components["schemas"]["InterruptCause"];
        };
        /** @description How far it is. */
        Job: {
            action: components["schemas"]["JobAction"];
            /** Format: int64 */
            asOf: number;
            /** @description Who made it. */
            by?: string;
            /** @description What came of the one that was first. */
            canary?: components["schemas"]["JobItem"];
            /** @description It waits after the first one, or will; left out once it was told to go on. */
            canaryFirst?: boolean;
            /** Format: int64 */
            createdAt: number;
            /** Format: int64 */
            done: number;
            /** Format: int64 */
            failed: number;
            filter?: components["schemas"]["JobFilter"];
            /** Format: int64 */
            finishedAt?: number;
            id: string;
            /**
             * Format: int64
             * @description Executions that it takes, fixed when it was made.
             */
            matched: number;
            /**
             * Format: double
             * @description Executions a second, while it runs.
             */
            rate?: number;
            /**
             * Format: int64
             * @description They were not in a state for it any more, or gone.
             */
            skipped: number;
            status: components["schemas"]["JobStatus"];
        };
        /** @enum {string} */
        JobAction: "retry" | "replay" | "cancel" | "pause" | "resume";
        /** @description A job, or what it would take. */
        JobAnswer: components["schemas"]["Job"] | components["schemas"]["JobPreview"];
        /** @description Which executions, and what is done with them. */
        JobBody: components["schemas"]["JobOfIds"] | components["schemas"]["JobOfFilter"];
        /** @description As the parameters of the list of executions; `{}` means all. */
        JobFilter: {
            attention?: components["schemas"]["Attention"];
            errorFingerprint?: string;
            /** Format: int64 */
            startedAfter?: number;
            /** Format: int64 */
            startedBefore?: number;
            status?: components["schemas"]["Status"][];
            triggeredBy?: components["schemas"]["TriggerKind"];
            /** Format: int32 */
            version?: number;
            workflowId?: string[];
        };
        JobItem: {
            /** Format: int64 */
            at: number;
            /** @description Why it was not done, as the call itself would have answered. */
            code?: components["schemas"]["ProblemCode"];
            detail?: string;
            executionId: string;
            /** @description The one that a replay started. */
            newExecutionId?: string;
            outcome: components["schemas"]["JobOutcome"];
        };
        JobItemList: {
            items: components["schemas"]["JobItem"][];
            nextCursor?: string;
        };
        JobList: {
            jobs: components["schemas"]["Job"][];
            nextCursor?: string;
        };
        /** @description Those that are meant. */
        JobOfFilter: {
            action: components["schemas"]["JobAction"];
            /**
             * Format: int64
             * @description Only those that had started, and ended where they have ended, by then; now unless given.
             */
            asOf?: number;
            /** @description One first; the others wait for `continue`. */
            canary?: boolean;
            /** @description Says what it would take, and does nothing. */
            dryRun?: boolean;
            filter: components["schemas"]["JobFilter"];
        };
        /** @description Those that are named. */
        JobOfIds: {
            action: components["schemas"]["JobAction"];
            /**
             * Format: int64
             * @description Only those that had started, and ended where they have ended, by then; now unless given.
             */
            asOf?: number;
            /** @description One first; the others wait for `continue`. */
            canary?: boolean;
            /** @description Says what it would take, and does nothing. */
            dryRun?: boolean;
            /** @description At most 1,000. */
            ids: string[];
        };
        /** @enum {string} */
        JobOutcome: "done" | "failed" | "skipped";
        /** @description The answer to a dry run. */
        JobPreview: {
            /** Format: int64 */
            matched: number;
            /** @description The newest of those that it would take, at most 5. */
            sample: components["schemas"]["ExecutionSummary"][];
        };
        /** @enum {string} */
        JobStatus: "running" | "waiting" | "stopped" | "completed";
        /** @description Of a call that came with a key. */
        KeyData: {
            idempotencyKey: string;
        };
        /** @description Everybody who provides the action is busy. */
        LimitReason: {
            action: string;
            /**
             * Format: int32
             * @description The attempt that is waited for.
             */
            attempt: number;
            /** @description The message of the newest failure of the step. */
            error?: string;
            /** Format: int32 */
            failedAttempts?: number;
            /**
             * @description discriminator enum property added by openapi-typescript
             * @enum {string}
             */
            kind: "limit";
            /** Format: int32 */
            maxAttempts: number;
            /** Format: int64 */
            since: number;
            stepId: string;
        };
        /** @enum {string} */
        ListFields: "summary";
        ListedDefinition: {
            /** @description The initial state. */
            context?: Record<string, unknown>;
            /**
             * Format: int64
             * @description When the first version was registered.
             */
            createdAt: number;
            description?: string;
            /** @example order-processing */
            id: string;
            name?: string;
            /** @description What of the input is masked wherever it is shown: `true`, or paths such as `card.number`. */
            sensitive?: components["schemas"]["Sensitive"];
            /** @description How it has fared, with `include=stats`. */
            stats?: components["schemas"]["Statistics"];
            steps: components["schemas"]["Step"][];
            /**
             * @description Of a whole execution.
             * @example 1h
             */
            timeout?: string;
            triggers?: components["schemas"]["Trigger"][];
            /**
             * Format: int64
             * @description When this one was.
             */
            updatedAt: number;
            /** Format: int32 */
            version: number;
        };
        NewToken: {
            /** Format: int64 */
            createdAt: number;
            id: string;
            name: string;
            role: components["schemas"]["Role"];
            /** @description For the header `authorization: Bearer ...`. Shown this once. */
            token: string;
        };
        /** @description An engine that works on this store. */
        Node: {
            /** @description Of this life of it: another one when it is started again. */
            id: string;
            /** Format: int64 */
            joinedAt: number;
            /** @description What a person looks for it by. */
            name: string;
            /** @description It is the one that answers. */
            self: boolean;
            /**
             * Format: int64
             * @description Its share of the executions, of 4096 slots. One that has just come has none until the others give it some.
             */
            slots: number;
            status: components["schemas"]["NodeStatus"];
            /** @description Where workers and people reach it, when it said so. */
            url?: string;
        };
        NodeList: {
            nodes: components["schemas"]["Node"][];
        };
        /**
         * @description `lapsed`: it has not renewed its lease, and the others take over what it owns.
         * @enum {string}
         */
        NodeStatus: "live" | "lapsed";
        /** @enum {string} */
        OnError: "fail" | "continue" | "retry" | "branch";
        OutputData: {
            output?: unknown;
            /**
             * Format: int64
             * @description The output is in `stepResults`, or too long for a page of entries.
             */
            outputBytes?: number;
        };
        PauseHistoryEntry: {
            by?: string;
            data?: components["schemas"]["KeyData"];
            /** Format: int64 */
            seq: number;
            /** Format: int64 */
            timestamp: number;
            /**
             * @description discriminator enum property added by openapi-typescript
             * @enum {string}
             */
            type: "pause";
        };
        /** @description Somebody has paused the execution. */
        PausedReason: {
            /** @description Who it was. */
            by?: string;
            /**
             * @description discriminator enum property added by openapi-typescript
             * @enum {string}
             */
            kind: "paused";
            /** Format: int64 */
            since: number;
        };
        /** @description An error (RFC 9457). Programs look at `code`, people at `detail`. */
        Problem: {
            code: components["schemas"]["ProblemCode"];
            detail: string;
            /** @description Everything that is wrong with a definition. */
            diagnostics?: components["schemas"]["Diagnostic"][];
            /** Format: int32 */
            status: number;
            title: string;
            /** @example tag:workflow.do,2026:problem/invalid_state */
            type: string;
        };
        /**
         * @description What a program looks at, of all errors that there are.
         * @example invalid_state
         * @enum {string}
         */
        ProblemCode: "action_missing" | "admin_required" | "closed" | "corrupt" | "endpoint_not_found" | "entry_not_found" | "error_not_found" | "execution_not_found" | "forbidden" | "history_full" | "host_not_allowed" | "idempotency_key_reused" | "internal" | "invalid_definition" | "invalid_input" | "invalid_json" | "invalid_parameter" | "invalid_query" | "invalid_request" | "invalid_state" | "job_not_found" | "method_not_allowed" | "metrics_elsewhere" | "not_found" | "not_supported" | "origin_not_allowed" | "outcome_unknown" | "overloaded" | "payload_too_large" | "request_timeout" | "step_not_found" | "store_unavailable" | "tls_expected" | "token_exists" | "token_not_found" | "unauthorized" | "unsupported_media_type" | "upgrade_required" | "workflow_not_found";
        /** @enum {string} */
        ReadyCause: "condition" | "timer" | "retry" | "runNow";
        ReadyData: {
            cause: components["schemas"]["ReadyCause"];
            idempotencyKey?: string;
            receipt?: components["schemas"]["Receipt"];
        };
        /** @description What a step, or all of an execution, does or waits for. */
        Reason: components["schemas"]["PausedReason"] | components["schemas"]["WorkerReason"] | components["schemas"]["RetryReason"] | components["schemas"]["RunningReason"] | components["schemas"]["LimitReason"] | components["schemas"]["TimerReason"];
        /** @description Why a condition came out as it did. */
        Receipt: {
            expression: string;
            result?: unknown;
            /** @description What it read. */
            values: {
                [key: string]: unknown;
            };
        };
        RefusedStart: {
            code: components["schemas"]["ProblemCode"];
            message: string;
            workflowId: string;
        };
        /** @description The answer to a registration. */
        RegisteredDefinition: {
            /** @description The initial state. */
            context?: Record<string, unknown>;
            /**
             * Format: int64
             * @description When the first version was registered.
             */
            createdAt: number;
            description?: string;
            /** @description Warnings and hints. */
            diagnostics: components["schemas"]["Diagnostic"][];
            /** @example order-processing */
            id: string;
            name?: string;
            /** @description What of the input is masked wherever it is shown: `true`, or paths such as `card.number`. */
            sensitive?: components["schemas"]["Sensitive"];
            steps: components["schemas"]["Step"][];
            /**
             * @description Of a whole execution.
             * @example 1h
             */
            timeout?: string;
            triggers?: components["schemas"]["Trigger"][];
            /**
             * Format: int64
             * @description When this one was.
             */
            updatedAt: number;
            /** Format: int32 */
            version: number;
        };
        RemovedExecution: {
            id: string;
        };
        ReplayBody: {
            /** @description That of the execution that is replayed unless given. */
            input?: Record<string, unknown> | null;
        };
        /** @enum {string} */
        ResetReason: "gap" | "busy";
        ResumeHistoryEntry: {
            by?: string;
            data?: components["schemas"]["KeyData"];
            /** Format: int64 */
            seq: number;
            /** Format: int64 */
            timestamp: number;
            /**
             * @description discriminator enum property added by openapi-typescript
             * @enum {string}
             */
            type: "resume";
        };
        RetryData: {
            idempotencyKey?: string;
            /** @description The steps that it reset. */
            reset: string[];
        };
        RetryHistoryEntry: {
            by?: string;
            data: components["schemas"]["RetryData"];
            /** Format: int64 */
            seq: number;
            /** Format: int64 */
            timestamp: number;
            /**
             * @description discriminator enum property added by openapi-typescript
             * @enum {string}
             */
            type: "retry";
        };
        /** @description A step has failed, and is tried again. */
        RetryReason: {
            action: string;
            /**
             * Format: int32
             * @description The attempt that is waited for.
             */
            attempt: number;
            /** @description The message of the newest failure of the step. */
            error?: string;
            /** Format: int32 */
            failedAttempts?: number;
            /**
             * @description discriminator enum property added by openapi-typescript
             * @enum {string}
             */
            kind: "retry";
            /** Format: int32 */
            maxAttempts: number;
            /** Format: int64 */
            since: number;
            stepId: string;
            /** Format: int64 */
            until: number;
        };
        RetryWaitingFor: {
            message: string;
            /**
             * @description discriminator enum property added by openapi-typescript
             * @enum {string}
             */
            type: "retry";
            /** Format: int64 */
            until: number;
        };
        /**
         * @description What the holder of a token may do.
         * @enum {string}
         */
        Role: "reader" | "operator" | "admin" | "worker";
        /** @description An attempt runs. */
        RunningReason: {
            action: string;
            /**
             * Format: int32
             * @description The one that runs.
             */
            attempt: number;
            /** @description The message of the newest failure of the step. */
            error?: string;
            /** Format: int32 */
            failedAttempts?: number;
            /**
             * @description discriminator enum property added by openapi-typescript
             * @enum {string}
             */
            kind: "running";
            /** Format: int32 */
            maxAttempts: number;
            /**
             * Format: int64
             * @description 95 of 100 attempts of the step took less.
             */
            p95Ms?: number;
            /** Format: int64 */
            since: number;
            /** @description It has run for longer than that; not there when it has not. */
            slow?: boolean;
            stepId: string;
            /** @description Where it runs. */
            worker?: string;
        };
        /** @description All of a value, or the paths of what is sensitive within it: `card.number`, `items.*.token`. */
        Sensitive: boolean | string[];
        /** @enum {string} */
        Severity: "error" | "warning" | "hint";
        /** @enum {string} */
        SkipCause: "dependencies" | "condition" | "notBranchedTo";
        SkipData: {
            cause: components["schemas"]["SkipCause"];
            receipt?: components["schemas"]["Receipt"];
        };
        StartBody: {
            /** @description `{}` unless given. */
            input?: Record<string, unknown> | null;
        };
        StartData: {
            /**
             * Format: int64
             * @description When the execution times out.
             */
            deadline?: number;
            idempotencyKey?: string;
            /** @description Not there when it was left out. */
            input?: components["schemas"]["Input"];
            /** @description The workflows whose failures led to this one. */
            ledHere?: string[];
            replayOf?: string;
            triggeredBy: components["schemas"]["TriggeredBy"];
            /** Format: int32 */
            workflowVersion: number;
        };
        StartHistoryEntry: {
            by?: string;
            /**
             * Format: int64
             * @description How long the input is that `payloads=none` left out; not in streams.
             */
            bytes?: number;
            data: components["schemas"]["StartData"];
            /** Format: int64 */
            seq: number;
            /** Format: int64 */
            timestamp: number;
            /**
             * @description discriminator enum property added by openapi-typescript
             * @enum {string}
             */
            type: "start";
        };
        StartedByEvent: {
            executions: components["schemas"]["Execution"][];
            /** @description Workflows whose trigger matched and that could not be started. */
            refused: components["schemas"]["RefusedStart"][];
        };
        /** @description How a workflow, or a version of it, has fared. */
        Statistics: {
            /**
             * Format: int64
             * @description That have not ended.
             */
            active: number;
            /** Format: int64 */
            bucketMs: number;
            buckets: components["schemas"]["StatisticsPart"][];
            /** @description Now. */
            byStatus: components["schemas"]["StatusCounts"];
            /** Format: int64 */
            cancelled: number;
            /** Format: int64 */
            completed: number;
            /** Format: int64 */
            failed: number;
            /**
             * Format: double
             * @description Of those that completed or failed.
             */
            failureRate?: number;
            /** Format: int64 */
            from: number;
            /**
             * Format: int64
             * @description From start to end.
             */
            p50Ms?: number;
            /** Format: int64 */
            p95Ms?: number;
            /** Format: int64 */
            retrying: number;
            /** Format: int64 */
            samples: number;
            /**
             * Format: int64
             * @description In the window, as those that follow.
             */
            started: number;
            /** @description Of those that had anything to count; empty in the list of workflows. */
            steps: components["schemas"]["StepStatistics"][];
            /** Format: int64 */
            to: number;
            window: components["schemas"]["Window"];
        };
        StatisticsPart: {
            /** Format: int64 */
            at: number;
            /** Format: int64 */
            failed: number;
            /** Format: int64 */
            started: number;
        };
        /** @enum {string} */
        Status: "pending" | "running" | "waiting" | "paused" | "completed" | "failed" | "cancelled";
        StatusCounts: {
            /** Format: int64 */
            cancelled: number;
            /** Format: int64 */
            completed: number;
            /** Format: int64 */
            failed: number;
            /** Format: int64 */
            paused: number;
            /** Format: int64 */
            pending: number;
            /** Format: int64 */
            running: number;
            /** Format: int64 */
            waiting: number;
        };
        Step: {
            /** @example chargeCard */
            action: string;
            backoff?: components["schemas"]["Backoff"];
            /** @example score.risk < 0.3 */
            condition?: string;
            dependsOn?: string[];
            errorBranch?: string;
            /** @example charge */
            id: string;
            /** Format: int32 */
            maxRetries?: number;
            maxRetryDelay?: string;
            name?: string;
            onError?: components["schemas"]["OnError"];
            params?: Record<string, unknown>;
            /** @example 1m */
            retryDelay?: string;
            /** @description What of the output is masked wherever it is shown: `true`, or paths such as `card.number`. */
            sensitive?: components["schemas"]["Sensitive"];
            timeout?: string;
            /** @example 3d */
            wait?: string;
        };
        /** @description The execution was cancelled, or has failed, before the step had ended. */
        StepCancelHistoryEntry: {
            /** Format: int64 */
            seq: number;
            stepId: string;
            /** Format: int64 */
            timestamp: number;
            /**
             * @description discriminator enum property added by openapi-typescript
             * @enum {string}
             */
            type: "step_cancel";
        };
        StepCompleteHistoryEntry: {
            /** Format: int32 */
            attempt: number;
            /**
             * Format: int64
             * @description How long the output is that `payloads=none` left out; not in streams.
             */
            bytes?: number;
            /** @description Not there when the action returned nothing. */
            data?: components["schemas"]["OutputData"];
            /** Format: int64 */
            seq: number;
            stepId: string;
            /** Format: int64 */
            timestamp: number;
            /**
             * @description discriminator enum property added by openapi-typescript
             * @enum {string}
             */
            type: "step_complete";
        };
        StepCounts: {
            /** Format: int32 */
            completed: number;
            /** Format: int32 */
            failed: number;
            /** Format: int32 */
            running: number;
            /** Format: int32 */
            skipped: number;
            /** Format: int32 */
            total: number;
            /**
             * Format: int32
             * @description For a timer, a retry or a worker.
             */
            waiting: number;
        };
        StepFailHistoryEntry: {
            /**
             * Format: int32
             * @description Not there when no attempt had begun.
             */
            attempt?: number;
            data: components["schemas"]["FailData"];
            message: string;
            /** Format: int64 */
            seq: number;
            stepId: string;
            /** Format: int64 */
            timestamp: number;
            /**
             * @description discriminator enum property added by openapi-typescript
             * @enum {string}
             */
            type: "step_fail";
        };
        /** @description It runs again, and that does not count as a failure. */
        StepInterruptedHistoryEntry: {
            /** Format: int32 */
            attempt: number;
            data: components["schemas"]["InterruptData"];
            message: string;
            /** Format: int64 */
            seq: number;
            stepId: string;
            /** Format: int64 */
            timestamp: number;
            /**
             * @description discriminator enum property added by openapi-typescript
             * @enum {string}
             */
            type: "step_interrupted";
        };
        StepReadyHistoryEntry: {
            /** @description After "run now". */
            by?: string;
            data: components["schemas"]["ReadyData"];
            /** Format: int64 */
            seq: number;
            stepId: string;
            /** Format: int64 */
            timestamp: number;
            /**
             * @description discriminator enum property added by openapi-typescript
             * @enum {string}
             */
            type: "step_ready";
        };
        StepResult: {
            /** Format: int64 */
            completedAt?: number;
            /**
             * Format: int64
             * @description Milliseconds.
             */
            duration?: number;
            error?: string;
            output?: unknown;
            /**
             * Format: int32
             * @description Failed attempts after the first since the last `retry`.
             */
            retries: number;
            stack?: string;
            /** Format: int64 */
            startedAt?: number;
            status: components["schemas"]["StepStatus"];
            stepId: string;
            waitingFor?: components["schemas"]["WaitingFor"];
        };
        StepSkipHistoryEntry: {
            data: components["schemas"]["SkipData"];
            message: string;
            /** Format: int64 */
            seq: number;
            stepId: string;
            /** Format: int64 */
            timestamp: number;
            /**
             * @description discriminator enum property added by openapi-typescript
             * @enum {string}
             */
            type: "step_skip";
        };
        StepStartHistoryEntry: {
            /** Format: int32 */
            attempt: number;
            data?: components["schemas"]["AttemptData"];
            /** Format: int64 */
            seq: number;
            stepId: string;
            /** Format: int64 */
            timestamp: number;
            /**
             * @description discriminator enum property added by openapi-typescript
             * @enum {string}
             */
            type: "step_start";
        };
        StepStatistics: {
            /** Format: int64 */
            completed: number;
            /**
             * Format: int64
             * @description For good.
             */
            failed: number;
            /**
             * Format: int64
             * @description Of attempts.
             */
            p50Ms?: number;
            /** Format: int64 */
            p95Ms?: number;
            /**
             * Format: int64
             * @description Of first attempts: from when only a worker was missing to their beginning.
             */
            queueP95Ms?: number;
            /**
             * Format: int64
             * @description Failed, and tried again.
             */
            retried: number;
            /**
             * Format: int64
             * @description Attempts that ended.
             */
            runs: number;
            /** Format: int64 */
            samples: number;
            /** Format: int64 */
            skipped: number;
            stepId: string;
        };
        /** @enum {string} */
        StepStatus: "waiting" | "running" | "completed" | "failed" | "skipped" | "cancelled";
        StreamEnd: {
            /** @description How the execution has ended. */
            status: components["schemas"]["Status"];
        };
        StreamHello: {
            /** Format: int64 */
            serverTime: number;
            /** @description Of the server. */
            version: string;
        };
        /** @description The list is to be read again. */
        StreamReset: {
            /**
             * Format: int64
             * @description Executions that have changed, where that is known.
             */
            changed?: number;
            reason: components["schemas"]["ResetReason"];
        };
        /** @description A page of a list with `fields=summary`. */
        SummaryList: {
            /** @description False: the search took its time, and goes on with `nextCursor`. */
            complete: boolean;
            executions: components["schemas"]["ExecutionSummary"][];
            /** @description The `cursor` of the next page; absent on the last one. */
            nextCursor?: string;
            /**
             * Format: int64
             * @description Everything that started later was looked at.
             */
            searchedTo?: number;
        };
        /** @description How the engine is. */
        System: {
            /** @description What the caller may do. */
            access: components["schemas"]["Access"];
            /**
             * Format: double
             * @description Of ten minutes.
             */
            commitP99Ms?: number;
            /** @description What this server offers, for clients that know older ones. */
            features: components["schemas"]["Feature"][];
            limits: components["schemas"]["SystemLimits"];
            queue: components["schemas"]["SystemQueue"];
            /** @description A second, over the last ten. */
            rates: components["schemas"]["SystemRates"];
            /** @description It takes work. */
            ready: boolean;
            series: components["schemas"]["SystemSeries"];
            /** Format: int64 */
            serverTime: number;
            /**
             * Format: int64
             * @description This life of the engine.
             */
            startedAt: number;
            store: components["schemas"]["SystemStore"];
            /** Format: int64 */
            uptimeMs: number;
            version: string;
        };
        SystemLimits: {
            /** Format: int64 */
            historyEntriesMax: number;
            /** Format: int64 */
            payloadBytesMax: number;
            /** Format: int64 */
            stepsMax: number;
        };
        SystemQueue: {
            /** Format: int64 */
            oldestMs?: number;
            /**
             * Format: int64
             * @description Commands that wait to be decided.
             */
            queued: number;
            /**
             * Format: int64
             * @description Executions in memory that want a slot.
             */
            ready: number;
            /**
             * Format: int64
             * @description Executions in memory.
             */
            resident: number;
            /** Format: int64 */
            residentBytes: number;
            /**
             * Format: int64
             * @description Attempts in flight.
             */
            running: number;
        };
        SystemRates: {
            /** Format: double */
            commits: number;
            /** Format: double */
            ends: number;
            /** Format: double */
            starts: number;
            /** Format: double */
            steps: number;
        };
        /** @description Ten minutes, the oldest first; the last slot is not over. */
        SystemSeries: {
            commitP99Ms: number[];
            ends: number[];
            /** Format: int64 */
            everyMs: number;
            /** Format: int64 */
            from: number;
            running: number[];
            starts: number[];
            steps: number[];
        };
        SystemStore: {
            /** Format: int64 */
            bytes: number;
            /** Format: int64 */
            diskFreeBytes?: number;
            /** Format: int64 */
            executions: number;
            /** Format: int64 */
            logBytes: number;
            /** Format: int32 */
            schema?: number;
        };
        /** @description A `wait` runs. */
        TimerReason: {
            /** @description The message of the newest failure of the step. */
            error?: string;
            /** Format: int32 */
            failedAttempts?: number;
            /**
             * @description discriminator enum property added by openapi-typescript
             * @enum {string}
             */
            kind: "timer";
            /** Format: int64 */
            since: number;
            stepId: string;
            /** Format: int64 */
            until: number;
        };
        TimerWaitingFor: {
            message: string;
            /**
             * @description discriminator enum property added by openapi-typescript
             * @enum {string}
             */
            type: "timer";
            /** Format: int64 */
            until: number;
        };
        Token: {
            /** Format: int64 */
            createdAt: number;
            /**
             * @description The part of its text that is no secret.
             * @example 3f9d0c5a7b21e864
             */
            id: string;
            name: string;
            /** Format: int64 */
            revokedAt?: number;
            role: components["schemas"]["Role"];
        };
        TokenBody: {
            /**
             * @description Unique among the tokens that are not revoked; it does not begin with `wf_`, as tokens do.
             * @example deploy
             */
            name: string;
            role: components["schemas"]["Role"];
        };
        TokenList: {
            /** @description Those whose rows in the database are not what was written: nobody is let in with them. Left out when there are none. */
            damaged?: components["schemas"]["DamagedToken"][];
            tokens: components["schemas"]["Token"][];
        };
        /** @description Starts an execution for every event that matches. */
        Trigger: {
            condition?: string;
            /**
             * @description `*` is one word, `**` any number.
             * @example Customer.*
             */
            event: string;
        };
        /** @enum {string} */
        TriggerKind: "manual" | "event" | "schedule" | "replay" | "error";
        /** @description What started an execution. */
        TriggeredBy: {
            /** @description The event, the execution that was replayed, or the one that failed. */
            source?: string;
            type: components["schemas"]["TriggerKind"];
        };
        UsedBy: {
            stepIds: string[];
            /** Format: int32 */
            version: number;
            workflowId: string;
        };
        Validation: {
            diagnostics: components["schemas"]["Diagnostic"][];
            /** @description It equals the newest version. */
            unchanged: boolean;
            valid: boolean;
            /**
             * Format: int32
             * @description The number that it would get.
             */
            version?: number;
        };
        VersionList: {
            versions: components["schemas"]["VersionRow"][];
        };
        VersionRow: {
            /**
             * Format: int64
             * @description Executions that have not ended.
             */
            active: number;
            /** Format: int64 */
            createdAt: number;
            /** Format: int64 */
            executions: number;
            /** @description The same where the definitions are the same text. */
            hash: string;
            /** Format: int64 */
            steps: number;
            /** Format: int32 */
            version: number;
        };
        WaitData: {
            /** @description Of the step's condition. */
            receipt?: components["schemas"]["Receipt"];
            /** Format: int64 */
            until: number;
        };
        WaitHistoryEntry: {
            data: components["schemas"]["WaitData"];
            /** Format: int64 */
            seq: number;
            stepId: string;
            /** Format: int64 */
            timestamp: number;
            /**
             * @description discriminator enum property added by openapi-typescript
             * @enum {string}
             */
            type: "wait";
        };
        /** @description Why a step waits. */
        WaitingFor: components["schemas"]["TimerWaitingFor"] | components["schemas"]["RetryWaitingFor"] | components["schemas"]["WorkerWaitingFor"];
        /**
         * @description How far back.
         * @enum {string}
         */
        Window: "1h" | "24h" | "7d" | "30d";
        /** @description Whoever runs actions. */
        Worker: {
            actions: string[];
            /** @description It has lost its connection and is expected back; what it runs goes on. Not there when it is connected. */
            away?: boolean;
            /**
             * Format: int64
             * @description Of a remote worker: when its newest connection began.
             */
            connectedAt?: number;
            /** @description Its session, the name of the endpoint, or `in-process`. */
            id: string;
            kind: components["schemas"]["WorkerKind"];
            /**
             * Format: int64
             * @description Of a remote worker: when it last said anything, if only that it is there (a heartbeat). Neither is there of one that was
             *     connected before the server was started again and has not come back yet.
             */
            lastSeen?: number;
            name: string;
            /**
             * Format: int64
             * @description Attempts that run there.
             */
            running: number;
            /** Format: int64 */
            slots: number;
            unreachable?: string;
        };
        /** @enum {string} */
        WorkerKind: "worker" | "endpoint" | "inProcess";
        WorkerList: {
            workers: components["schemas"]["Worker"][];
        };
        /** @description Nobody provides the action. */
        WorkerReason: {
            action: string;
            /**
             * Format: int32
             * @description The attempt that is waited for.
             */
            attempt: number;
            /** @description The message of the newest failure of the step. */
            error?: string;
            /** Format: int32 */
            failedAttempts?: number;
            /**
             * @description discriminator enum property added by openapi-typescript
             * @enum {string}
             */
            kind: "worker";
            /** Format: int32 */
            maxAttempts: number;
            /** Format: int64 */
            since: number;
            stepId: string;
        };
        /** @description Somebody who runs it; or, of a paused execution, that it is resumed. */
        WorkerWaitingFor: {
            message: string;
            /**
             * @description discriminator enum property added by openapi-typescript
             * @enum {string}
             */
            type: "worker";
        };
        /** @enum {string} */
        WorkflowInclude: "stats";
    };
    responses: never;
    parameters: never;
    requestBodies: never;
    headers: never;
    pathItems: never;
}
export type $defs = Record<string, never>;
export interface operations {
    page: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description A page */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "text/html": string;
                };
            };
        };
    };
    listActions: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description All of them */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ActionList"];
                };
            };
            /** @description What is wrong (RFC 9457) */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    diagnose: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description What was found */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Diagnosis"];
                };
            };
            /** @description What is wrong (RFC 9457) */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    listEndpoints: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description All of them */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["EndpointList"];
                };
            };
            /** @description What is wrong (RFC 9457) */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    getEndpoint: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The endpoint's name */
                name: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The endpoint */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Endpoint"];
                };
            };
            /** @description What is wrong (RFC 9457) */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    putEndpoint: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The endpoint's name */
                name: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["EndpointBody"];
            };
        };
        responses: {
            /** @description The endpoint as it is now */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Endpoint"];
                };
            };
            /** @description What is wrong (RFC 9457) */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    deleteEndpoint: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The endpoint's name */
                name: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description It existed, and does no more */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Deleted"];
                };
            };
            /** @description What is wrong (RFC 9457) */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    listErrors: {
        parameters: {
            query?: {
                /** @description Of these workflows only */
                workflowId?: string[];
                /** @description Of this version of the one workflow */
                version?: number;
                /** @description `7d` unless given */
                window?: components["schemas"]["Window"];
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description At most 200 kinds */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorList"];
                };
            };
            /** @description What is wrong (RFC 9457) */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    getError: {
        parameters: {
            query?: {
                /** @description In these workflows only */
                workflowId?: string[];
                /** @description In this version of the one workflow */
                version?: number;
                /** @description `7d` unless given */
                window?: components["schemas"]["Window"];
            };
            header?: never;
            path: {
                /** @description 16 hexadecimal digits, as in the list */
                fingerprint: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The kind */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorDetail"];
                };
            };
            /** @description What is wrong (RFC 9457) */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    sendEvent: {
        parameters: {
            query?: {
                /** @description `true`: says what it would start, and starts nothing */
                dryRun?: boolean;
            };
            header?: {
                /** @description The event's id, where the body has none */
                "Idempotency-Key"?: string;
            };
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/cloudevents+json": components["schemas"]["CloudEvent"];
                "application/json": components["schemas"]["EventBody"];
            };
        };
        responses: {
            /** @description What was started, also when that is nothing */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["EventAnswer"];
                };
            };
            /** @description What is wrong (RFC 9457) */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    listExecutions: {
        parameters: {
            query?: {
                /** @description Of this workflow only; of several with `fields=summary` */
                workflowId?: string;
                /** @description With one of these; may be repeated, or hold several with commas between */
                status?: components["schemas"]["Status"][];
                /** @description `summary`: rows that say what each does or waits for */
                fields?: components["schemas"]["ListFields"];
                /** @description Of this version of the one workflow (`fields=summary`, as those below) */
                version?: number;
                /** @description Those that somebody should look at, for this reason */
                attention?: components["schemas"]["Attention"];
                /** @description Those that failed so, or are tried again because of it */
                errorFingerprint?: string;
                /** @description Those that this has started */
                triggeredBy?: components["schemas"]["TriggerKind"];
                /** @description The beginning of an id, or a text in the input or the id; a search takes about 300 ms a page, and says how far it came */
                q?: string;
                /** @description Epoch milliseconds */
                startedAfter?: number;
                /** @description Epoch milliseconds */
                startedBefore?: number;
                /** @description 50 unless given; a page also ends at 4 MiB */
                limit?: number;
                /** @description The `nextCursor` of the page before */
                cursor?: string;
                /** @description Further fields, with commas between: `input`, `output`, `state`, `stepResults`, `history`; or `execution`: executions as `/executions/{id}` answers them, with at most 100 entries of each history, instead of rows */
                include?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description One page */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ExecutionPage"];
                };
            };
            /** @description What is wrong (RFC 9457) */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    countExecutions: {
        parameters: {
            query?: {
                /** @description Of these workflows only */
                workflowId?: string[];
                /** @description Of this version of the one workflow */
                version?: number;
                /** @description Does not matter: all are counted */
                status?: components["schemas"]["Status"][];
                /** @description For `byStatus`: only these */
                attention?: components["schemas"]["Attention"];
                /** @description Those that failed so, or are tried again because of it */
                errorFingerprint?: string;
                /** @description Epoch milliseconds */
                startedAfter?: number;
                /** @description Epoch milliseconds */
                startedBefore?: number;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Counts */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Counts"];
                };
            };
            /** @description What is wrong (RFC 9457) */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    streamExecutions: {
        parameters: {
            query?: {
                /** @description Of these workflows only */
                workflowId?: string[];
                /** @description Of this version of the one workflow */
                version?: number;
                /** @description With one of these */
                status?: components["schemas"]["Status"][];
                /** @description Those that somebody should look at, for this reason */
                attention?: components["schemas"]["Attention"];
                /** @description Those that failed so, or are tried again because of it */
                errorFingerprint?: string;
                /** @description Those that this has started */
                triggeredBy?: components["schemas"]["TriggerKind"];
                /** @description Epoch milliseconds */
                startedAfter?: number;
                /** @description Epoch milliseconds */
                startedBefore?: number;
            };
            header?: {
                /** @description The `id` of the last message that was seen */
                "Last-Event-ID"?: number;
            };
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Messages as above */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "text/event-stream": components["schemas"]["ChangeMessage"];
                };
            };
            /** @description What is wrong (RFC 9457) */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    getExecution: {
        parameters: {
            query?: {
                /** @description Answer when it has ended, or as it is after so long: `30s`; at most `60s` */
                wait?: string;
                /** @description As it was after this entry of its history */
                at?: number;
                /** @description In place of longer values: `{"$truncated": bytes, "href": "…"}` */
                maxValueBytes?: number;
                /** @description Entries of its history that come with it; 1,000 unless given */
                history?: number;
                /** @description `reasons`: with what it does or waits for, and the fields that follow in the schema; `at`, `maxValueBytes` and `history` ask for them too */
                include?: components["schemas"]["ExecutionInclude"];
            };
            header?: never;
            path: {
                /** @description The execution's id */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The execution */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ExecutionAnswer"];
                };
            };
            /** @description What is wrong (RFC 9457) */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    deleteExecution: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The execution's id */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description It existed, and does no more */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Deleted"];
                };
            };
            /** @description What is wrong (RFC 9457) */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    cancelExecution: {
        parameters: {
            query?: never;
            header?: {
                /** @description The same key again does nothing and answers the same */
                "Idempotency-Key"?: string;
            };
            path: {
                /** @description The execution's id */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The execution as it is now */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Execution"];
                };
            };
            /** @description What is wrong (RFC 9457) */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    getHistory: {
        parameters: {
            query?: {
                /** @description Entries with a higher `seq`; the `nextCursor` of the page before */
                after?: number;
                /** @description Entries with a lower `seq`; with `order=desc` the `nextCursor` of the page before */
                before?: number;
                /** @description `asc` unless given */
                order?: components["schemas"]["HistoryOrder"];
                /** @description 1,000 unless given; a page also ends at 4 MiB */
                limit?: number;
                /** @description Entries of these types */
                types?: string[];
                /** @description Entries of this step */
                stepId?: string;
                /** @description Entries with this text in what they say */
                q?: string;
                /** @description `none` leaves inputs, outputs and stacks out and says how long they are */
                payloads?: components["schemas"]["HistoryPayloads"];
            };
            header?: never;
            path: {
                /** @description The execution's id */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description One page */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["HistoryPage"];
                };
            };
            /** @description What is wrong (RFC 9457) */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    getHistoryEntry: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The execution's id */
                id: string;
                /** @description Which entry: 1, 2, 3 ... */
                seq: number;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The entry */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["HistoryEntry"];
                };
            };
            /** @description What is wrong (RFC 9457) */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    pauseExecution: {
        parameters: {
            query?: never;
            header?: {
                /** @description The same key again does nothing and answers the same */
                "Idempotency-Key"?: string;
            };
            path: {
                /** @description The execution's id */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The execution as it is now */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Execution"];
                };
            };
            /** @description What is wrong (RFC 9457) */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    replayExecution: {
        parameters: {
            query?: never;
            header?: {
                /** @description The same key again answers with the execution that it started */
                "Idempotency-Key"?: string;
            };
            path: {
                /** @description The execution's id */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: {
            content: {
                "application/json": components["schemas"]["ReplayBody"];
            };
        };
        responses: {
            /** @description The idempotency key had started it before */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Execution"];
                };
            };
            /** @description Started */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Execution"];
                };
            };
            /** @description What is wrong (RFC 9457) */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    resumeExecution: {
        parameters: {
            query?: never;
            header?: {
                /** @description The same key again does nothing and answers the same */
                "Idempotency-Key"?: string;
            };
            path: {
                /** @description The execution's id */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The execution as it is now */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Execution"];
                };
            };
            /** @description What is wrong (RFC 9457) */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    retryExecution: {
        parameters: {
            query?: never;
            header?: {
                /** @description The same key again does nothing and answers the same */
                "Idempotency-Key"?: string;
            };
            path: {
                /** @description The execution's id */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The execution as it is now */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Execution"];
                };
            };
            /** @description What is wrong (RFC 9457) */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    runStepNow: {
        parameters: {
            query?: never;
            header?: {
                /** @description The same key again does nothing and answers the same */
                "Idempotency-Key"?: string;
            };
            path: {
                /** @description The execution's id */
                id: string;
                /** @description The step's id */
                stepId: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The execution as it is now */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Execution"];
                };
            };
            /** @description What is wrong (RFC 9457) */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    streamExecution: {
        parameters: {
            query?: {
                /** @description Entries with a higher `seq`; `Last-Event-ID` wins */
                after?: number;
                /** @description `none` leaves inputs, outputs and stacks out */
                payloads?: components["schemas"]["HistoryPayloads"];
            };
            header?: {
                /** @description The `id` of the last message that was seen */
                "Last-Event-ID"?: number;
            };
            path: {
                /** @description The execution's id */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Messages as above */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "text/event-stream": components["schemas"]["ExecutionMessage"];
                };
            };
            /** @description What is wrong (RFC 9457) */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    listJobs: {
        parameters: {
            query?: {
                /** @description 50 unless given */
                limit?: number;
                /** @description The `nextCursor` of the page before */
                cursor?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description One page */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["JobList"];
                };
            };
            /** @description What is wrong (RFC 9457) */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    createJob: {
        parameters: {
            query?: never;
            header?: {
                /** @description The same key again answers with the job that it made */
                "Idempotency-Key"?: string;
            };
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["JobBody"];
            };
        };
        responses: {
            /** @description What it would take, or the job that the idempotency key had made */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["JobAnswer"];
                };
            };
            /** @description The job */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Job"];
                };
            };
            /** @description What is wrong (RFC 9457) */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    getJob: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The job's id */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The job */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Job"];
                };
            };
            /** @description What is wrong (RFC 9457) */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    continueJob: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The job's id */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The job */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Job"];
                };
            };
            /** @description What is wrong (RFC 9457) */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    listJobItems: {
        parameters: {
            query?: {
                /** @description With this outcome only */
                outcome?: components["schemas"]["JobOutcome"];
                /** @description 50 unless given */
                limit?: number;
                /** @description The `nextCursor` of the page before */
                cursor?: number;
            };
            header?: never;
            path: {
                /** @description The job's id */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description One page */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["JobItemList"];
                };
            };
            /** @description What is wrong (RFC 9457) */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    stopJob: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The job's id */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The job */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Job"];
                };
            };
            /** @description What is wrong (RFC 9457) */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    streamJob: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The job's id */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Messages whose data is the job */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "text/event-stream": components["schemas"]["Job"];
                };
            };
            /** @description What is wrong (RFC 9457) */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    listNodes: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description All of them, in the order of their ids */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["NodeList"];
                };
            };
            /** @description What is wrong (RFC 9457) */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    getSystem: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description As it is now */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["System"];
                };
            };
            /** @description What is wrong (RFC 9457) */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    streamSystem: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Messages with the event `system` */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "text/event-stream": components["schemas"]["System"];
                };
            };
            /** @description What is wrong (RFC 9457) */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    listTokens: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description All of them, without their secrets */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["TokenList"];
                };
            };
            /** @description What is wrong (RFC 9457) */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    createToken: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["TokenBody"];
            };
        };
        responses: {
            /** @description The token, with its secret */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["NewToken"];
                };
            };
            /** @description What is wrong (RFC 9457) */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    getToken: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The token's name, or its id */
                token: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The token, without its secret */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Token"];
                };
            };
            /** @description What is wrong (RFC 9457) */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    revokeToken: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The token's name, or its id */
                token: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description It is revoked */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Token"];
                };
            };
            /** @description What is wrong (RFC 9457) */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    validateDefinition: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["DefinitionBody"];
            };
        };
        responses: {
            /** @description What was found */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Validation"];
                };
            };
            /** @description What is wrong (RFC 9457) */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    connectWorker: {
        parameters: {
            query?: never;
            header: {
                /** @description `workflow.worker.v1` */
                "Sec-WebSocket-Protocol": string;
            };
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The connection is a WebSocket from here on */
            101: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description The request does not ask for a WebSocket */
            426: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description What is wrong (RFC 9457) */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    listWorkers: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description All of them */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["WorkerList"];
                };
            };
            /** @description What is wrong (RFC 9457) */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    definitions: {
        parameters: {
            query?: {
                /** @description `stats`: how each has fared */
                include?: components["schemas"]["WorkflowInclude"];
                /** @description How far back; `24h` unless given */
                window?: components["schemas"]["Window"];
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description All of them */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["DefinitionList"];
                };
            };
            /** @description What is wrong (RFC 9457) */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    definition: {
        parameters: {
            query?: {
                /** @description The newest unless given; also of a workflow that was deleted */
                version?: number;
            };
            header?: {
                /** @description The `ETag` of what the client has kept */
                "If-None-Match"?: string;
            };
            path: {
                /** @description The workflow's id */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description As it was registered, with `version`, `createdAt` and `updatedAt` */
            200: {
                headers: {
                    /** @description Another one as soon as the answer is another one */
                    ETag?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Definition"];
                };
            };
            /** @description What the client has kept is still so */
            304: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description What is wrong (RFC 9457) */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    register: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The workflow's id, as in the definition */
                id: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["DefinitionBody"];
            };
        };
        responses: {
            /** @description It equals the newest version */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["RegisteredDefinition"];
                };
            };
            /** @description A new version */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["RegisteredDefinition"];
                };
            };
            /** @description What is wrong (RFC 9457) */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    deleteDefinition: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The workflow's id */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description It existed, and does no more */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Deleted"];
                };
            };
            /** @description What is wrong (RFC 9457) */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    start: {
        parameters: {
            query?: {
                /** @description Answer when it has ended, or as it is after so long: `30s`; at most `60s`. The history is left out then */
                wait?: string;
                /** @description With `wait`: `history`, so that it is not left out */
                include?: string;
            };
            header?: {
                /** @description The same key again answers with the execution that it started */
                "Idempotency-Key"?: string;
            };
            path: {
                /** @description The workflow's id */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: {
            content: {
                "application/json": components["schemas"]["StartBody"];
            };
        };
        responses: {
            /** @description The idempotency key had started it before */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Execution"];
                };
            };
            /** @description Started */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Execution"];
                };
            };
            /** @description What is wrong (RFC 9457) */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    getStatistics: {
        parameters: {
            query?: {
                /** @description Of this version; all together unless given */
                version?: number;
                /** @description `24h` unless given */
                window?: components["schemas"]["Window"];
            };
            header?: never;
            path: {
                /** @description The workflow's id */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Its statistics */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Statistics"];
                };
            };
            /** @description What is wrong (RFC 9457) */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    listVersions: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The workflow's id */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description All of them */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["VersionList"];
                };
            };
            /** @description What is wrong (RFC 9457) */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    healthz: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description It is there */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Health"];
                };
            };
        };
    };
    metrics: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Metrics */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "text/plain": string;
                };
            };
            /** @description What is wrong (RFC 9457) */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    openapi: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description This document */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["AnyJson"];
                };
            };
        };
    };
    readyz: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Work is taken */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Health"];
                };
            };
            /** @description No work is taken now */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
}
