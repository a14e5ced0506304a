ALTER TABLE "conversations" ADD COLUMN "purpose" text DEFAULT 'CHAT' NOT NULL;--> statement-breakpoint
ALTER TABLE "generations" ADD COLUMN "findings_due_at" timestamp with time zone;--> statement-breakpoint
ALTER TABLE "generations" ADD COLUMN "findings_tries" integer DEFAULT 0 NOT NULL;--> statement-breakpoint
CREATE INDEX "conversations_listed" ON "conversations" USING btree ("workspace_id","id") WHERE purpose = 'CHAT';--> statement-breakpoint
CREATE INDEX "generations_with_findings_due" ON "generations" USING btree ("findings_due_at") WHERE findings_due_at is not null;
--> statement-breakpoint
alter table conversations add constraint conversations_purpose check (purpose in ('CHAT', 'IMAGE'));
--> statement-breakpoint
-- What was described is not kept.
grant delete on message_attachments to signalbox_app;
