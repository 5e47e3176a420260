-- Events that a resource declares, and whether members of the artist buy first.

alter table events
    -- The resource it was made for.
    add column source_uid uuid,
    add column presale    boolean not null default true;
