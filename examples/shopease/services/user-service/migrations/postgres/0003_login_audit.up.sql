-- Append-only. user_id is no foreign key: the record outlives the account, and there may be none.
CREATE TABLE login_audit (
    audit_id    BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    user_id     BIGINT,
    email       VARCHAR(254) NOT NULL,
    outcome     VARCHAR(20) NOT NULL CHECK (outcome IN ('success', 'wrong_password', 'unknown_user', 'locked')),
    ip_address  INET,
    user_agent  VARCHAR(400),
    occurred_at TIMESTAMPTZ NOT NULL DEFAULT now()
);

CREATE INDEX idx_login_audit_user ON login_audit (user_id);
CREATE INDEX idx_login_audit_occurred ON login_audit (occurred_at);
