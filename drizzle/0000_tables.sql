CREATE TABLE "classifications" (
	"workspace_id" text NOT NULL,
	"document_id" text NOT NULL,
	"taxonomy" text NOT NULL,
	"id" text NOT NULL,
	"labels" jsonb NOT NULL,
	"confidence" double precision NOT NULL,
	"score" double precision,
	"reasoning" text,
	"model" text NOT NULL,
	"corrected_by" text,
	"content_hash" "bytea" NOT NULL,
	"revision" integer NOT NULL,
	"classified_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "classifications_workspace_id_document_id_taxonomy_pk" PRIMARY KEY("workspace_id","document_id","taxonomy")
);
--> statement-breakpoint
CREATE TABLE "taxonomies" (
	"workspace_id" text NOT NULL,
	"id" text NOT NULL,
	"name" text NOT NULL,
	"dimensions" jsonb NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	"updated_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "taxonomies_workspace_id_id_pk" PRIMARY KEY("workspace_id","id")
);
--> statement-breakpoint
CREATE TABLE "taxonomy_revisions" (
	"workspace_id" text NOT NULL,
	"taxonomy" text NOT NULL,
	"revision" integer NOT NULL,
	CONSTRAINT "taxonomy_revisions_workspace_id_taxonomy_pk" PRIMARY KEY("workspace_id","taxonomy")
);
--> statement-breakpoint
CREATE TABLE "chunks" (
	"workspace_id" text NOT NULL,
	"model" text NOT NULL,
	"document_id" text NOT NULL,
	"ordinal" integer NOT NULL,
	"start_offset" integer NOT NULL,
	"end_offset" integer NOT NULL,
	"embedding" vector NOT NULL,
	CONSTRAINT "chunks_workspace_id_model_document_id_ordinal_pk" PRIMARY KEY("workspace_id","model","document_id","ordinal")
);
--> statement-breakpoint
CREATE TABLE "collections" (
	"workspace_id" text NOT NULL,
	"id" text NOT NULL,
	"name" text NOT NULL,
	"slug" text NOT NULL,
	"kind" text NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "collections_workspace_id_id_pk" PRIMARY KEY("workspace_id","id")
);
--> statement-breakpoint
CREATE TABLE "documents" (
	"workspace_id" text NOT NULL,
	"id" text NOT NULL,
	"collection_id" text NOT NULL,
	"external_id" text,
	"kind" text NOT NULL,
	"title" text,
	"text" text NOT NULL,
	"source" jsonb NOT NULL,
	"metadata" jsonb NOT NULL,
	"language" text,
	"content_hash" "bytea" NOT NULL,
	"lexemes" "tsvector" NOT NULL,
	"embedding_status" text NOT NULL,
	"embedding_model" text,
	"embedding_error" text,
	"embedded_at" timestamp with time zone,
	"token_count" integer,
	"chunk_count" integer DEFAULT 0 NOT NULL,
	"created_at" timestamp with time zone NOT NULL,
	"updated_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "documents_workspace_id_id_pk" PRIMARY KEY("workspace_id","id")
);
--> statement-breakpoint
CREATE TABLE "embedding_cache" (
	"workspace_id" text NOT NULL,
	"model" text NOT NULL,
	"content_hash" "bytea" NOT NULL,
	"embedding" "bytea" NOT NULL,
	"token_count" integer NOT NULL,
	"expires_at" timestamp with time zone NOT NULL,
	CONSTRAINT "embedding_cache_workspace_id_model_content_hash_pk" PRIMARY KEY("workspace_id","model","content_hash")
);
--> statement-breakpoint
CREATE TABLE "jobs" (
	"workspace_id" text NOT NULL,
	"id" text NOT NULL,
	"boss_id" uuid NOT NULL,
	"kind" text NOT NULL,
	"queue" text NOT NULL,
	"status" text NOT NULL,
	"priority" integer NOT NULL,
	"attempt" integer DEFAULT 0 NOT NULL,
	"max_attempts" integer NOT NULL,
	"done" integer DEFAULT 0 NOT NULL,
	"failed" integer DEFAULT 0 NOT NULL,
	"total" integer,
	"result" jsonb,
	"error" text,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	"started_at" timestamp with time zone,
	"finished_at" timestamp with time zone,
	"next_attempt_at" timestamp with time zone,
	CONSTRAINT "jobs_workspace_id_id_pk" PRIMARY KEY("workspace_id","id")
);
--> statement-breakpoint
CREATE TABLE "meter_days" (
	"workspace_id" text NOT NULL,
	"meter" text NOT NULL,
	"day" date NOT NULL,
	"used" bigint NOT NULL,
	CONSTRAINT "meter_days_workspace_id_meter_day_pk" PRIMARY KEY("workspace_id","meter","day")
);
--> statement-breakpoint
CREATE TABLE "usage_attempts" (
	"workspace_id" text NOT NULL,
	"id" text NOT NULL,
	"at" timestamp with time zone NOT NULL,
	"api_key_id" text,
	"user_id" text,
	"request_id" text NOT NULL,
	"provider" text NOT NULL,
	"model" text NOT NULL,
	"operation" text NOT NULL,
	"outcome" text NOT NULL,
	"error_code" text,
	"embeddings" integer NOT NULL,
	"llm_calls" integer NOT NULL,
	"vector_queries" integer NOT NULL,
	"cache_hits" integer NOT NULL,
	"input_tokens" integer NOT NULL,
	"output_tokens" integer NOT NULL,
	"cached_tokens" integer NOT NULL,
	"cost_usd" numeric,
	"latency_ms" double precision NOT NULL,
	CONSTRAINT "usage_attempts_workspace_id_id_pk" PRIMARY KEY("workspace_id","id")
);
--> statement-breakpoint
CREATE TABLE "usage_daily" (
	"workspace_id" text NOT NULL,
	"day" date NOT NULL,
	"provider" text NOT NULL,
	"model" text NOT NULL,
	"operation" text NOT NULL,
	"api_key_id" text NOT NULL,
	"outcome" text NOT NULL,
	"requests" bigint NOT NULL,
	"embeddings" bigint NOT NULL,
	"llm_calls" bigint NOT NULL,
	"vector_queries" bigint NOT NULL,
	"cache_hits" bigint NOT NULL,
	"input_tokens" bigint NOT NULL,
	"output_tokens" bigint NOT NULL,
	"cached_tokens" bigint NOT NULL,
	"cost_usd" numeric NOT NULL,
	"unpriced" bigint NOT NULL,
	"latency_ms" double precision NOT NULL,
	CONSTRAINT "usage_daily_workspace_id_day_provider_model_operation_api_key_id_outcome_pk" PRIMARY KEY("workspace_id","day","provider","model","operation","api_key_id","outcome")
);
--> statement-breakpoint
CREATE TABLE "api_keys" (
	"workspace_id" text NOT NULL,
	"id" text NOT NULL,
	"name" text NOT NULL,
	"prefix" text NOT NULL,
	"secret_hash" "bytea" NOT NULL,
	"role" text NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	"last_used_at" timestamp with time zone,
	"expires_at" timestamp with time zone,
	"revoked_at" timestamp with time zone,
	CONSTRAINT "api_keys_workspace_id_id_pk" PRIMARY KEY("workspace_id","id")
);
--> statement-breakpoint
CREATE TABLE "idempotency_keys" (
	"workspace_id" text NOT NULL,
	"operation" text NOT NULL,
	"key" text NOT NULL,
	"input_hash" "bytea" NOT NULL,
	"answer" text NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "idempotency_keys_workspace_id_operation_key_pk" PRIMARY KEY("workspace_id","operation","key")
);
--> statement-breakpoint
CREATE TABLE "workspaces" (
	"id" text PRIMARY KEY NOT NULL,
	"name" text NOT NULL,
	"slug" text NOT NULL,
	"tier" text NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "workspaces_slug_unique" UNIQUE("slug")
);
--> statement-breakpoint
ALTER TABLE "classifications" ADD CONSTRAINT "classifications_workspace_id_document_id_documents_workspace_id_id_fk" FOREIGN KEY ("workspace_id","document_id") REFERENCES "public"."documents"("workspace_id","id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "taxonomies" ADD CONSTRAINT "taxonomies_workspace_id_workspaces_id_fk" FOREIGN KEY ("workspace_id") REFERENCES "public"."workspaces"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "taxonomy_revisions" ADD CONSTRAINT "taxonomy_revisions_workspace_id_workspaces_id_fk" FOREIGN KEY ("workspace_id") REFERENCES "public"."workspaces"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "chunks" ADD CONSTRAINT "chunks_workspace_id_document_id_documents_workspace_id_id_fk" FOREIGN KEY ("workspace_id","document_id") REFERENCES "public"."documents"("workspace_id","id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "collections" ADD CONSTRAINT "collections_workspace_id_workspaces_id_fk" FOREIGN KEY ("workspace_id") REFERENCES "public"."workspaces"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "documents" ADD CONSTRAINT "documents_workspace_id_collection_id_collections_workspace_id_id_fk" FOREIGN KEY ("workspace_id","collection_id") REFERENCES "public"."collections"("workspace_id","id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "embedding_cache" ADD CONSTRAINT "embedding_cache_workspace_id_workspaces_id_fk" FOREIGN KEY ("workspace_id") REFERENCES "public"."workspaces"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "jobs" ADD CONSTRAINT "jobs_workspace_id_workspaces_id_fk" FOREIGN KEY ("workspace_id") REFERENCES "public"."workspaces"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "meter_days" ADD CONSTRAINT "meter_days_workspace_id_workspaces_id_fk" FOREIGN KEY ("workspace_id") REFERENCES "public"."workspaces"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "usage_attempts" ADD CONSTRAINT "usage_attempts_workspace_id_workspaces_id_fk" FOREIGN KEY ("workspace_id") REFERENCES "public"."workspaces"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "usage_daily" ADD CONSTRAINT "usage_daily_workspace_id_workspaces_id_fk" FOREIGN KEY ("workspace_id") REFERENCES "public"."workspaces"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "api_keys" ADD CONSTRAINT "api_keys_workspace_id_workspaces_id_fk" FOREIGN KEY ("workspace_id") REFERENCES "public"."workspaces"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "idempotency_keys" ADD CONSTRAINT "idempotency_keys_workspace_id_workspaces_id_fk" FOREIGN KEY ("workspace_id") REFERENCES "public"."workspaces"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
CREATE UNIQUE INDEX "classifications_id" ON "classifications" USING btree ("workspace_id","id");--> statement-breakpoint
CREATE INDEX "classifications_corrected" ON "classifications" USING btree ("workspace_id","taxonomy","corrected_by");--> statement-breakpoint
CREATE UNIQUE INDEX "taxonomies_name" ON "taxonomies" USING btree ("workspace_id","name");--> statement-breakpoint
CREATE INDEX "chunks_by_document" ON "chunks" USING btree ("workspace_id","document_id");--> statement-breakpoint
CREATE UNIQUE INDEX "collections_slug" ON "collections" USING btree ("workspace_id","slug");--> statement-breakpoint
CREATE UNIQUE INDEX "documents_external_id" ON "documents" USING btree ("workspace_id","collection_id","external_id");--> statement-breakpoint
CREATE INDEX "documents_by_age" ON "documents" USING btree ("workspace_id","created_at","id");--> statement-breakpoint
CREATE INDEX "documents_by_kind" ON "documents" USING btree ("workspace_id","kind","id");--> statement-breakpoint
CREATE INDEX "documents_by_embedding" ON "documents" USING btree ("workspace_id","embedding_status","id");--> statement-breakpoint
CREATE INDEX "embedding_cache_by_expiry" ON "embedding_cache" USING btree ("expires_at");--> statement-breakpoint
CREATE INDEX "jobs_by_status" ON "jobs" USING btree ("workspace_id","status","id");--> statement-breakpoint
CREATE INDEX "usage_attempts_by_time" ON "usage_attempts" USING btree ("workspace_id","at");--> statement-breakpoint
CREATE UNIQUE INDEX "api_keys_secret_hash" ON "api_keys" USING btree ("secret_hash");--> statement-breakpoint
CREATE INDEX "api_keys_by_age" ON "api_keys" USING btree ("workspace_id","created_at");--> statement-breakpoint
CREATE INDEX "idempotency_keys_by_age" ON "idempotency_keys" USING btree ("created_at");