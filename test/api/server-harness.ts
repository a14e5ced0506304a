import { existsSync, mkdirSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { inject } from 'vitest';
import { type App, type AppOptions, startApp } from '../../src/app.ts';
import { readConfig } from '../../src/config.ts';
import { createLogger, type Logger } from '../../src/observability/logger.ts';
import { startServer } from '../../src/server/start-server.ts';
import { type TestDatabaseTarget, testDatabaseTarget } from '../support/database.ts';

/** What a test may set of the server that it starts. */
export interface TestServerOptions {
  /** Environment variables beside those of the test server, as the product reads them. */
  environment?: Record<string, string>;
  /** Leads to the same Postgres another way; not called where the database is embedded. */
  reroute?: (databaseUrl: string) => string;
  /** In place of a silent one, for tests that read the log. */
  logger?: Logger;
  /** In place of the shipped provider, for tests that count its calls. */
  wrapProvider?: AppOptions['wrapProvider'];
  /** Plugins beside the shipped ones. */
  plugins?: AppOptions['plugins'];
  /** A database that outlives the server, for tests that start it again; left out, one of its own. */
  target?: Omit<TestDatabaseTarget, 'remove'>;
}

/** An answer as it came over HTTP. */
export interface Answer<Data = Record<string, unknown>> {
  status: number;
  headers: Headers;
  body: { data?: Data | null; errors?: AnswerError[]; extensions?: Record<string, unknown> };
}

/** One entry of `errors`. */
export interface AnswerError {
  message: string;
  path?: (string | number)[];
  extensions: { code: string } & Record<string, unknown>;
}

export interface QueryOptions {
  /** Sent as `Authorization: Bearer <key>`; left out, nobody asks. */
  key?: string;
  headers?: Record<string, string>;
  /** Aborts a request that hangs; left out: after 20 seconds. */
  timeoutMs?: number;
}

export interface TestWorkspace {
  id: string;
  slug: string;
  /** Secret of its first key, of the role OWNER. */
  ownerKey: string;
}

/** The product as a process runs it, on a database and a port of its own. */
export interface TestServer {
  /** Origin of the server, such as `http://127.0.0.1:40123`. */
  url: string;
  /** Url of its WebSocket. */
  wsUrl: string;
  app: App;
  rootKey: string;
  /**
   * Posts a document to `/graphql`. The data's shape is the test's word; what comes back is asserted, not checked.
   */
  query<Data = Record<string, never>>(
    document: string,
    variables?: Record<string, unknown>,
    options?: QueryOptions,
  ): Promise<Answer<Data>>;
  createWorkspace(input?: { tier?: 'FREE' | 'PRO' | 'ENTERPRISE' }): Promise<TestWorkspace>;
  /** Makes a key of a workspace. */
  createKey(ownerKey: string, role: 'OWNER' | 'ADMIN' | 'MEMBER' | 'VIEWER'): Promise<{ id: string; secret: string }>;
  /** Stops the server and removes its database. Idempotent. */
  close(): Promise<void>;
}

const ANSWER_TIMEOUT_MS = 50_000;

const CREATE_WORKSPACE = /* GraphQL */ `
  mutation CreateWorkspace($input: CreateWorkspaceInput!) {
    createWorkspace(input: $input) {
      ... on CreatedWorkspace { workspace { id slug } ownerKey { secret } }
      ... on Error { code message }
    }
  }
`;

const CREATE_KEY = /* GraphQL */ `
  mutation CreateKey($input: CreateApiKeyInput!) {
    createApiKey(input: $input) {
      ... on ApiKeyCreated { apiKey { id } secret }
      ... on Error { code message }
    }
  }
`;

/** Starts the product on a database of its own: in memory, or on Postgres where the suite runs on one. */
export async function startTestServer(options: TestServerOptions = {}): Promise<TestServer> {
  const target = options.target ?? (await testDatabaseTarget());
  shareModels(target.dataDir);
  const config = readConfig({
    HOST: '127.0.0.1',
    PORT: '0',
    SIGNALBOX_DATA_DIR: target.dataDir,
    SIGNALBOX_DEMO: '0',
    SIGNALBOX_LOCAL_WORKERS: '1',
    DATABASE_URL:
      target.databaseUrl === undefined ? undefined : (options.reroute?.(target.databaseUrl) ?? target.databaseUrl),
    DATABASE_POOL_SIZE: String(target.poolSize),
    LOG_LEVEL: 'silent',
    ...options.environment,
  });
  const logger = options.logger ?? createLogger(config.logLevel);
  const { inMemory, preparedFolder } = target;
  const { wrapProvider, plugins } = options;
  const app = await startApp(config, logger, { inMemory, preparedFolder, wrapProvider, plugins });
  const server = await startServer(app);
  await app.startWorking();
  const origin = `127.0.0.1:${server.address.port}`;
  let closing: Promise<void> | null = null;
  const closeAll = async () => {
    await server.close();
    await app.close();
    if ('remove' in target) await (target as TestDatabaseTarget).remove();
  };
  const url = `http://${origin}`;
  const query = queryAt(url);
  return {
    url,
    wsUrl: `ws://${origin}/graphql`,
    app,
    rootKey: app.rootKey,
    query,
    createWorkspace: (input) => createWorkspace(query, app.rootKey, input?.tier ?? 'ENTERPRISE'),
    createKey: (ownerKey, role) => createKey(query, ownerKey, role),
    close: () => {
      closing ??= closeAll();
      return closing;
    },
  };
}

/** The embedding model's file takes seconds to make, so the run's first server makes it for all of them. */
export function shareModels(dataDir: string): void {
  const shared = join(inject('runFolder'), 'models');
  mkdirSync(shared, { recursive: true });
  const link = join(dataDir, 'models');
  if (!existsSync(link)) symlinkSync(shared, link, 'dir');
}

function queryAt(url: string): TestServer['query'] {
  return async (document, variables = {}, { key, headers, timeoutMs = ANSWER_TIMEOUT_MS } = {}) => {
    const response = await fetch(`${url}/graphql`, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        accept: 'application/json',
        ...(key === undefined ? {} : { authorization: `Bearer ${key}` }),
        ...headers,
      },
      body: JSON.stringify({ query: document, variables }),
      signal: AbortSignal.timeout(timeoutMs),
    });
    return {
      status: response.status,
      headers: response.headers,
      body: (await response.json()) as Answer<never>['body'],
    };
  };
}

async function createWorkspace(
  query: TestServer['query'],
  rootKey: string,
  tier: 'FREE' | 'PRO' | 'ENTERPRISE',
): Promise<TestWorkspace> {
  const { body } = await query<{
    createWorkspace: { workspace: { id: string; slug: string }; ownerKey: { secret: string } };
  }>(CREATE_WORKSPACE, { input: { name: `Workspace ${crypto.randomUUID()}`, tier } }, { key: rootKey });
  const made = body.data?.createWorkspace;
  if (made?.workspace === undefined) throw new Error(`no workspace was made: ${JSON.stringify(body)}`);
  return { ...made.workspace, ownerKey: made.ownerKey.secret };
}

async function createKey(
  query: TestServer['query'],
  ownerKey: string,
  role: string,
): Promise<{ id: string; secret: string }> {
  const { body } = await query<{ createApiKey: { apiKey: { id: string }; secret: string } }>(
    CREATE_KEY,
    { input: { name: `a ${role}`, role } },
    { key: ownerKey },
  );
  const made = body.data?.createApiKey;
  if (made?.apiKey === undefined) throw new Error(`no key was made: ${JSON.stringify(body)}`);
  return { id: made.apiKey.id, secret: made.secret };
}
