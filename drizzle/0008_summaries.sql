CREATE TABLE "prepared_embeddings" (
	"workspace_id" text NOT NULL,
	"model" text NOT NULL,
	"document_id" text NOT NULL,
	"content_hash" "bytea" NOT NULL,
	"token_count" integer NOT NULL,
	"chunk_count" integer NOT NULL,
	"embedded_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "prepared_embeddings_workspace_id_model_document_id_pk" PRIMARY KEY("workspace_id","model","document_id")
);
--> statement-breakpoint
CREATE TABLE "document_summaries" (
	"workspace_id" text NOT NULL,
	"document_id" text NOT NULL,
	"summary" text NOT NULL,
	"model" text NOT NULL,
	"content_hash" "bytea" NOT NULL,
	"summarised_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "document_summaries_workspace_id_document_id_pk" PRIMARY KEY("workspace_id","document_id")
);
--> statement-breakpoint
ALTER TABLE "prepared_embeddings" ADD CONSTRAINT "prepared_embeddings_workspace_id_document_id_documents_workspace_id_id_fk" FOREIGN KEY ("workspace_id","document_id") REFERENCES "public"."documents"("workspace_id","id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "document_summaries" ADD CONSTRAINT "document_summaries_workspace_id_document_id_documents_workspace_id_id_fk" FOREIGN KEY ("workspace_id","document_id") REFERENCES "public"."documents"("workspace_id","id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
CREATE INDEX "prepared_embeddings_by_document" ON "prepared_embeddings" USING btree ("workspace_id","document_id");
--> statement-breakpoint
do $$
declare
  tenant_table text;
begin
  foreach tenant_table in array array['prepared_embeddings', 'document_summaries'] loop
    execute format('alter table %I enable row level security', tenant_table);
    execute format('alter table %I force row level security', tenant_table);
    execute format(
      'create policy one_workspace on %I to signalbox_app '
      'using (workspace_id = (select current_setting(''app.workspace_id'', true))) '
      'with check (workspace_id = (select current_setting(''app.workspace_id'', true)))',
      tenant_table
    );
    execute format('create policy every_workspace on %I to signalbox_system using (true) with check (true)', tenant_table);
    execute format('grant select, insert, update, delete on %I to signalbox_app', tenant_table);
  end loop;
end
$$;
