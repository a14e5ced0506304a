import { join } from 'node:path';
import { z } from 'zod';
import { ConfigError } from './shared/config-error.ts';
import { withoutTrailingSlash } from './shared/trailing-slash.ts';

const isHttpUrl = (value: string) => /^https?:\/\//.test(value) && URL.canParse(value);
const isRedisUrl = (value: string) => /^rediss?:\/\//.test(value) && URL.canParse(value);
const isPostgresUrl = (value: string) => /^postgres(ql)?:\/\//.test(value) && URL.canParse(value);

const parseJsonList = (value: string, context: z.RefinementCtx): object[] => {
  try {
    const parsed: unknown = JSON.parse(value);
    if (Array.isArray(parsed) && parsed.every((item) => typeof item === 'object' && item !== null)) return parsed;
  } catch {
    // Reported below, like a value of another shape.
  }
  context.addIssue({
    code: 'custom',
    message: 'must be a JSON array such as [{"name":"mine","source":"/models/mine","dimensions":384}]',
  });
  return z.NEVER;
};

/** As the OpenTelemetry specification writes them: `name=value,name=value`, values percent-encoded. */
const parseHeaders = (value: string, context: z.RefinementCtx): Record<string, string> => {
  const headers = new Map<string, string>();
  for (const part of value.split(',').filter((text) => text.trim() !== '')) {
    const [, name, encoded] = /^\s*([!#$%&'*+.^_`|~0-9A-Za-z-]+)\s*=(.*)$/.exec(part) ?? [];
    const text = decoded(encoded?.trim());
    if (name === undefined || text === null) {
      context.addIssue({
        code: 'custom',
        message: 'must look like name=value,name=value, with values percent-encoded',
      });
      return z.NEVER;
    }
    headers.set(name, text);
  }
  return Object.fromEntries(headers);
};

/** Null for what can be no header. */
const decoded = (encoded: string | undefined): string | null => {
  try {
    const text = decodeURIComponent(encoded ?? '');
    return encoded === undefined || /[^\t\x20-\x7e]/.test(text) ? null : text;
  } catch {
    return null;
  }
};

const SETTINGS = z.object({
  PORT: z.coerce
    .number({ error: 'must be a port number' })
    .int('must be a port number')
    .min(0, 'must be 0 (any free port) to 65535')
    .max(65_535, 'must be 0 (any free port) to 65535')
    .default(4000),
  HOST: z.string().default('127.0.0.1'),
  DATABASE_URL: z
    .string()
    .refine(isPostgresUrl, 'must look like postgres://user:password@host:5432/database')
    .optional(),
  DATABASE_POOL_SIZE: z.coerce
    .number({ error: 'must be a number' })
    .int('must be 2 to 500')
    .min(2, 'must be 2 to 500')
    .max(500, 'must be 2 to 500')
    .default(10),
  REDIS_URL: z.string().refine(isRedisUrl, 'must look like redis://:password@host:6379').optional(),
  SIGNALBOX_DATA_DIR: z.string().default('./data'),
  SIGNALBOX_ROOT_KEY: z.string().min(24, 'must have at least 24 characters').optional(),
  SIGNALBOX_SECRET_KEY: z.string().min(32, 'must have at least 32 characters').optional(),
  SIGNALBOX_SECRET_KEY_PREVIOUS: z.string().min(32, 'must have at least 32 characters').optional(),
  SIGNALBOX_DEMO: z.enum(['0', '1'], { error: 'must be 0 or 1' }).default('1'),
  SIGNALBOX_WORKER: z.enum(['0', '1'], { error: 'must be 0 or 1' }).default('1'),
  SIGNALBOX_EMBEDDING_MODEL: z
    .string()
    .regex(/^[a-z0-9-]+\/.+$/, 'must be <provider>/<model>, such as local/use-lite-768')
    .default('local/use-lite-768'),
  SIGNALBOX_LOCAL_WORKERS: z.coerce
    .number({ error: 'must be a number' })
    .int('must be 1 to 8')
    .min(1, 'must be 1 to 8')
    .max(8, 'must be 1 to 8')
    .optional(),
  SIGNALBOX_LOCAL_MODELS: z.string().transform(parseJsonList).optional(),
  SIGNALBOX_PLUGINS_DIR: z.string().optional(),
  SIGNALBOX_ALLOW_PRIVATE_URLS: z.enum(['0', '1'], { error: 'must be 0 or 1' }).optional(),
  SIGNALBOX_JWT_JWKS_URL: z.string().refine(isHttpUrl, 'must be an http(s) url').optional(),
  SIGNALBOX_JWT_ISSUER: z.string().optional(),
  SIGNALBOX_JWT_AUDIENCE: z.string().optional(),
  SIGNALBOX_JWT_WORKSPACE_CLAIM: z.string().default('workspace'),
  SIGNALBOX_JWT_USER_CLAIM: z.string().default('sub'),
  SIGNALBOX_JWT_ROLE_CLAIM: z.string().default('role'),
  SIGNALBOX_TRUSTED_DOCUMENTS: z.string().optional(),
  SIGNALBOX_PUBLIC_URL: z.string().refine(isHttpUrl, 'must be an http(s) url').optional(),
  SIGNALBOX_FILES_DIR: z.string().optional(),
  SIGNALBOX_UPLOAD_MAX_BYTES: z.coerce
    .number({ error: 'must be a number of bytes' })
    .int('must be a number of bytes')
    .min(1, 'must be at least 1')
    .max(64 * 2 ** 30, 'must be at most 64 GiB')
    .default(2 * 2 ** 30),
  SIGNALBOX_SUBSCRIBER_PATIENCE_SECONDS: z.coerce
    .number({ error: 'must be a number of seconds' })
    .min(1, 'must be 1 to 3600')
    .max(3_600, 'must be 1 to 3600')
    .default(30),
  SIGNALBOX_S3_BUCKET: z.string().optional(),
  SIGNALBOX_S3_REGION: z.string().default('us-east-1'),
  SIGNALBOX_S3_ENDPOINT: z.string().refine(isHttpUrl, 'must be an http(s) url').optional(),
  SIGNALBOX_S3_ACCESS_KEY_ID: z.string().optional(),
  SIGNALBOX_S3_SECRET_ACCESS_KEY: z.string().optional(),
  SIGNALBOX_S3_FORCE_PATH_STYLE: z.enum(['0', '1'], { error: 'must be 0 or 1' }).optional(),
  SIGNALBOX_USAGE_RETENTION_DAYS: z.coerce
    .number({ error: 'must be a number of days' })
    .int('must be 1 to 3650')
    .min(1, 'must be 1 to 3650')
    .max(3_650, 'must be 1 to 3650')
    .default(400),
  OTEL_EXPORTER_OTLP_ENDPOINT: z.string().refine(isHttpUrl, 'must be an http(s) url').optional(),
  OTEL_EXPORTER_OTLP_HEADERS: z.string().transform(parseHeaders).optional(),
  OTEL_SERVICE_NAME: z.string().default('signalbox'),
  LOG_LEVEL: z
    .enum(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'], {
      error: 'must be one of fatal, error, warn, info, debug, trace, silent',
    })
    .default('info'),
});

export interface JwtConfig {
  jwksUrl: string;
  issuer: string;
  audience: string | undefined;
  claims: { workspace: string; user: string; role: string };
}

/** Where spans of model calls go. */
export interface TelemetryConfig {
  /** Of an OTLP collector over HTTP, without `/v1/traces`. */
  endpoint: string;
  headers: Record<string, string>;
  serviceName: string;
}

/** An S3-compatible bucket. */
export interface S3Config {
  bucket: string;
  region: string;
  /** Absent: AWS itself. */
  endpoint: string | undefined;
  /** Absent: what the AWS SDK finds, such as the role of the machine. */
  credentials: { accessKeyId: string; secretAccessKey: string } | undefined;
  /** `<endpoint>/<bucket>/<key>`, as most servers want it that are not AWS. */
  forcePathStyle: boolean;
}

export interface Config {
  port: number;
  host: string;
  /** Absent: the embedded database in `dataDir`. */
  databaseUrl: string | undefined;
  databasePoolSize: number;
  /** Carries events between servers. Absent: the database does. */
  redisUrl: string | undefined;
  dataDir: string;
  /** Absent: made once and kept in `dataDir`. */
  rootKey: string | undefined;
  /** Seals credentials. Absent: made once and kept in `dataDir`. */
  secretKey: string | undefined;
  /** Opens what was sealed before the key was changed. */
  previousSecretKey: string | undefined;
  /** Make and fill the demo workspace on the first start. */
  demo: boolean;
  /** Work jobs in this process, beside serving. */
  worker: boolean;
  /** Id of the model that documents and queries are embedded with. */
  embeddingModel: string;
  /** Threads of the local embedding models; absent: chosen by the cores of the machine. */
  localWorkers: number | undefined;
  /** Sentence-transformers beside the known ones, as the local plugin's `models` takes them; it checks them. */
  localModels: object[] | undefined;
  /** Plugin modules that are registered by path are below it. */
  pluginsDir: string;
  /** Whether plugins may be at, and connect to, loopback and private addresses. */
  allowPrivateUrls: boolean;
  jwt: JwtConfig | undefined;
  /** Path of a JSON file `{ "<hash>": "<document>" }`; only these documents are then executed. */
  trustedDocuments: string | undefined;
  /** Where clients reach the server, without a slash at the end. Absent: what leads to it is told as a path. */
  publicUrl: string | undefined;
  /** Where uploaded files are kept, unless `s3` is there. */
  filesDir: string;
  /** Of one uploaded file. */
  uploadMaxBytes: number;
  /** How long a subscriber may read nothing before it is closed. */
  subscriberPatienceMs: number;
  /** Absent: files are kept in `filesDir`. */
  s3: S3Config | undefined;
  /** For how many days single attempts are kept; what they add up to by day stays. */
  usageRetentionDays: number;
  /** Absent: there are no spans. */
  telemetry: TelemetryConfig | undefined;
  logLevel: string;
}

/**
 * The one reader of the environment. A variable that is set to nothing counts as not set.
 * @throws ConfigError that names the first setting that cannot be used
 */
export function readConfig(environment: Record<string, string | undefined>): Config {
  const given = Object.fromEntries(
    Object.entries(environment).filter(([, value]) => value !== undefined && value !== ''),
  );
  const parsed = SETTINGS.safeParse(given);
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    throw new ConfigError(`${issue?.path.join('.') ?? 'configuration'} ${issue?.message ?? 'is not valid'}`);
  }
  const settings = parsed.data;
  return {
    port: settings.PORT,
    host: settings.HOST,
    databaseUrl: settings.DATABASE_URL,
    databasePoolSize: settings.DATABASE_POOL_SIZE,
    redisUrl: settings.REDIS_URL,
    dataDir: settings.SIGNALBOX_DATA_DIR,
    rootKey: settings.SIGNALBOX_ROOT_KEY,
    secretKey: settings.SIGNALBOX_SECRET_KEY,
    previousSecretKey: settings.SIGNALBOX_SECRET_KEY_PREVIOUS,
    demo: settings.SIGNALBOX_DEMO === '1',
    worker: settings.SIGNALBOX_WORKER === '1',
    embeddingModel: settings.SIGNALBOX_EMBEDDING_MODEL,
    localWorkers: settings.SIGNALBOX_LOCAL_WORKERS,
    localModels: settings.SIGNALBOX_LOCAL_MODELS,
    pluginsDir: settings.SIGNALBOX_PLUGINS_DIR ?? join(settings.SIGNALBOX_DATA_DIR, 'plugins'),
    allowPrivateUrls: (settings.SIGNALBOX_ALLOW_PRIVATE_URLS ?? (isLocalDemo(settings) ? '1' : '0')) === '1',
    jwt: readJwtConfig(settings),
    trustedDocuments: settings.SIGNALBOX_TRUSTED_DOCUMENTS,
    publicUrl: settings.SIGNALBOX_PUBLIC_URL && withoutTrailingSlash(settings.SIGNALBOX_PUBLIC_URL),
    filesDir: settings.SIGNALBOX_FILES_DIR ?? join(settings.SIGNALBOX_DATA_DIR, 'files'),
    uploadMaxBytes: settings.SIGNALBOX_UPLOAD_MAX_BYTES,
    subscriberPatienceMs: settings.SIGNALBOX_SUBSCRIBER_PATIENCE_SECONDS * 1_000,
    s3: readS3Config(settings),
    usageRetentionDays: settings.SIGNALBOX_USAGE_RETENTION_DAYS,
    telemetry: readTelemetryConfig(settings),
    logLevel: settings.LOG_LEVEL,
  };
}

/** Somebody tries the product on their own machine: their model server is there too. */
function isLocalDemo(settings: z.infer<typeof SETTINGS>): boolean {
  return settings.SIGNALBOX_DEMO === '1' && settings.DATABASE_URL === undefined && isLoopback(settings.HOST);
}

/** Whether only this machine can reach what listens there. */
export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || host.startsWith('127.');
}

function readTelemetryConfig(settings: z.infer<typeof SETTINGS>): TelemetryConfig | undefined {
  const { OTEL_EXPORTER_OTLP_ENDPOINT: endpoint, OTEL_EXPORTER_OTLP_HEADERS: headers = {} } = settings;
  return endpoint === undefined ? undefined : { endpoint, headers, serviceName: settings.OTEL_SERVICE_NAME };
}

function readS3Config(settings: z.infer<typeof SETTINGS>): S3Config | undefined {
  const { SIGNALBOX_S3_BUCKET: bucket, SIGNALBOX_S3_ENDPOINT: endpoint, SIGNALBOX_S3_REGION: region } = settings;
  const { SIGNALBOX_S3_ACCESS_KEY_ID: accessKeyId, SIGNALBOX_S3_SECRET_ACCESS_KEY: secretAccessKey } = settings;
  if (bucket === undefined) {
    if (endpoint === undefined && accessKeyId === undefined) return undefined;
    throw new ConfigError('SIGNALBOX_S3_BUCKET must be set when other settings of S3 are');
  }
  if ((accessKeyId === undefined) !== (secretAccessKey === undefined)) {
    throw new ConfigError('SIGNALBOX_S3_ACCESS_KEY_ID and SIGNALBOX_S3_SECRET_ACCESS_KEY must be set together');
  }
  const given = accessKeyId !== undefined && secretAccessKey !== undefined;
  const forcePathStyle = settings.SIGNALBOX_S3_FORCE_PATH_STYLE ?? (endpoint === undefined ? '0' : '1');
  return {
    ...{ bucket, region, endpoint, forcePathStyle: forcePathStyle === '1' },
    credentials: given ? { accessKeyId, secretAccessKey } : undefined,
  };
}

function readJwtConfig(settings: z.infer<typeof SETTINGS>): JwtConfig | undefined {
  if (settings.SIGNALBOX_JWT_JWKS_URL === undefined) return undefined;
  if (settings.SIGNALBOX_JWT_ISSUER === undefined) {
    throw new ConfigError('SIGNALBOX_JWT_ISSUER must be set when SIGNALBOX_JWT_JWKS_URL is');
  }
  return {
    jwksUrl: settings.SIGNALBOX_JWT_JWKS_URL,
    issuer: settings.SIGNALBOX_JWT_ISSUER,
    audience: settings.SIGNALBOX_JWT_AUDIENCE,
    claims: {
      workspace: settings.SIGNALBOX_JWT_WORKSPACE_CLAIM,
      user: settings.SIGNALBOX_JWT_USER_CLAIM,
      role: settings.SIGNALBOX_JWT_ROLE_CLAIM,
    },
  };
}
