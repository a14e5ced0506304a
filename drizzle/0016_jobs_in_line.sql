DROP INDEX "jobs_by_status";--> statement-breakpoint
CREATE INDEX "jobs_dead" ON "jobs" USING btree ("workspace_id","id") WHERE status = 'DEAD';
--> statement-breakpoint
-- Every job passes through the indexes of what waits and of what runs: what it leaves there has to go soon.
alter table jobs set (autovacuum_vacuum_scale_factor = 0.02, autovacuum_analyze_scale_factor = 0.05);
--> statement-breakpoint
-- Of a workspace that is new since the last analysis the planner would expect one row, and read all of its jobs to find
-- the next ones. Without statistics it expects as much of every workspace, and goes by the indexes of the line.
alter table jobs alter column workspace_id set statistics 0;
