CREATE TABLE "document_themes" (
	"workspace_id" text NOT NULL,
	"document_id" text NOT NULL,
	"scope" text NOT NULL,
	"theme_id" text,
	CONSTRAINT "document_themes_workspace_id_document_id_scope_pk" PRIMARY KEY("workspace_id","document_id","scope")
);
--> statement-breakpoint
CREATE TABLE "theme_sets" (
	"workspace_id" text NOT NULL,
	"scope" text NOT NULL,
	"collection_id" text,
	"revision" integer NOT NULL,
	"model" text NOT NULL,
	"mean" "bytea" NOT NULL,
	"document_count" integer NOT NULL,
	"clustered_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "theme_sets_workspace_id_scope_pk" PRIMARY KEY("workspace_id","scope")
);
--> statement-breakpoint
CREATE TABLE "themes" (
	"workspace_id" text NOT NULL,
	"id" text NOT NULL,
	"scope" text NOT NULL,
	"name" text NOT NULL,
	"named_by" text,
	"keywords" jsonb NOT NULL,
	"centroid" "bytea" NOT NULL,
	"threshold" double precision NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	"retired_at" timestamp with time zone,
	CONSTRAINT "themes_workspace_id_id_pk" PRIMARY KEY("workspace_id","id")
);
--> statement-breakpoint
ALTER TABLE "document_themes" ADD CONSTRAINT "document_themes_workspace_id_document_id_documents_workspace_id_id_fk" FOREIGN KEY ("workspace_id","document_id") REFERENCES "public"."documents"("workspace_id","id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "document_themes" ADD CONSTRAINT "document_themes_workspace_id_theme_id_themes_workspace_id_id_fk" FOREIGN KEY ("workspace_id","theme_id") REFERENCES "public"."themes"("workspace_id","id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "theme_sets" ADD CONSTRAINT "theme_sets_workspace_id_workspaces_id_fk" FOREIGN KEY ("workspace_id") REFERENCES "public"."workspaces"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "theme_sets" ADD CONSTRAINT "theme_sets_workspace_id_collection_id_collections_workspace_id_id_fk" FOREIGN KEY ("workspace_id","collection_id") REFERENCES "public"."collections"("workspace_id","id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "themes" ADD CONSTRAINT "themes_workspace_id_scope_theme_sets_workspace_id_scope_fk" FOREIGN KEY ("workspace_id","scope") REFERENCES "public"."theme_sets"("workspace_id","scope") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
CREATE INDEX "document_themes_by_theme" ON "document_themes" USING btree ("workspace_id","theme_id","document_id");--> statement-breakpoint
CREATE INDEX "themes_by_scope" ON "themes" USING btree ("workspace_id","scope","id");
--> statement-breakpoint
do $$
declare
  tenant_table text;
begin
  foreach tenant_table in array array['theme_sets', 'themes', 'document_themes'] loop
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
