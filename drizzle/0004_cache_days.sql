CREATE TABLE "cache_days" (
	"workspace_id" text NOT NULL,
	"kind" text NOT NULL,
	"day" date NOT NULL,
	"hits" bigint NOT NULL,
	"misses" bigint NOT NULL,
	"saved_usd" numeric NOT NULL,
	CONSTRAINT "cache_days_workspace_id_kind_day_pk" PRIMARY KEY("workspace_id","kind","day")
);
--> statement-breakpoint
ALTER TABLE "workspace_settings" ADD COLUMN "embedding_epoch" integer DEFAULT 0 NOT NULL;--> statement-breakpoint
ALTER TABLE "cache_days" ADD CONSTRAINT "cache_days_workspace_id_workspaces_id_fk" FOREIGN KEY ("workspace_id") REFERENCES "public"."workspaces"("id") ON DELETE cascade ON UPDATE no action;
--> statement-breakpoint
alter table cache_days enable row level security;
--> statement-breakpoint
alter table cache_days force row level security;
--> statement-breakpoint
create policy one_workspace on cache_days to signalbox_app
  using (workspace_id = (select current_setting('app.workspace_id', true)))
  with check (workspace_id = (select current_setting('app.workspace_id', true)));
--> statement-breakpoint
create policy every_workspace on cache_days to signalbox_system using (true) with check (true);
--> statement-breakpoint
grant select, insert, update, delete on cache_days to signalbox_app;
--> statement-breakpoint
grant select, insert, update on cache_days to signalbox_system;
--> statement-breakpoint
alter table cache_days add constraint cache_days_kind check (kind in ('EMBEDDING', 'RESPONSE'));
