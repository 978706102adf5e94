DROP TABLE login_audit;
