-- What administrators did.

create table admin_audit_logs (
    id              uuid         primary key default gen_random_uuid(),
    admin_user_id   uuid         not null,
    action          varchar(100) not null,
    resource_type   varchar(50)  not null,
    resource_id     uuid,
    request_summary text,
    response_status int,
    ip_address      varchar(45),
    created_at      timestamptz  not null default now()
);
create index admin_audit_logs_of_admin on admin_audit_logs (admin_user_id, created_at desc);
create index admin_audit_logs_by_time on admin_audit_logs (created_at desc);
create index admin_audit_logs_by_action on admin_audit_logs (action);
