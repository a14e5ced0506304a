CREATE TABLE "conversations" (
	"workspace_id" text NOT NULL,
	"id" text NOT NULL,
	"title" text,
	"persona" text,
	"metadata" jsonb DEFAULT '{}'::jsonb NOT NULL,
	"summary" text,
	"summary_position" integer DEFAULT 0 NOT NULL,
	"message_count" integer DEFAULT 0 NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "conversations_workspace_id_id_pk" PRIMARY KEY("workspace_id","id")
);
--> statement-breakpoint
CREATE TABLE "generation_events" (
	"workspace_id" text NOT NULL,
	"generation_id" text NOT NULL,
	"seq" integer NOT NULL,
	"at" timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
	"kind" text NOT NULL,
	"data" jsonb NOT NULL,
	CONSTRAINT "generation_events_workspace_id_generation_id_seq_pk" PRIMARY KEY("workspace_id","generation_id","seq")
);
--> statement-breakpoint
CREATE TABLE "generations" (
	"workspace_id" text NOT NULL,
	"id" text NOT NULL,
	"conversation_id" text NOT NULL,
	"question_id" text NOT NULL,
	"message_id" text NOT NULL,
	"status" text NOT NULL,
	"options" jsonb NOT NULL,
	"api_key_id" text,
	"user_id" text,
	"request_id" text NOT NULL,
	"model" text,
	"attempts" jsonb DEFAULT '[]'::jsonb NOT NULL,
	"usage" jsonb NOT NULL,
	"last_seq" integer DEFAULT 0 NOT NULL,
	"owner" text,
	"claim" integer DEFAULT 0 NOT NULL,
	"tries" integer DEFAULT 0 NOT NULL,
	"lease_until" timestamp with time zone,
	"stop_requested_at" timestamp with time zone,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	"started_at" timestamp with time zone,
	"finished_at" timestamp with time zone,
	"restart_seq" integer,
	"text_marks" integer[],
	"log_dropped_at" timestamp with time zone,
	CONSTRAINT "generations_workspace_id_id_pk" PRIMARY KEY("workspace_id","id")
);
--> statement-breakpoint
CREATE TABLE "message_attachments" (
	"workspace_id" text NOT NULL,
	"id" text NOT NULL,
	"message_id" text NOT NULL,
	"position" integer NOT NULL,
	"file_name" text NOT NULL,
	"mime_type" text NOT NULL,
	"content" "bytea" NOT NULL,
	CONSTRAINT "message_attachments_workspace_id_id_pk" PRIMARY KEY("workspace_id","id")
);
--> statement-breakpoint
CREATE TABLE "messages" (
	"workspace_id" text NOT NULL,
	"id" text NOT NULL,
	"conversation_id" text NOT NULL,
	"position" integer NOT NULL,
	"role" text NOT NULL,
	"text" text DEFAULT '' NOT NULL,
	"language" text,
	"citations" jsonb DEFAULT '[]'::jsonb NOT NULL,
	"sentiment" jsonb,
	"intent" jsonb,
	"suggested_actions" jsonb DEFAULT '[]'::jsonb NOT NULL,
	"model" text,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "messages_workspace_id_id_pk" PRIMARY KEY("workspace_id","id")
);
--> statement-breakpoint
ALTER TABLE "conversations" ADD CONSTRAINT "conversations_workspace_id_workspaces_id_fk" FOREIGN KEY ("workspace_id") REFERENCES "public"."workspaces"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "generation_events" ADD CONSTRAINT "generation_events_generation_fk" FOREIGN KEY ("workspace_id","generation_id") REFERENCES "public"."generations"("workspace_id","id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "generations" ADD CONSTRAINT "generations_conversation_fk" FOREIGN KEY ("workspace_id","conversation_id") REFERENCES "public"."conversations"("workspace_id","id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "message_attachments" ADD CONSTRAINT "message_attachments_message_fk" FOREIGN KEY ("workspace_id","message_id") REFERENCES "public"."messages"("workspace_id","id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "messages" ADD CONSTRAINT "messages_conversation_fk" FOREIGN KEY ("workspace_id","conversation_id") REFERENCES "public"."conversations"("workspace_id","id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
CREATE UNIQUE INDEX "generations_of_message" ON "generations" USING btree ("workspace_id","message_id");--> statement-breakpoint
CREATE UNIQUE INDEX "generations_one_at_a_time" ON "generations" USING btree ("workspace_id","conversation_id") WHERE finished_at is null;--> statement-breakpoint
CREATE INDEX "generations_unfinished" ON "generations" USING btree ("created_at") WHERE finished_at is null;--> statement-breakpoint
CREATE INDEX "generations_with_log" ON "generations" USING btree ("finished_at") WHERE finished_at is not null and log_dropped_at is null;--> statement-breakpoint
CREATE INDEX "message_attachments_of_message" ON "message_attachments" USING btree ("workspace_id","message_id","position");--> statement-breakpoint
CREATE UNIQUE INDEX "messages_in_order" ON "messages" USING btree ("workspace_id","conversation_id","position");
--> statement-breakpoint
do $$
declare
  tenant_table text;
begin
  foreach tenant_table in array array['conversations', 'messages', 'message_attachments', 'generations', 'generation_events'] loop
    execute format('alter table %I enable row level security', tenant_table);
    execute format('alter table %I force row level security', tenant_table);
    execute format(
      'create policy one_workspace on %I to signalbox_app '
      'using (workspace_id = (select current_setting(''app.workspace_id'', true))) '
      'with check (workspace_id = (select current_setting(''app.workspace_id'', true)))',
      tenant_table
    );
    execute format('create policy every_workspace on %I to signalbox_system using (true) with check (true)', tenant_table);
  end loop;
end
$$;
--> statement-breakpoint
grant select, insert, update on conversations, messages, generations to signalbox_app;
--> statement-breakpoint
grant select, insert on message_attachments, generation_events to signalbox_app;
--> statement-breakpoint
-- To take over what a lost server was at, and to drop logs whose time is over.
grant select, update on generations to signalbox_system;
--> statement-breakpoint
grant select, delete on generation_events to signalbox_system;
--> statement-breakpoint
alter table messages add constraint messages_role check (role in ('USER', 'ASSISTANT', 'SYSTEM', 'TOOL'));
--> statement-breakpoint
alter table generations add constraint generations_status
  check (status in ('QUEUED', 'STREAMING', 'COMPLETED', 'STOPPED', 'FAILED'));
--> statement-breakpoint
alter table generations add constraint generations_end
  check ((finished_at is null) = (status in ('QUEUED', 'STREAMING')));
--> statement-breakpoint
alter table generation_events add constraint generation_events_kind
  check (kind in ('STARTED', 'TEXT', 'RESTARTED', 'TOOL', 'FAILED', 'COMPLETED'));
--> statement-breakpoint
-- The row of a generation changes with every few words of its answer, in place as long as its page has room.
alter table generations set (fillfactor = 50);
