DROP TABLE password_reset_tokens;
DROP TABLE email_verification_tokens;
DROP TABLE refresh_tokens;
