ALTER TABLE "job_steps" ADD COLUMN "claim" integer;
--> statement-breakpoint
-- Whoever puts back a job that was cut off looks whether the attempt had finished a step: then it is not counted.
grant select on job_steps to signalbox_system;
