-- What consumer.py writes, and what it is good for. PostgreSQL 14 or newer. Run again and again without harm.

create table if not exists readings (
    gateway    text        not null,
    epoch      text        not null,
    seq        bigint      not null,
    device     text        not null,
    signal     text        not null,
    time       timestamptz not null,     -- the gateway's, of the reading
    value      numeric,                  -- with the meter's own digits; null where the read failed, never 0
    words      text,                     -- a value that is no number
    unit       text,
    quality    text        not null,     -- good, stale, invalid, overflow
    reason     text,                     -- why it is not good
    meter_time text,                     -- the meter's own time, ISO 8601
    primary key (gateway, epoch, seq)    -- one reading, for ever: a repeat is dropped here
);
create index if not exists readings_by_signal on readings (device, signal, time desc);

-- Which numbers came, which will never come, and when the last of an epoch came.
create table if not exists received (
    gateway text           not null,
    epoch   text           not null,
    numbers int8multirange not null,
    at      timestamptz    not null,
    primary key (gateway, epoch)
);
create table if not exists lost (like received including all);

-- Messages that are none of meterd's, kept so that they stop nothing and nobody forgets them.
create table if not exists refused (
    at      timestamptz not null default now(),
    topic   text        not null,
    payload bytea       not null,
    why     text        not null
);

-- Numbers that are missing and not told as lost: on their way still (a gateway that drains its backlog), or a fault of
-- somebody's. What stands here an hour after `at` is worth an alarm.
create or replace view gaps as
select r.gateway, r.epoch, lower(gap) as first, upper(gap) - 1 as last, r.at
from received r
left join lost l using (gateway, epoch),
lateral unnest(multirange(range_merge(r.numbers)) - r.numbers - coalesce(l.numbers, '{}')) as gap;
