CREATE TABLE "document_news" (
	"workspace_id" text NOT NULL,
	"id" bigint GENERATED ALWAYS AS IDENTITY (sequence name "document_news_id_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 9223372036854775807 START WITH 1 CACHE 1),
	"collection_id" text NOT NULL,
	"since" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "document_news_workspace_id_id_pk" PRIMARY KEY("workspace_id","id")
);
--> statement-breakpoint
ALTER TABLE "agents" ADD COLUMN "runs_on_new_documents" boolean DEFAULT false NOT NULL;--> statement-breakpoint
ALTER TABLE "agents" ADD COLUMN "new_documents_since" timestamp with time zone;--> statement-breakpoint
ALTER TABLE "document_news" ADD CONSTRAINT "document_news_workspace_id_workspaces_id_fk" FOREIGN KEY ("workspace_id") REFERENCES "public"."workspaces"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
CREATE INDEX "agent_runs_finished" ON "agent_runs" USING btree ("workspace_id","agent_id","finished_at","status");--> statement-breakpoint
CREATE INDEX "agents_listening" ON "agents" USING btree ("workspace_id") WHERE is_active and runs_on_new_documents;--> statement-breakpoint
CREATE INDEX "agents_with_news" ON "agents" USING btree ("workspace_id","id") WHERE new_documents_since is not null;--> statement-breakpoint
CREATE INDEX "insights_listed" ON "insights" USING btree ("workspace_id","id","kind","priority","status");--> statement-breakpoint
CREATE INDEX "signals_listed" ON "signals" USING btree ("workspace_id","id","type","status");
--> statement-breakpoint
alter table document_news enable row level security;
--> statement-breakpoint
alter table document_news force row level security;
--> statement-breakpoint
create policy one_workspace on document_news to signalbox_app
  using (workspace_id = (select current_setting('app.workspace_id', true)))
  with check (workspace_id = (select current_setting('app.workspace_id', true)));
--> statement-breakpoint
create policy every_workspace on document_news to signalbox_system using (true) with check (true);
--> statement-breakpoint
grant select, insert, delete on document_news to signalbox_app;
--> statement-breakpoint
-- To find the workspaces whose agents are to be told.
grant select on document_news to signalbox_system;
--> statement-breakpoint
-- What was not found or judged for long is dropped.
grant delete on insights, signals to signalbox_system;
