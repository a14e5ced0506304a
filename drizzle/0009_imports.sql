CREATE TABLE "import_conversations" (
	"workspace_id" text NOT NULL,
	"import_id" text NOT NULL,
	"conversation" text NOT NULL,
	"summarised" boolean DEFAULT false NOT NULL,
	CONSTRAINT "import_conversations_workspace_id_import_id_conversation_pk" PRIMARY KEY("workspace_id","import_id","conversation")
);
--> statement-breakpoint
CREATE TABLE "import_errors" (
	"workspace_id" text NOT NULL,
	"import_id" text NOT NULL,
	"record_number" integer NOT NULL,
	"line" integer NOT NULL,
	"message" text NOT NULL,
	"record" jsonb NOT NULL,
	CONSTRAINT "import_errors_workspace_id_import_id_record_number_pk" PRIMARY KEY("workspace_id","import_id","record_number")
);
--> statement-breakpoint
CREATE TABLE "import_files" (
	"workspace_id" text NOT NULL,
	"import_id" text NOT NULL,
	"file_key" text NOT NULL,
	"expires_at" timestamp with time zone NOT NULL,
	CONSTRAINT "import_files_workspace_id_import_id_pk" PRIMARY KEY("workspace_id","import_id")
);
--> statement-breakpoint
CREATE TABLE "imports" (
	"workspace_id" text NOT NULL,
	"id" text NOT NULL,
	"job_id" text NOT NULL,
	"collection_id" text NOT NULL,
	"file_name" text NOT NULL,
	"file_bytes" bigint NOT NULL,
	"dialect" jsonb NOT NULL,
	"mapping" jsonb NOT NULL,
	"tasks" jsonb NOT NULL,
	"notes" jsonb NOT NULL,
	"total_records" integer,
	"imported" integer DEFAULT 0 NOT NULL,
	"failed" integer DEFAULT 0 NOT NULL,
	"created" integer DEFAULT 0 NOT NULL,
	"updated" integer DEFAULT 0 NOT NULL,
	"unchanged" integer DEFAULT 0 NOT NULL,
	"errors_kept" integer DEFAULT 0 NOT NULL,
	"next_batch" integer DEFAULT 0 NOT NULL,
	"resume_at" jsonb,
	"done_batches" integer[] DEFAULT '{}' NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	"started_at" timestamp with time zone,
	"finished_at" timestamp with time zone,
	CONSTRAINT "imports_workspace_id_id_pk" PRIMARY KEY("workspace_id","id")
);
--> statement-breakpoint
ALTER TABLE "import_conversations" ADD CONSTRAINT "import_conversations_workspace_id_import_id_imports_workspace_id_id_fk" FOREIGN KEY ("workspace_id","import_id") REFERENCES "public"."imports"("workspace_id","id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "import_errors" ADD CONSTRAINT "import_errors_workspace_id_import_id_imports_workspace_id_id_fk" FOREIGN KEY ("workspace_id","import_id") REFERENCES "public"."imports"("workspace_id","id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "imports" ADD CONSTRAINT "imports_workspace_id_workspaces_id_fk" FOREIGN KEY ("workspace_id") REFERENCES "public"."workspaces"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "imports" ADD CONSTRAINT "imports_workspace_id_job_id_jobs_workspace_id_id_fk" FOREIGN KEY ("workspace_id","job_id") REFERENCES "public"."jobs"("workspace_id","id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "imports" ADD CONSTRAINT "imports_workspace_id_collection_id_collections_workspace_id_id_fk" FOREIGN KEY ("workspace_id","collection_id") REFERENCES "public"."collections"("workspace_id","id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
CREATE INDEX "import_files_by_expiry" ON "import_files" USING btree ("expires_at");--> statement-breakpoint
CREATE INDEX "imports_by_job" ON "imports" USING btree ("workspace_id","job_id");
--> statement-breakpoint
do $$
declare
  tenant_table text;
begin
  foreach tenant_table in array array['imports', 'import_errors', 'import_conversations', 'import_files'] loop
    execute format('alter table %I enable row level security', tenant_table);
    execute format('alter table %I force row level security', tenant_table);
    execute format(
      'create policy one_workspace on %I to signalbox_app
        using (workspace_id = (select current_setting(''app.workspace_id'', true)))
        with check (workspace_id = (select current_setting(''app.workspace_id'', true)))',
      tenant_table
    );
  end loop;
end
$$;
--> statement-breakpoint
create policy every_workspace on import_files to signalbox_system using (true) with check (true);
--> statement-breakpoint
grant select, insert, update on imports, import_conversations to signalbox_app;
--> statement-breakpoint
grant select, insert on import_errors to signalbox_app;
--> statement-breakpoint
grant select, insert, update, delete on import_files to signalbox_app;
--> statement-breakpoint
grant select, delete on import_files to signalbox_system;
