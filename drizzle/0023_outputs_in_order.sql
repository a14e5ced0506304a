-- What people read has its fields in the order in which they were written: the headline first.
ALTER TABLE "agent_run_steps" ALTER COLUMN "output" SET DATA TYPE json;--> statement-breakpoint
ALTER TABLE "agent_runs" ALTER COLUMN "output" SET DATA TYPE json;
