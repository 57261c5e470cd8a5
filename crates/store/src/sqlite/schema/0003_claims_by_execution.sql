-- Finds the claims of an execution that is deleted: a text in `executions` is `["exec_...",...]`.
CREATE INDEX claim_executions ON claim (executions);
