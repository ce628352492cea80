-- TimescaleDB in place of plain PostgreSQL: run it once, before schema.sql and before consumer.py is started. NOT
-- tested here, where TimescaleDB was not to be had; written after its documentation of create_hypertable.
--
-- A hypertable's unique key must hold the time. A repeat has the same time as its first, but for one case: a reading
-- that was taken before the gateway's clock was set may come again with its right time, and would then stand there
-- twice, under equal (gateway, epoch, seq).
create table if not exists readings (
    gateway text not null, epoch text not null, seq bigint not null, device text not null, signal text not null,
    time timestamptz not null, value numeric, words text, unit text, quality text not null, reason text,
    meter_time text, primary key (gateway, epoch, seq, time)
);
select create_hypertable('readings', by_range('time', interval '7 days'), if_not_exists => true);
alter table readings set (timescaledb.compress, timescaledb.compress_segmentby = 'gateway, device, signal');
select add_compression_policy('readings', interval '30 days', if_not_exists => true);
