-- A row of a day is added to up to 24 times: with room in its page it stays where it is, and a quarter of a year lies together.
alter table usage_slices set (fillfactor = 50, autovacuum_vacuum_scale_factor = 0.02);
